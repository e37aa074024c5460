"""The public programme and its calendars: what they show, in which language, and what they never show."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from urllib.parse import urlsplit

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]  # it has no stubs here
from flask.testing import FlaskClient

from services.events.event.lifecycle import cancel, confirm, postpone, reschedule
from services.events.event.model import Event
from services.events.event.store import read_event, save_event
from shared.db.unit_of_work import UnitOfWork
from shared.http.page_cache import PAGE_CACHE
from shared.i18n.languages import LANGUAGES, Text
from shared.i18n.when import NO_BREAK
from tests.integration.events.builders import WEBINAR
from tests.support.clock import FrozenClock

REVIEW = "upr-review"
PAGES = (
    "/programme",
    "/programme?show=all",
    f"/programme/{WEBINAR}",
    f"/programme/{REVIEW}",
    "/programme/series/upr-webinar-wednesday",
    "/programme/groups",
)
FEEDS = (
    "/calendar/all.ics",
    "/calendar/series/upr-webinar-wednesday.ics",
    "/calendar/kind/webinar.ics",
    "/calendar/working-group/housing.ics",
)


def _take(work: UnitOfWork, event_id: str, at: datetime, *steps: Callable[[Event], Event]) -> None:
    with work.transaction() as connection:
        event = read_event(connection, event_id)
        assert event is not None
        for step in steps:
            event = step(event)
        save_event(connection, event, at)


def _entries(client: FlaskClient, path: str = "/calendar/all.ics") -> dict[str, dict[str, str]]:
    """The feed read line by line, without the library that wrote it: unfolded properties of each VEVENT by UID."""
    lines = client.get(path).text.replace("\r\n ", "").split("\r\n")
    entries, entry = {}, dict[str, str]()
    for line in lines:
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            entry = {}
        entry[name] = value
        if line == "END:VEVENT":
            entries[entry["UID"]] = entry
    return entries


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_in_each_language(loaded: UnitOfWork, client: FlaskClient, path: str) -> None:
    for language in LANGUAGES:
        answer = client.get(path, headers={"Accept-Language": language})
        assert (answer.status_code, answer.headers["Content-Language"]) == (200, language)
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in answer.text
        assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == (
            "public, max-age=60",
            "Accept-Encoding, Accept-Language",
        )
        again = client.get(path, headers={"Accept-Language": language, "If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_an_event_shows_its_time_in_its_zone_and_in_utc(loaded: UnitOfWork, client: FlaskClient) -> None:
    page = client.get(f"/programme/{WEBINAR}?lang=en").text.replace(NO_BREAK, " ")
    for part in (
        "Wednesday 4 March 2020",
        "2:00 – 3:00 PM",
        "New York time (EST, UTC−5)",
        "7:00 – 8:00 PM UTC",
        "Online",
    ):
        assert part in page
    assert "https://files.example.org/upr-webinar-10-slides.pdf" in page
    review = client.get(f"/programme/{REVIEW}?lang=fr").text
    assert "heure de Genève (CEST, UTC+2)" in review
    assert "<bdi>Genève</bdi>" in review
    assert '<bdi lang="en">Geneva</bdi>' in client.get(f"/programme/{REVIEW}?lang=en").text
    assert "Provisoire" in review
    assert "lundi 11 mai 2020" in review


def test_drafts_links_and_notes_are_never_public(loaded: UnitOfWork, client: FlaskClient) -> None:
    everything = "".join(client.get(path).text for path in (*PAGES, *FEEDS))
    assert "meet.example.org" not in everything
    assert "Announce it as soon" not in everything
    assert "upr-cities-training" not in everything
    for path in ("/programme/upr-cities-training", "/programme/none", "/programme/%00", "/programme/series/none"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype, answer.headers.get("Cache-Control")) == (404, "text/html", None)


def test_a_postponed_event_shows_its_former_date(loaded: UnitOfWork, client: FlaskClient) -> None:
    _take(loaded, REVIEW, datetime(2020, 3, 13, tzinfo=UTC), postpone)
    page = client.get(f"/programme/{REVIEW}?lang=en").text.replace(NO_BREAK, " ")
    assert "The date has not been set yet. It was planned for Monday 11 May 2020, 9:00 AM – 12:30 PM, " in page
    assert "Geneva time (CEST, UTC+2)." in page


def test_past_events_are_listed_under_all(loaded: UnitOfWork, client: FlaskClient, clock: FrozenClock) -> None:
    clock.set(datetime(2020, 4, 1, tzinfo=UTC))
    assert f"/programme/{WEBINAR}" not in client.get("/programme").text
    assert f"/programme/{WEBINAR}" in client.get("/programme?show=all").text


def test_the_date_moves_in_the_same_entry(loaded: UnitOfWork, client: FlaskClient) -> None:
    uid = f"event-{REVIEW}@127.0.0.1"
    before = _entries(client)[uid]
    assert (before["STATUS"], before["SEQUENCE"]) == ("TENTATIVE", "1")
    assert before["DTSTART;TZID=Europe/Zurich"] == "20200511T090000"
    november = datetime(2020, 11, 9, 8, tzinfo=UTC), datetime(2020, 11, 9, 11, tzinfo=UTC)
    at = datetime(2020, 3, 13, 12, 0, tzinfo=UTC)
    _take(loaded, REVIEW, at, postpone)
    client.application.extensions[PAGE_CACHE].clear()
    postponed = _entries(client)[uid]
    assert (postponed["STATUS"], postponed["SEQUENCE"]) == ("CANCELLED", "2")
    assert postponed["SUMMARY"].startswith("Postponed: ")
    _take(loaded, REVIEW, at, lambda event: reschedule(event, *november), confirm)
    client.application.extensions[PAGE_CACHE].clear()
    after = _entries(client)[uid]
    assert (after["STATUS"], after["SEQUENCE"], after["DTSTAMP"]) == ("CONFIRMED", "4", "20200313T120000Z")
    assert after["DTSTART;TZID=Europe/Zurich"] == "20201109T090000"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (FEEDS[0], [WEBINAR, "council-session-43", REVIEW, "review-press-conference"]),
        (FEEDS[1], [WEBINAR]),
        (FEEDS[2], [WEBINAR]),
        (FEEDS[3], [WEBINAR]),
        ("/calendar/kind/training.ics", []),
    ],
)
def test_each_feed_holds_its_events(loaded: UnitOfWork, client: FlaskClient, path: str, expected: list[str]) -> None:
    answer = client.get(path)
    assert answer.mimetype == "text/calendar"
    assert sorted(_entries(client, path)) == sorted(f"event-{event}@127.0.0.1" for event in expected)
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert max(len(line.encode()) for line in answer.text.split("\r\n")) <= 75


def test_feeds_follow_the_language_of_their_address(loaded: UnitOfWork, client: FlaskClient) -> None:
    _take(loaded, REVIEW, datetime(2020, 3, 13, tzinfo=UTC), postpone)
    path = "/calendar/kind/review.ics?lang=fr"
    answer = client.get(path, headers={"Accept-Language": "ru"})
    assert answer.headers["Content-Language"] == "fr"
    assert "X-WR-CALNAME:Programme\N{NARROW NO-BREAK SPACE}: Examen\r\n" in answer.text
    (entry,) = _entries(client, path).values()
    assert entry["SUMMARY"].startswith("Reporté\N{NARROW NO-BREAK SPACE}: ")
    assert (entry["CATEGORIES"], entry["URL"].partition("?")[2]) == ("Examen", "lang=fr")
    webinar = _entries(client, "/calendar/kind/webinar.ics?lang=ar")[f"event-{WEBINAR}@127.0.0.1"]
    assert webinar["LOCATION"] == "عبر الإنترنت"
    assert client.get("/calendar/all.ics", headers={"Accept-Language": "ru"}).headers["Content-Language"] == "en"


def test_feeds_keep_joiners_links_and_lines_as_coordinators_wrote_them(loaded: UnitOfWork, client: FlaskClient) -> None:
    title, summary = map(
        Text.of,
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937",
            "See https://example.org/a\n\n" + "b" * 900,
        ),
    )
    _take(
        loaded,
        WEBINAR,
        datetime(2020, 3, 1, tzinfo=UTC),
        lambda event: replace(event, title=title, summary=summary),
    )
    entry = _entries(client)[f"event-{WEBINAR}@127.0.0.1"]
    assert (entry["SUMMARY"], entry["DESCRIPTION"]) == (str(title), str(summary).replace("\n", "\\n"))


SUMMARY = """Agenda <script>alert(1)</script>
1. https://example.org/brief?a=1&b=2, then questions\r
javascript:alert(1) http://a"onmouseover=alert(1)

请看https://example.org/zh。谢谢 https://example.org@example.net/ <a href=https://example.net>"""


def test_summary_keeps_its_lines_and_links_and_nothing_else(loaded: UnitOfWork, client: FlaskClient) -> None:
    _take(
        loaded,
        WEBINAR,
        datetime(2020, 3, 1, tzinfo=UTC),
        lambda event: replace(event, summary=Text.of({"en": SUMMARY})),
    )
    rel = 'rel="noopener nofollow noreferrer" dir="ltr"'
    page = client.get(f"/programme/{WEBINAR}?lang=en").text
    assert re.findall(r"<p>(?:Agenda|请看).*?</p>", page) == [
        "<p>Agenda &lt;script&gt;alert(1)&lt;/script&gt;<br>"
        f'1. <a href="https://example.org/brief?a=1&amp;b=2" {rel}>https://example.org/brief?a=1&amp;b=2</a>,'
        " then questions<br>"
        f'javascript:alert(1) <a href="http://a" {rel}>http://a</a>&#34;onmouseover=alert(1)</p>',
        f'<p>请看<a href="https://example.org/zh" {rel}>https://example.org/zh</a>。谢谢'
        " https://example.org@example.net/ &lt;a href="
        f'<a href="https://example.net" {rel}>https://example.net</a>&gt;</p>',
    ]


@pytest.mark.parametrize(
    ("page", "calendar"),
    [
        ("/programme", "all"),
        ("/programme/groups", "working-group/housing"),
        ("/programme/series/upr-webinar-wednesday", "series/upr-webinar-wednesday"),
    ],
)
def test_pages_offer_to_subscribe_in_their_language(
    loaded: UnitOfWork, client: FlaskClient, page: str, calendar: str
) -> None:
    text = client.get(page, headers={"Accept-Language": "es"}).text
    assert f'href="webcal://127.0.0.1:8000/calendar/{calendar}.ics?lang=es"' in text
    assert f'href="/calendar/{calendar}.ics?lang=es"' in text


@pytest.mark.parametrize("path", ["series/none", "kind/party", "working-group/none"])
def test_an_unknown_feed_is_not_found(loaded: UnitOfWork, client: FlaskClient, path: str) -> None:
    assert client.get(f"/calendar/{path}.ics").status_code == 404


def test_times_by_the_feed_s_own_zones_are_those_of_the_events(loaded: UnitOfWork, client: FlaskClient) -> None:
    """Reckoned from the VTIMEZONE in the file by another library, as a client without a database of zones does."""
    zones = tzical(StringIO(client.get("/calendar/all.ics").text))
    assert sorted(zones.keys()) == ["America/New_York", "Europe/Zurich"]
    entries = _entries(client)

    def starts(event_id: str, zone: str) -> datetime:
        local = datetime.fromisoformat(entries[f"event-{event_id}@127.0.0.1"][f"DTSTART;TZID={zone}"])
        return local.replace(tzinfo=zones.get(zone)).astimezone(UTC)

    assert starts(WEBINAR, "America/New_York") == datetime(2020, 3, 4, 19, tzinfo=UTC)
    assert starts("council-session-43", "Europe/Zurich") == datetime(2020, 2, 24, 8, tzinfo=UTC)
    assert starts(REVIEW, "Europe/Zurich") == datetime(2020, 5, 11, 7, tzinfo=UTC)


def _buttons(client: FlaskClient, event: str, language: str = "en") -> list[str]:
    """Addresses of the buttons that add an event to a calendar, in order."""
    page = client.get(f"/programme/{event}?lang={language}").text
    found = re.findall(r'<ul class="calendars">(.*?)</ul>', page, flags=re.DOTALL)
    return [unescape(link) for one in found for link in re.findall(r'href="([^"]*)" rel="noreferrer"', one)]


def test_event_is_added_by_a_file_and_by_links(loaded: UnitOfWork, client: FlaskClient) -> None:
    """The file has the entry of the feeds; a tentative date is marked as such, and no link joins the meeting."""
    for event in (WEBINAR, REVIEW):
        file, *links = _buttons(client, event, "fr")
        assert file == f"/calendar/event/{event}.ics?lang=fr"
        uid = f"event-{event}@127.0.0.1"
        found, known = _entries(client, file), _entries(client, "/calendar/all.ics?lang=fr")
        assert {name: found[uid][name] for name in known[uid] if name != "END"} == {
            name: value for name, value in known[uid].items() if name != "END"
        }
        assert len(found) == 1
        assert [urlsplit(link).hostname for link in links] == [
            "calendar.google.com",
            "outlook.live.com",
            "outlook.office.com",
        ]
        for link in (client.get(file).text, *links):
            assert "meet.example.org" not in link
        assert ["%28date%20provisoire%29" in link for link in links] == [event == REVIEW] * 3
    answer = client.get(f"/calendar/event/{WEBINAR}.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{WEBINAR}.ics"'
    assert "METHOD" not in answer.text
    assert "VALARM" not in answer.text


@pytest.mark.parametrize("step", [postpone, cancel])
def test_event_that_does_not_take_place_is_not_offered_to_add(
    loaded: UnitOfWork, client: FlaskClient, step: Callable[[Event], Event]
) -> None:
    """People who have its file can load it again, and see that it is cancelled."""
    _take(loaded, REVIEW, datetime(2020, 3, 1, tzinfo=UTC), step)
    assert _buttons(client, REVIEW) == []
    [entry] = _entries(client, f"/calendar/event/{REVIEW}.ics").values()
    assert entry["STATUS"] == "CANCELLED"


@pytest.mark.parametrize(("ends_in_s", "buttons"), [(1, 4), (0, 0)])
def test_event_is_offered_to_add_until_it_is_over(
    loaded: UnitOfWork, client: FlaskClient, clock: FrozenClock, ends_in_s: int, buttons: int
) -> None:
    ends_at = clock() + timedelta(seconds=ends_in_s)
    starts_at = ends_at - timedelta(hours=1)
    moved = datetime(2020, 3, 1, tzinfo=UTC)
    _take(loaded, WEBINAR, moved, lambda event: replace(event, starts_at=starts_at, ends_at=ends_at))
    assert len(_buttons(client, WEBINAR)) == buttons


@pytest.mark.parametrize("event", ["none", "upr-cities-training"])
def test_file_of_what_no_one_sees_is_not_found(loaded: UnitOfWork, client: FlaskClient, event: str) -> None:
    assert client.get(f"/calendar/event/{event}.ics").status_code == 404
