"""Links to calendars on the web, parsed as these calendars do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.entries import MAX_LINK_OCTETS, calendar_links, google_link, outlook_link
from shared.calendar.ics import CalendarEvent

WEBINAR = CalendarEvent(
    uid="one@example.org",
    sequence=0,
    stamped_at=datetime(2020, 2, 27, 15, tzinfo=UTC),
    starts_at=datetime(2020, 3, 4, 19, tzinfo=UTC),
    ends_at=datetime(2020, 3, 4, 20, tzinfo=UTC),
    time_zone="America/New_York",
    status="CONFIRMED",
    title="Webinar #10: embassies & missions",
    description="What to expect.\nBring questions.",
    location="Palais des Nations, Geneva",
    url="https://register.example.org/programme/upr-webinar-10",
)
SESSION = replace(
    WEBINAR,
    starts_at=datetime(2020, 2, 23, 23, tzinfo=UTC),
    ends_at=datetime(2020, 3, 20, 23, tzinfo=UTC),
    time_zone="Europe/Zurich",
)
"""From the start of 24 February to the end of 20 March in Geneva."""


def parameters(link: str) -> dict[str, str]:
    """Each parameter of a link, which must be there once."""
    found = parse_qs(urlsplit(link).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def test_google_link_holds_the_event() -> None:
    link = google_link(WEBINAR)
    assert link.startswith("https://calendar.google.com/calendar/render?")
    assert parameters(link) == {
        "action": "TEMPLATE",
        "dates": "20200304T190000Z/20200304T200000Z",
        "ctz": "America/New_York",
        "text": WEBINAR.title,
        "location": WEBINAR.location,
        "details": f"What to expect.\nBring questions.\n\n{WEBINAR.url}",
    }


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("outlook", "https://outlook.live.com/calendar/0/deeplink/compose?"),
        ("office", "https://outlook.office.com/calendar/deeplink/compose?"),
    ],
)
def test_outlook_link_holds_the_event(kind: str, beginning: str) -> None:
    link = outlook_link(WEBINAR, kind)
    assert link.startswith(beginning)
    assert "+" not in link, "Outlook shows it"
    assert parameters(link) == {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "startdt": "2020-03-04T19:00:00Z",
        "enddt": "2020-03-04T20:00:00Z",
        "subject": WEBINAR.title,
        "location": WEBINAR.location,
        "body": f"What to expect.<br>Bring questions.<br><br>{WEBINAR.url}",
    }


def test_whole_days_are_days_of_the_event_and_of_no_other_zone() -> None:
    """The last day is exclusive in both, as in iCalendar."""
    google, outlook = parameters(google_link(SESSION)), parameters(outlook_link(SESSION, "outlook"))
    assert (google["dates"], "ctz" in google) == ("20200224/20200321", False)
    assert {name: outlook[name] for name in ("startdt", "enddt", "allday")} == {
        "startdt": "2020-02-24",
        "enddt": "2020-03-21",
        "allday": "true",
    }


def test_event_of_several_days_with_hours_keeps_its_hours() -> None:
    event = replace(SESSION, starts_at=datetime(2020, 2, 24, 8, tzinfo=UTC))
    assert parameters(google_link(event))["dates"] == "20200224T080000Z/20200320T230000Z"
    assert "allday" not in parameters(outlook_link(event, "office"))


def test_event_without_an_end_lasts_an_hour() -> None:
    assert parameters(google_link(replace(WEBINAR, ends_at=None)))["dates"] == "20200304T190000Z/20200304T200000Z"


def test_nothing_is_left_of_markup() -> None:
    """Both vendors read the description as HTML."""
    event = replace(
        WEBINAR, title="<b>x</b>", description='<a href="https://evil.example">seat</a>&lt;', location="<i>"
    )
    for link in (google_link(event), outlook_link(event, "outlook"), outlook_link(event, "office")):
        found = parameters(link)
        texts = found["text" if "text" in found else "subject"], found.get("details", found.get("body", ""))
        assert "<" not in "".join(texts).replace("<br>", "")
        assert texts[0] == "‹b›x‹/b›"


def test_links_lead_to_one_file_and_three_calendars() -> None:
    links = calendar_links(WEBINAR, "/r/token/event.ics")
    assert links.file == "/r/token/event.ics"
    assert [urlsplit(link).hostname for link in (links.google, links.outlook, links.office)] == [
        "calendar.google.com",
        "outlook.live.com",
        "outlook.office.com",
    ]


@given(
    title=st.text(max_size=400),
    description=st.text(max_size=4000),
    location=st.text(max_size=600),
    url=st.sampled_from(["", WEBINAR.url]),
    days=st.integers(0, 40),
)
def test_any_text_gives_a_short_link_with_the_same_parameters(
    title: str, description: str, location: str, url: str, days: int
) -> None:
    """However long, in any script: nothing escapes its parameter, and the address of the event's page stays whole."""
    ends_at = WEBINAR.starts_at + timedelta(days=days, hours=1)
    event = replace(WEBINAR, title=title, description=description, location=location, url=url, ends_at=ends_at)
    for link in (google_link(event), outlook_link(event, "outlook"), outlook_link(event, "office")):
        assert len(link) <= MAX_LINK_OCTETS
        assert link.isascii()
        found, known = parameters(link), parameters(google_link(WEBINAR)) | parameters(outlook_link(WEBINAR, "office"))
        assert set(found) <= set(known)
        assert found.get("details", found.get("body", "")).endswith(url)


def test_long_description_is_cut_between_characters() -> None:
    found = parameters(google_link(replace(WEBINAR, description="مرحبا " * 700, url="")))
    assert found["details"].endswith("…")
    assert found["details"].startswith("مرحبا مرحبا")
