"""The pages: their texts, their policy, and that no input becomes markup."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.registration.embed.pages import (
    STATIC_FOLDER,
    ClosedPage,
    FramePage,
    PageStyle,
    asset,
    embed_path,
    render_closed,
    render_frame,
)
from services.registration.embed.strings import EventTime, instant_text, when_text
from services.registration.own.pages import LinkPage, render_erased, render_link, render_link_gone
from shared.i18n.languages import LANGUAGES
from shared.i18n.when import NO_BREAK, Period
from shared.public_forms.theme import Theme, read_theme, theme_css
from tests.unit.shared.public_forms.samples import webinar
from tests.unit.shared.public_forms.test_rendering import ATTACK, elements

WHEN = EventTime(
    Period(datetime(2020, 3, 4, 19, 0, tzinfo=UTC), datetime(2020, 3, 4, 20, 0, tzinfo=UTC), "America/New_York")
)
STYLE = PageStyle("en", Theme(accent="#b3541e"))
FRAME = FramePage(STYLE, webinar(), WHEN, "example-partner", "https://partner.example.org", "a-key")
LINK = LinkPage(STYLE, "UPR Webinar Wednesday #10", WHEN, "/r/a-token", "confirmed", 3, "webinar")


def every_page(style: PageStyle) -> list[str]:
    frame = replace(FRAME, style=style)
    return [
        render_frame(frame),
        render_frame(replace(frame, seats="waiting-list", notice="busy", organiser=ATTACK, partner=ATTACK)),
        render_closed(ClosedPage(style, ATTACK, EventTime(None), "postponed")),
        render_link(replace(LINK, style=style, answers=[(ATTACK, ATTACK)])),
        render_link(replace(LINK, style=style, asking="cancel")),
        render_link(replace(LINK, style=style, asking="erase")),
        render_erased(style),
        render_link(replace(LINK, style=style, status="waitlisted", position=7)),
        render_link(replace(LINK, style=style, status="cancelled", again_path="/embed/upr-webinar-10")),
        render_link_gone(style),
        render_link_gone(style, "/embed/upr-webinar-10"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_language_direction_and_one_heading(language: str) -> None:
    for page in every_page(replace(STYLE, language=language)):
        [(_, html)] = elements(page, "html")
        assert (html["lang"], html["dir"]) == (language, "rtl" if language == "ar" else "ltr")
        assert len(elements(page, "h1")) == 1
        assert len(elements(page, "title")) == 1


def test_every_page_obeys_its_policy() -> None:
    for page in every_page(STYLE):
        for tag, attrs in elements(page):
            assert not [name for name in attrs if name == "style" or name.startswith("on")]
            assert tag != "script" or attrs["src"]
            for name in ("src", "href", "action"):
                assert (attrs.get(name) or "/")[0] in "/#?"
        styles = re.findall(r"<style>(.*?)</style>", page)
        assert (styles, page.count("<style")) == ([theme_css(STYLE.theme)], 1)
        assert "alert(1)</script>" not in page


def test_form_works_without_a_script() -> None:
    page = render_frame(FRAME)
    [(_, form)] = elements(page, "form")
    hidden = {attrs["name"]: attrs["value"] for _, attrs in elements(page, "input") if attrs["type"] == "hidden"}
    assert (form["method"], form["action"]) == ("post", "/v1/forms/upr-webinar-10/submissions")
    assert form["data-parent-origin"] == "https://partner.example.org"
    assert hidden == {
        "lang": "en",
        "idempotency_key": "a-key",
        "partner": "example-partner",
        "parent": "https://partner.example.org",
        "accent": "#b3541e",
    }


def test_language_of_the_page_is_proposed_for_mails() -> None:
    page = render_frame(replace(FRAME, style=replace(STYLE, language="ru")))
    assert [attrs["value"] for _, attrs in elements(page, "option") if "selected" in attrs] == ["ru"]


def test_cancelling_takes_a_post_after_a_question() -> None:
    first, second = render_link(LINK), render_link(replace(LINK, asking="cancel"))
    assert [attrs["method"] for _, attrs in elements(first, "form")] == ["get", "get", "post"]
    assert [(attrs["method"], attrs["action"]) for _, attrs in elements(second, "form")] == [("post", "/r/a-token")]
    hidden = {attrs["name"]: attrs["value"] for _, attrs in elements(second, "input")}
    assert hidden == {"action": "cancel", "revision": "3", "lang": "en"}


@pytest.mark.parametrize("page", [replace(LINK, can_cancel=False), replace(LINK, status="cancelled", asking="cancel")])
def test_what_cannot_be_cancelled_has_no_button(page: LinkPage) -> None:
    texts = render_link(page)
    asked = [attrs.get("value") for _, attrs in elements(texts, "input") if attrs["name"] in ("action", "ask")]
    assert asked == ["erase", *(["renew-links"] if page.status != "cancelled" else [])]


def test_erasing_takes_a_post_after_a_question() -> None:
    second = render_link(replace(LINK, asking="erase"))
    assert [(attrs["method"], attrs["action"]) for _, attrs in elements(second, "form")] == [("post", "/r/a-token")]
    assert {attrs["name"]: attrs["value"] for _, attrs in elements(second, "input")} == {
        "action": "erase",
        "lang": "en",
    }


@pytest.mark.parametrize("status", ["confirmed", "waitlisted", "cancelled"])
def test_everyone_may_take_their_data_and_be_erased(status: Any) -> None:
    page = render_link(replace(LINK, status=status, position=1))
    asked = [attrs["value"] for _, attrs in elements(page, "input") if attrs["name"] == "ask"]
    assert asked[-1] == "erase"
    assert "/r/a-token/my-data.json" in [attrs.get("href") for _, attrs in elements(page, "a")]


def test_command_that_is_not_decided_is_asked_about_again() -> None:
    waiting = render_link(replace(LINK, processing=True))
    [(_, main)] = elements(waiting, "main")
    assert (main["data-reload"], "http-equiv" in waiting, "Being processed" in waiting) == (
        "?lang=en&again=1",
        True,
        True,
    )
    [(_, late)] = elements(render_link(replace(LINK, processing=True, attempt=99)), "main")
    assert "data-reload" not in late


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        ("link.event-over", "The event has begun"),
        ("link.edit-conflict", "changed in the meantime"),
        ("answers.option-full", "has just become full"),
    ],
)
def test_command_that_was_not_done_is_explained(refused: Any, text: str) -> None:
    assert text in render_link(replace(LINK, refused=refused))
    assert text not in render_link(LINK)


def test_mail_about_submissions_can_be_wanted_again() -> None:
    shown = render_link(replace(LINK, muted=True))
    assert ("action", "unmute") in [(attrs["name"], attrs["value"]) for _, attrs in elements(shown, "input")]
    assert "unmute" not in render_link(LINK)


def test_place_on_the_waiting_list_is_shown() -> None:
    assert "in position 7" in render_link(replace(LINK, status="waitlisted", position=7))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Wednesday 4 March 2020 · 2:00 – 3:00 PM · New York time (EST, UTC−5) · 7:00 – 8:00 PM UTC"),
        ("fr", "mercredi 4 mars 2020 · 14:00 – 15:00 · heure de New York (EST, UTC−5) · 19:00 – 20:00 UTC"),
    ],
)
def test_instant_is_written_in_the_zone_of_the_event_and_in_utc(language: str, text: str) -> None:
    assert when_text(WHEN, language).replace(NO_BREAK, " ") == text


def test_instant_on_another_day_in_utc_has_both_days() -> None:
    shown_time = EventTime(Period(datetime(2020, 3, 4, 3, 30, tzinfo=UTC), None, "America/New_York"))
    assert instant_text(shown_time, "en").replace(NO_BREAK, " ") == (
        "Tuesday 3 March 2020, 10:30 PM, New York time (EST, UTC−5), Wednesday 4 March 2020 · 3:30 AM UTC"
    )


def test_event_without_a_date_states_it() -> None:
    assert when_text(EventTime(None), "en") == "The date is not fixed yet."


@pytest.mark.parametrize(
    "values",
    [
        {"accent": "red;}body{display:none"},
        {"accent": "#12345"},
        {"radius": "99px"},
        {"radius": "calc(1px)"},
        {"font": "x;background:url(//example.org)"},
        {"font": "</style><script>"},
        {"font": "x" * 101},
        {"theme": "neon"},
    ],
)
def test_theme_that_is_not_valid_is_left_out(values: dict[str, str]) -> None:
    assert read_theme(values) == Theme()


def test_theme_becomes_custom_properties() -> None:
    theme = read_theme({"theme": "dark", "accent": "#FFD166", "radius": "4", "font": "Georgia, Noto Serif"})
    assert theme == Theme("dark", "#ffd166", "4px", "Georgia, Noto Serif")
    assert theme_css(theme) == (
        ":root:root{--troika-accent:#ffd166;--troika-on-accent:#000000;--troika-radius:4px;"
        "--troika-font:Georgia, Noto Serif,system-ui,sans-serif}"
    )


def test_address_of_a_form_leaves_out_what_is_empty() -> None:
    assert embed_path("a-form", {"partner": "p", "lang": "", "accent": "#ffffff"}) == (
        "/embed/a-form?partner=p&accent=%23ffffff"
    )


def test_static_files_exist_and_the_script_of_partners_is_small() -> None:
    for name in ("form.css", "frame.js"):
        assert asset(name).startswith(f"/embed/static/{name}?v=")
    assert len(gzip.compress((STATIC_FOLDER / "troika.js").read_bytes())) < 4096


def test_day_hours_zone_and_utc_stay_on_a_line_each_and_a_range_of_days_may_break() -> None:
    one_day, days = datetime(2020, 3, 4, 20, tzinfo=UTC), datetime(2020, 3, 6, 20, tzinfo=UTC)
    counts = [
        render_link(
            replace(LINK, event_time=EventTime(Period(datetime(2020, 3, 4, 19, tzinfo=UTC), end, "America/New_York")))
        ).count("<span class=part>")
        for end in (one_day, days)
    ]
    assert counts == [4, 0]
