"""A date moves: everybody concerned is told once, and every calendar ends with the truth."""

import random as randomness
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import Connection

from services.notifications.usecases.announce import announce_some, decide_news
from shared.core.ids import new_id
from shared.process.runner import Stop
from shared.store.unit_of_work import UnitOfWork
from tests.integration.notifications.office import Office, event_message
from tests.support.smtp_relay import Relay

REVIEW = "upr-review"
MAY = {"starts_at": "2020-05-11T12:30:00Z", "ends_at": "2020-05-11T16:00:00Z"}
NOVEMBER = {"starts_at": "2020-11-09T13:30:00Z", "ends_at": "2020-11-09T17:00:00Z"}
NO_DATE: dict[str, Any] = {"starts_at": None, "ends_at": None}
BASE: dict[str, Any] = {"id": REVIEW, "kind": "review", "time_zone": "Europe/Zurich", "mode": "in_person", **MAY}


def tell(office: Office, revision: int, **changes: Any) -> None:
    """A revision of the review."""
    office.hear(event_message(**{**BASE, "revision": revision, **changes}), queue="notifications.copies")


def register(office: Office, person: int, form_kind: str = "delegation", key: str = "confirmed", **changes: Any) -> str:
    """Somebody on a form for the review; returns the registration's id."""
    registration_id = new_id()
    told: dict[str, Any] = {
        "form": f"a-{form_kind}",
        "form_kind": form_kind,
        "event": REVIEW,
        "person_ref": f"{person:064x}",
    }
    office.hear(office.told(key, registration_id, **told, **changes))
    return registration_id


def news(office: Office) -> list[tuple[str, str]]:
    """Kind and subject of all mails that are not about the registration itself."""
    rows = office.rows("SELECT kind, subject::text FROM mail WHERE kind LIKE 'event-%' OR kind = 'remote-possible'")
    return sorted((row["kind"], row["subject"]) for row in rows)


def wait_and_tell(office: Office) -> None:
    """Until the changes are due, and the scheduler's work."""
    office.pass_time(minutes=6)
    office.schedule()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        (NOVEMBER, "event-rescheduled"),
        ({"status": "postponed", **NO_DATE}, "event-postponed"),
        ({"status": "cancelled"}, "event-cancelled"),
        ({"status": "confirmed"}, "event-confirmed"),
        ({"place": "Room XX"}, "event-changed"),
        ({"title": "Another title"}, "event-changed"),
    ],
)
def test_change_is_told_once_a_minute_after_it(office: Office, changes: dict[str, Any], kind: str) -> None:
    tell(office, 1, status="tentative")
    who = register(office, 1)
    office.pass_time(minutes=1)
    tell(office, 2, **{"status": "tentative", **changes})
    office.pass_time(seconds=59)
    office.schedule()
    assert news(office) == []
    office.pass_time(seconds=1)
    office.schedule()
    office.schedule()
    assert news(office) == [(kind, who)]


def test_change_that_nobody_sees_is_not_told(office: Office) -> None:
    tell(office, 1)
    register(office, 1)
    tell(office, 2, summary="Another text", asked_groups=[])
    wait_and_tell(office)
    assert news(office) == []


def test_change_that_is_taken_back_in_time_is_not_told(office: Office) -> None:
    tell(office, 1)
    register(office, 1)
    tell(office, 2, **NOVEMBER)
    office.pass_time(seconds=30)
    tell(office, 3)
    wait_and_tell(office)
    assert news(office) == []


def test_changes_in_a_row_are_told_as_one_within_five_minutes(office: Office) -> None:
    tell(office, 1)
    who = register(office, 1)
    for revision in range(2, 9):
        tell(office, revision, place=f"Room {revision}")
        office.pass_time(seconds=50)
        office.schedule()
    assert news(office) == [("event-changed", who)]


def test_revived_event_is_told_as_such(office: Office) -> None:
    tell(office, 1)
    who = register(office, 1)
    tell(office, 2, status="cancelled")
    wait_and_tell(office)
    tell(office, 3)
    wait_and_tell(office)
    assert news(office) == [("event-cancelled", who), ("event-revived", who)]


def test_older_news_that_have_not_gone_are_called_off_by_newer_ones(office: Office) -> None:
    tell(office, 1)
    register(office, 1)
    tell(office, 2, status="cancelled")
    wait_and_tell(office)
    tell(office, 3)
    wait_and_tell(office)
    assert {kind: state for kind, state in office.states().items() if kind != "confirmation"} == {
        "event-cancelled": "called_off",
        "event-revived": "queued",
    }


def test_only_people_with_a_live_registration_that_knew_another_state_are_told(office: Office) -> None:
    tell(office, 1)
    seated, waiting = register(office, 1), register(office, 2, key="waitlisted")
    register(office, 3, key="cancelled")
    register(office, 4, key="verification-requested")
    register(office, 5, form_kind="interest")
    office.pass_time(seconds=1)
    tell(office, 2, **NOVEMBER)
    office.pass_time(seconds=1)
    register(office, 6)
    wait_and_tell(office)
    assert news(office) == sorted([("event-rescheduled", seated), ("event-rescheduled", waiting)])


def test_person_with_two_registrations_is_told_by_their_own_seat(office: Office) -> None:
    tell(office, 1)
    register(office, 1, form_kind="delegation")
    seat = register(office, 1, form_kind="attendance")
    tell(office, 2, **NOVEMBER)
    wait_and_tell(office)
    assert news(office) == [("event-rescheduled", seat)]


def test_those_who_asked_are_told_that_remote_attendance_is_possible(office: Office) -> None:
    tell(office, 1)
    asked, seated = register(office, 1, form_kind="interest"), register(office, 2)
    tell(office, 2, mode="hybrid")
    wait_and_tell(office)
    assert news(office) == sorted([("remote-possible", asked), ("event-changed", seated)])
    tell(office, 3, mode="hybrid", **NOVEMBER)
    wait_and_tell(office)
    assert [kind for kind, subject in news(office) if subject == asked] == ["remote-possible"]


def test_announcement_goes_on_after_each_kill_and_tells_everybody_once(office: Office) -> None:
    """Every chunk is rolled back once, as kill -9 would, before it is made for good."""
    tell(office, 1)
    people = [register(office, person) for person in range(25)]
    tell(office, 2, **NOVEMBER)
    office.pass_time(minutes=6)
    assert decide_news(office.work, office.clock)
    dying, made = _Dying(office.engine, "notifications"), [0]
    while made[-1] < len(people):
        with pytest.raises(ZeroDivisionError):
            announce_some(dying, office.clock, "example.org", 4)
        assert len(news(office)) == made[-1]
        announce_some(office.work, office.clock, "example.org", 4)
        made.append(len(news(office)))
    assert announce_some(office.work, office.clock, "example.org", 4) is None
    assert made == [0, 4, 8, 12, 16, 20, 24, 25]
    assert news(office) == sorted(("event-rescheduled", person) for person in people)
    assert office.rows("SELECT mails, ended_at IS NOT NULL AS over FROM announcement") == [{"mails": 25, "over": True}]


class _Dying(UnitOfWork):
    """Dies when all of a transaction is done, before its commit."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            raise ZeroDivisionError


STEPS: tuple[dict[str, Any], ...] = (
    NOVEMBER,
    MAY,
    {"status": "postponed", **NO_DATE},
    {"status": "cancelled"},
    {"place": "Room XX"},
    {"status": "tentative"},
    {"mode": "hybrid"},
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.booleans(), st.booleans()), max_size=6),
    leaves=st.booleans(),
    random=st.randoms(use_true_random=False),
)
def test_shuffled_and_doubled_mails_end_in_the_true_calendar(
    office: Office, steps: list[tuple[dict[str, Any], bool, bool]], leaves: bool, random: randomness.Random
) -> None:
    event, person = new_id(), f"{random.getrandbits(256):064x}"
    base = {**BASE, "id": f"e{event}", "status": "confirmed"}
    who = new_id()
    told = {"form": "a-form", "form_kind": "attendance", "event": base["id"], "person_ref": person}
    state, mails = dict(base), []
    with Relay({}) as relay:
        office.hear(event_message(**state, revision=1), queue="notifications.copies")
        office.hear(office.told("confirmed", who, **told))
        for revision, (step, waits, sends) in enumerate(steps, start=2):
            state = {**base, **step}
            office.pass_time(seconds=1)
            office.hear(event_message(**state, revision=revision), queue="notifications.copies")
            if waits:
                wait_and_tell(office)
            if sends:
                send_all(office, relay)
        if leaves:
            office.hear(office.told("cancelled", who, 2, **told))
        wait_and_tell(office)
        send_all(office, relay)
        mails = [mail for mail in relay.mails if who in str(parts(mail))]
    replayed = [*mails, *random.sample(mails, k=len(mails))]
    random.shuffle(replayed)
    expected = None if leaves or state["status"] in ("postponed", "cancelled") else truth(state)
    assert final_entry(replayed) == expected


def send_all(office: Office, relay: Relay) -> None:
    """Every mail that is due goes to the relay."""
    sender = office.sender(relay.port)
    while sender.turn(Stop()):
        pass


def parts(mail: bytes) -> list[str]:
    """The calendar parts of a mail."""
    found = [part for part in message_from_bytes(mail).walk() if part.get_content_type() == "text/calendar"]
    return [bytes(part.get_payload(decode=True)).decode() for part in found]


def truth(state: dict[str, Any]) -> tuple[datetime, str]:
    """Start and status that a calendar should show."""
    return datetime.fromisoformat(state["starts_at"]), state["status"].upper()


def final_entry(mails: list[bytes]) -> tuple[datetime, str] | None:
    """What a calendar shows that follows RFC 5546: by UID, the larger SEQUENCE wins, CANCEL takes out."""
    best: tuple[int, Any, str] | None = None
    for content in (content for mail in mails for content in parts(mail)):
        calendar: Any = Calendar.from_ical(content)
        (entry,) = calendar.walk("VEVENT")
        if best is None or entry["SEQUENCE"] >= best[0]:
            best = (entry["SEQUENCE"], entry, str(calendar["METHOD"]))
    if best is None or best[2] == "CANCEL":
        return None
    return best[1]["DTSTART"].dt.astimezone(datetime.fromisoformat("2020-01-01T00:00:00Z").tzinfo), str(
        best[1]["STATUS"]
    )


def test_without_a_rising_sequence_an_old_mail_would_win(office: Office) -> None:
    """The negative control of the model: the same mails, numbered alike, in the wrong order."""
    tell(office, 1, status="confirmed")
    register(office, 1)
    with Relay({}) as relay:
        send_all(office, relay)
        tell(office, 2, status="confirmed", **NOVEMBER)
        wait_and_tell(office)
        send_all(office, relay)
        first, second = relay.mails
    assert final_entry([second, first]) == truth({**NOVEMBER, "status": "confirmed"})
    levelled = [parts(mail)[0].replace("SEQUENCE:1", "SEQUENCE:0") for mail in (second, first)]
    entries: list[Any] = [Calendar.from_ical(content).walk("VEVENT")[0] for content in levelled]
    assert entries[0]["SEQUENCE"] == entries[1]["SEQUENCE"]
    assert entries[-1]["DTSTART"].dt != entries[0]["DTSTART"].dt
