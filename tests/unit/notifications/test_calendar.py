"""The calendar part, read back by an independent parser where it matters."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event

from services.notifications.composing.model import MailContext
from services.notifications.composing.rendering import invitation, write
from services.notifications.composing.texts import wording
from shared.i18n.languages import LANGUAGES
from tests.support.mail_samples import SAMPLE, SAMPLE_EVENT, contexts, sample
from tests.unit.notifications.parsed_mails import VIEW

assert SAMPLE.entry is not None
ENTRY = SAMPLE.entry


def at(instant: datetime, zone: str) -> MailContext:
    """The sample, held at ``instant`` in ``zone`` for an hour and a half."""
    ends_at = instant + timedelta(minutes=90)
    return replace(SAMPLE, event=replace(SAMPLE_EVENT, starts_at=instant, ends_at=ends_at, time_zone=zone))


def parsed(content: bytes) -> tuple[Any, Any]:
    """The calendar and its only event. Any: each property is one of thirty types."""
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return calendar, event


def test_invitation_has_all_that_a_calendar_needs() -> None:
    calendar, event = parsed(invitation(SAMPLE, "REQUEST"))
    assert str(calendar["METHOD"]) == "REQUEST"
    assert {name: str(event[name]) for name in ("UID", "STATUS", "SUMMARY", "LOCATION", "URL", "CLASS")} == {
        "UID": "entry-of-the-sample@register.example.org",
        "STATUS": "CONFIRMED",
        "SUMMARY": SAMPLE_EVENT.title,
        "LOCATION": "Online",
        "URL": "https://register.example.org/v/sample-view",
        "CLASS": "PRIVATE",
    }
    assert event["DTSTART"].to_ical() == b"20200304T140000"
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert event["DTEND"].dt == SAMPLE_EVENT.ends_at
    assert event["DTSTAMP"].dt == SAMPLE.now
    assert event["SEQUENCE"] == 0
    assert event["DESCRIPTION"].splitlines()[-1] == (
        "To join online, use the link in our e-mails, or request your personal link on this page: "
        "https://register.example.org/v/sample-view"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_calendar_holds_a_link_that_changes_anything_or_leads_to_the_meeting(language: str) -> None:
    """Calendars are shared: the read-only link is the only one in them."""
    for _name, context in contexts(language):
        if context.calendar_method is not None:
            content = invitation(context, context.calendar_method).replace(b"\r\n ", b"").decode()
            assert set(re.findall(r"https://register[^\s\\]+", content)) == {VIEW}
            assert not any(one in content for one in ("sample-link", "sample-join", "meet.example.org"))


def test_organizer_is_read_by_people_and_the_recipient_is_the_only_attendee() -> None:
    _, event = parsed(invitation(SAMPLE, "REQUEST"))
    assert str(event["ORGANIZER"]) == "mailto:coordinators@example.org"
    assert event["ORGANIZER"].params["CN"] == "UPR coordinators"
    assert str(event["ATTENDEE"]) == "mailto:participant@example.org"
    assert {key: str(value) for key, value in event["ATTENDEE"].params.items()} == {
        "CN": "participant@example.org",
        "CUTYPE": "INDIVIDUAL",
        "ROLE": "REQ-PARTICIPANT",
        "RSVP": "FALSE",
        "PARTSTAT": "ACCEPTED",
    }


def test_cancellation_names_the_same_entry() -> None:
    later = replace(SAMPLE, entry=replace(ENTRY, changes=2))
    _, invited = parsed(invitation(SAMPLE, "REQUEST"))
    calendar, cancelled = parsed(invitation(later, "CANCEL"))
    assert str(calendar["METHOD"]) == "CANCEL"
    assert str(cancelled["STATUS"]) == "CANCELLED"
    assert cancelled["UID"] == invited["UID"]
    assert cancelled["SEQUENCE"] == invited["SEQUENCE"] + 1


@pytest.mark.parametrize(("hours", "whole_days"), [(48, True), (3, False)])
def test_postponed_event_is_removed_at_its_whole_previous_date(hours: int, whole_days: bool) -> None:
    """An event of whole days stays one: Geneva's midnight is 23:00 UTC in winter."""
    starts_at = datetime(2020, 3, 3, 23, tzinfo=UTC)
    ends_at = starts_at + timedelta(hours=hours)
    event = replace(SAMPLE_EVENT, time_zone="Europe/Zurich", starts_at=starts_at, ends_at=ends_at)
    gone = replace(
        event, status="postponed", starts_at=None, ends_at=None, last_starts_at=starts_at, last_ends_at=ends_at
    )
    _, invited = parsed(invitation(replace(SAMPLE, event=event), "REQUEST"))
    _, removed = parsed(invitation(replace(SAMPLE, event=gone), "CANCEL"))
    assert [removed[name].to_ical() for name in ("DTSTART", "DTEND")] == [
        invited[name].to_ical() for name in ("DTSTART", "DTEND")
    ]
    assert (removed["DTSTART"].params.get("VALUE") == "DATE") == whole_days


def test_tentative_event_is_tentative_in_the_calendar() -> None:
    context = replace(SAMPLE, event=replace(SAMPLE_EVENT, status="tentative"))
    assert str(parsed(invitation(context, "REQUEST"))[1]["STATUS"]) == "TENTATIVE"
    assert str(parsed(invitation(context, "CANCEL"))[1]["STATUS"]) == "CANCELLED"


def test_event_without_a_date_is_refused() -> None:
    with pytest.raises(ValueError, match="without a date"):
        invitation(replace(SAMPLE, event=replace(SAMPLE_EVENT, starts_at=None)), "REQUEST")


def test_event_in_utc_needs_no_zone() -> None:
    content = invitation(at(datetime(2020, 3, 4, 19, tzinfo=UTC), "UTC"), "REQUEST")
    assert b"VTIMEZONE" not in content
    assert b"DTSTART:20200304T190000Z" in content


@pytest.mark.parametrize(
    ("kind", "status", "seated", "method"),
    [
        ("confirmation", "confirmed", True, "REQUEST"),
        ("waiting-list", "waitlisted", True, None),
        ("event-rescheduled", "confirmed", True, "REQUEST"),
        ("event-rescheduled", "waitlisted", True, "REQUEST"),
        ("event-rescheduled", "waitlisted", False, None),
        ("event-cancelled", "waitlisted", True, "CANCEL"),
        ("event-cancelled", "waitlisted", False, None),
        ("cancelled-by-you", "cancelled", False, "CANCEL"),
        ("cancelled-by-you", "cancelled", True, "REQUEST"),
    ],
)
def test_calendar_follows_all_registrations_of_the_person(
    kind: str, status: str, seated: bool, method: str | None
) -> None:
    recipient, entry = replace(SAMPLE.recipient, status=status), replace(ENTRY, seated=seated)
    assert replace(SAMPLE, kind=kind, recipient=recipient, entry=entry).calendar_method == method


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("seated", "sentence"), [(True, "calendar_kept"), (False, "calendar_removed")])
def test_cancellation_mail_explains_the_effect_on_the_calendar(language: str, seated: bool, sentence: str) -> None:
    context = sample("cancelled-by-you", language)
    text = write(replace(context, entry=replace(ENTRY, seated=seated))).plain
    words = wording(language)
    shown = [
        name
        for name in ("calendar_attached", "calendar_removed", "calendar_kept")
        if "".join(getattr(words, name).split()) in "".join(text.split())
    ]
    assert shown == [sentence]


def test_entry_leads_to_the_registration_that_has_the_seat() -> None:
    _, event = parsed(invitation(replace(SAMPLE, entry=replace(ENTRY, view="the-other")), "REQUEST"))
    assert str(event["URL"]) == "https://register.example.org/v/the-other"


def test_event_in_the_repeated_hour_is_written_in_utc() -> None:
    content = invitation(at(datetime.fromisoformat("2027-11-07T01:30:00-05:00"), "America/New_York"), "REQUEST")
    assert (b"DTSTART:20271107T063000Z" in content, b"DTEND:20271107T080000Z" in content) == (True, True)


@given(name=st.text(), title=st.text())
def test_any_text_leaves_one_event_with_the_same_properties(name: str, title: str) -> None:
    recipient = replace(SAMPLE.recipient, name=name, address_confirmed=True)
    event = replace(SAMPLE_EVENT, title=f"t{title}", place=f"p{title}", mode="in_person")
    content = invitation(replace(SAMPLE, recipient=recipient, event=event, organiser_name=name), "REQUEST")
    _, found = parsed(content)
    assert sorted(found.keys()) == sorted(parsed(invitation(SAMPLE, "REQUEST"))[1].keys())
    assert str(found["ATTENDEE"]) == "mailto:participant@example.org"
    assert found.errors == []
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
