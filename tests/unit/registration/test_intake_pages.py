"""Form, receipt and confirmation page in every state and language: nothing preselected, revealed or executed."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from services.registration.embed.pages import render_frame
from services.registration.embed.receipt_pages import RELOAD_AFTER_S, next_reload, render_receipt, render_received
from services.registration.embed.strings import script_texts
from services.registration.intake.model import Act, Choice, Result
from services.registration.own.confirmation_page import MAX_CHOICES, read_choices, render_confirmation
from services.registration.own.pages import LinkPage, render_link
from shared.calendar.entries import GOOGLE, OUTLOOK
from shared.http.request_data import MAX_FORM_VALUES
from shared.i18n.languages import LANGUAGES
from shared.public_forms.validation import FieldError
from tests.support.intake_pages import (
    ADDRESS,
    CANDIDATES,
    CHANGES,
    FORM_PATH,
    FRAME,
    HOSTILE,
    OWN_FORM,
    PATH,
    PENDING,
    RECEIPT,
    RECEIPT_PAGE,
    RECEIVED,
    REGISTRATION,
    RESULTS,
    STATUSES,
    STYLE,
    TOKEN,
    WHEN,
    every_page,
    with_results,
)
from tests.support.own_pages import RECORDING
from tests.unit.shared.public_forms.test_rendering import elements


class Visible(HTMLParser):
    """The text that is seen while nothing is unfolded."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.folded, self.text = 0, ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.folded += tag == "details"

    def handle_endtag(self, tag: str) -> None:
        self.folded -= tag == "details"

    def handle_data(self, data: str) -> None:
        self.text += "" if self.folded else data


def visible(html: str) -> str:
    """The text of a page while nothing is unfolded, in one line."""
    return " ".join(Visible(html).text.split())


def fields(html: str) -> list[tuple[str | None, str | None]]:
    """Name and value of what a form sends, but for its questions."""
    found = elements(html, "input", "button")
    return [(attrs.get("name"), attrs.get("value")) for _, attrs in found if attrs.get("type") in ("hidden", "submit")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_language_direction_title_and_one_heading(language: str) -> None:
    for name, page in every_page(replace(STYLE, language=language)).items():
        [(_, html)] = elements(page, "html")
        assert (html["lang"], html["dir"]) == (language, "rtl" if language == "ar" else "ltr"), name
        assert (len(elements(page, "h1")), len(elements(page, "title"))) == (1, 1), name
        ids = [attrs["id"] for _, attrs in elements(page) if "id" in attrs]
        assert len(ids) == len(set(ids)), name


CALENDARS = tuple(f"{address}?" for address in (GOOGLE, *OUTLOOK.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_was_typed_becomes_markup(language: str) -> None:
    """No script but our files, no style, no handler; links to elsewhere lead to recordings and calendars alone."""
    for name, page in every_page(replace(STYLE, language=language)).items():
        assert "alert(1)</script>" not in page, name
        for tag, attrs in elements(page):
            assert not [key for key in attrs if key == "style" or key.startswith("on")], name
            assert tag != "img", name
            assert tag != "script" or str(attrs["src"]).startswith("/embed/static/"), name
            for key in ("src", "href", "action", "formaction"):
                link, rel = str(attrs.get(key) or "/"), attrs.get("rel")
                to_calendar = link.startswith(CALENDARS) and rel == "noreferrer"
                assert link[0] in "/#?" or to_calendar or link == RECORDING.url, name


ASKED_BY_BUTTONS = {
    "form",
    "form-none",
    "received",
    "own-form",
    "own-answers",
    "own-answers-faults",
    "own-answers-conflict",
    "own-answers-name-taken",
    "own-proposal-answers",
    "own-details",
}
"""Pages whose language changes with what was typed, or not at all."""


def test_links_to_other_languages_hold_no_token() -> None:
    for name, page in every_page().items():
        changes = [str(attrs["href"]) for _, attrs in elements(page, "a") if "hreflang" in attrs]
        assert not [one for one in changes if TOKEN in one or RECEIPT in one], name
        assert bool(changes) == (name not in ASKED_BY_BUTTONS), name


def test_nothing_is_preselected_and_nothing_is_unfolded() -> None:
    for name, page in every_page().items():
        if name.startswith("confirmation"):
            assert not [attrs for _, attrs in elements(page, "input") if "checked" in attrs], name
            assert not [attrs for _, attrs in elements(page, "details") if "open" in attrs], name


def test_texts_of_others_are_folded_with_a_warning() -> None:
    page = render_confirmation(PENDING)
    assert HOSTILE in unescape(page)
    assert "evil.example.org" not in visible(page)
    assert "What happens in Geneva?" not in visible(page)
    warnings = page.count("Someone else may have written these answers.")
    assert warnings == len(elements(page, "details")) == 2


def test_each_candidate_offers_exactly_its_options() -> None:
    page = render_confirmation(PENDING)
    offered = [(attrs["name"], attrs["value"]) for _, attrs in elements(page, "input") if attrs["type"] == "radio"]
    first, second = (f"choice-{one}:upr-webinar-10" for one in CANDIDATES)
    assert offered == [
        (first, "confirm"),
        (first, "refuse"),
        (second, "keep"),
        (second, f"replace:{REGISTRATION}"),
        (second, "confirm"),
        (second, "refuse"),
    ]
    labelled = {attrs["for"] for _, attrs in elements(page, "label")}
    assert {attrs["id"] for _, attrs in elements(page, "input") if attrs["type"] == "radio"} == labelled


@pytest.mark.parametrize(
    ("value", "act", "registration"),
    [("confirm", Act.CONFIRM, None), (f"replace:{REGISTRATION}", Act.REPLACE, REGISTRATION), ("keep", Act.KEEP, None)],
)
def test_choice_is_read_as_it_was_offered(value: str, act: Act, registration: str | None) -> None:
    submitted = {"lang": "en", f"choice-{CANDIDATES[0]}:upr-webinar-10": value, "action": "choose"}
    assert read_choices(submitted) == (Choice(CANDIDATES[0], act, registration, "upr-webinar-10"),)


def test_page_sends_nothing_about_a_candidate_without_a_choice() -> None:
    """Strangers decide how many candidates there are, and a body has a limited number of values."""
    for page in (PENDING, replace(PENDING, candidates=(), changes=CHANGES)):
        hidden = [
            attrs["name"] for _, attrs in elements(render_confirmation(page), "input") if attrs["type"] == "hidden"
        ]
        assert set(hidden) <= {"lang", "registration"}


def test_choices_about_all_candidates_are_read_at_once() -> None:
    names = [f"choice-{UUID(int=number)}:a-form" for number in range(MAX_CHOICES + 1)]
    assert len(read_choices(dict.fromkeys(names[1:], "refuse"))) == MAX_CHOICES == MAX_FORM_VALUES - 2
    with pytest.raises(ValueError, match="more choices"):
        read_choices(dict.fromkeys(names, "refuse"))


@pytest.mark.parametrize(
    ("candidate", "value"),
    [
        (CANDIDATES[0], ""),
        (CANDIDATES[0], "delete"),
        (CANDIDATES[0], "replace"),
        (CANDIDATES[0], "replace:all"),
        (CANDIDATES[0], f"confirm:{REGISTRATION}"),
        ("all", "confirm"),
    ],
)
def test_choice_that_is_not_offered_is_refused(candidate: str, value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_choices({f"choice-{candidate}": value})


def test_post_without_a_choice_has_none() -> None:
    assert read_choices({"action": "choose", "lang": "en"}) == ()


def test_page_for_a_post_without_a_choice_shows_the_error_first() -> None:
    page = render_confirmation(replace(PENDING, no_choice=True))
    assert "<title>Error: Waiting for your confirmation</title>" in page
    summary = page.index('id="summary" role="alert"')
    assert summary < page.index("<fieldset")
    [(_, link)] = [one for one in elements(page[summary:], "a") if str(one[1]["href"]).startswith("#")]
    assert str(link["href"])[1:] in {attrs.get("id") for _, attrs in elements(page, "input")}


def test_replacing_names_the_registration() -> None:
    page = render_confirmation(PENDING)
    assert "Replace the existing registration of \u2068A. B.\u2069 with these answers" in page


def test_confirming_shows_what_it_agrees_to() -> None:
    text = visible(render_confirmation(PENDING))
    assert text.count("By confirming, you give this consent: I agree that the organisers store") == 2


def test_owner_can_always_enter_their_answers() -> None:
    for page in (PENDING, replace(PENDING, candidates=()), with_results(PENDING, Result.EXPIRED)):
        links = [str(attrs["href"]) for _, attrs in elements(render_confirmation(page), "a")]
        assert f"{FORM_PATH}?lang=en" in links


@pytest.mark.parametrize("result", [None, *RESULTS])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_result_has_a_text(result: Result | None, language: str) -> None:
    shown = replace(with_results(PENDING, result), style=replace(STYLE, language=language), attempt=99)
    text = visible(render_confirmation(shown))
    assert "K7QM" in text
    assert not re.search(r"(result|outcome|processing)\.", text)


FOR_AN_EVENT = ("You are registered", "calendar invitation", "You are registered.", "You will give up your seat")
NAMED = {
    "webinar": FOR_AN_EVENT,
    "delegation": FOR_AN_EVENT,
    "attendance": FOR_AN_EVENT,
    "working_group": (
        "You have joined the group",
        "see your answers or leave the group",
        "You are a member of the group.",
        "You will leave the group",
    ),
    "interest": (
        "We will write to you",
        "as soon as remote attendance becomes possible",
        "We will write to you as soon as remote attendance becomes possible.",
        "We will not write to you",
    ),
}
"""By kind of form: heading and message of the outcome, state on the own page, effect of cancelling."""
NOT_OF_ALL = ("calendar", "invitation", "seat", "waiting list")
"""Words that are true of forms for an event alone."""


@pytest.mark.parametrize("kind", NAMED)
def test_pages_after_registering_are_true_for_each_kind_of_form(kind: str) -> None:
    """Receipt, confirmation page, script of the form and own page."""
    title, message, state, effect = NAMED[kind]
    receipt = visible(render_receipt(replace(RECEIPT_PAGE, form_kind=kind, status="confirmed")))
    confirmed = replace(with_results(PENDING, Result.CONFIRMED).results[0], form_kind=kind)
    result = visible(render_confirmation(replace(PENDING, results=(confirmed,))))
    texts = script_texts("en", kind, dated=True, verification="none")
    own = LinkPage(STYLE, "UPR Webinar Wednesday #10", WHEN, "/r/a-token", "confirmed", 1, kind)
    for text_of_page in (receipt, result, f"{texts['outcome.confirmed.title']} {texts['outcome.confirmed.message']}"):
        assert (title in text_of_page, message in text_of_page) == (True, True)
    assert state in visible(render_link(own))
    assert effect in visible(render_link(replace(own, asking="cancel")))
    if kind in ("working_group", "interest"):
        all_texts = f"{texts['outcome.confirmed.message']} {state} {effect}".lower()
        assert [word for word in NOT_OF_ALL if word in all_texts] == []


def test_nothing_can_be_chosen_while_the_page_reloads_itself() -> None:
    """A choice would be lost by it. Once it has stopped, everything is there."""
    waiting = with_results(PENDING, None)
    assert elements(render_confirmation(waiting), "form") == []
    assert len(elements(render_confirmation(replace(waiting, attempt=99)), "form")) == 3


def test_registered_entries_and_muting_are_commands() -> None:
    page = render_confirmation(PENDING)
    assert [(attrs["method"], attrs["action"]) for _, attrs in elements(page, "form")] == [("post", PATH)] * 3
    assert fields(page) == [
        ("lang", "en"),
        ("action", "choose"),
        ("lang", "en"),
        ("registration", REGISTRATION),
        ("action", "send-link"),
        ("lang", "en"),
        ("action", "mute"),
    ]
    assert fields(render_confirmation(replace(PENDING, muted=True)))[-1] == ("action", "unmute")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_receipt_shows_title_and_code_and_no_position(status: Any, language: str) -> None:
    page = render_receipt(replace(RECEIPT_PAGE, style=replace(STYLE, language=language), status=status))
    text = visible(page)
    assert ("UPR Webinar Wednesday #10" in text, "K7QM" in text) == (True, True)
    assert ("outcome." in text, ADDRESS in page, RECEIPT in page) == (False, False, False)


def test_only_a_receipt_without_outcome_loads_itself_again() -> None:
    for status in STATUSES:
        page = render_receipt(replace(RECEIPT_PAGE, status=status))
        [(_, main)] = elements(page, "main")
        assert (main.get("data-reload"), "http-equiv" in page) == (
            ("?lang=en&again=1", True) if status == "received" else (None, False)
        )


def test_page_stops_loading_itself_again() -> None:
    attempts, addresses = 0, []
    while (reload := next_reload("fr", attempts)) is not None:
        attempts += 1
        addresses.append(reload.address)
        assert reload.whole_s >= reload.after_s > 0
    assert attempts == len(RELOAD_AFTER_S)
    assert addresses[-1] == f"?lang=fr&again={attempts}"
    assert next_reload("fr", -1) is None


def test_answer_to_a_plain_form_is_the_same_for_everyone() -> None:
    """But for the address, which was typed, and the code."""
    pages = [render_received(replace(RECEIVED, address=one)) for one in ("a@example.org", "b@example.org")]
    assert pages[0].replace("a@example.org", "b@example.org") == pages[1]
    assert f'href="/receipts/{RECEIPT}?lang=en"' in pages[0]
    assert "We have received your answers" in visible(pages[0])


def test_form_gives_the_script_what_it_needs() -> None:
    [(_, form)] = elements(render_frame(replace(FRAME, verification="none")), "form")
    given = {key: form[f"data-{key}"] for key in ("verification", "challenge", "receipts", "parent-origin")}
    assert given == {
        "verification": "none",
        "challenge": "/v1/challenge?form=f",
        "receipts": "/receipts",
        "parent-origin": "https://partner.example.org",
    }
    assert str(form["data-solver"]).startswith("/embed/static/solver.js?v=")


def test_owner_of_an_address_cannot_change_it_in_the_form() -> None:
    errors = [FieldError("/name", "required", "Please answer this question.")]
    page = render_frame(replace(OWN_FORM, values={"email": "other@example.org", "name": "N"}, errors=errors))
    [(_, form)] = elements(page, "form")
    assert (form["action"], "data-receipts" in form, "data-challenge" in form) == (FORM_PATH, False, False)
    [email] = [attrs for _, attrs in elements(page, "input") if attrs.get("name") == "email"]
    assert (email["value"], "readonly" in email) == (ADDRESS, True)
    assert "other@example.org" not in page
    languages = [attrs["value"] for _, attrs in elements(page, "button") if attrs.get("name") == "show_in"]
    assert languages == list(LANGUAGES)
    assert not [attrs for _, attrs in elements(page, "button") if "formaction" in attrs]


def test_page_has_no_field_that_cannot_be_changed_elsewhere() -> None:
    """The control for the one above."""
    assert not [attrs for _, attrs in elements(render_frame(FRAME), "input") if "readonly" in attrs]
