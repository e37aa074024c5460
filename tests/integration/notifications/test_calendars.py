"""For any order and number of deliveries of the mails, the recipient's calendar ends in the current state.

Three readers check it, two of them in JavaScript.
"""

import random as randomness
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from playwright.sync_api import Browser

from shared.calendar.entries import personal_key
from shared.runtime.ids import new_id
from tests.integration.notifications.notification_service import NotificationService, event_message, form_message
from tests.integration.notifications.review import (
    BASE,
    MAY,
    NO_DATE,
    NOVEMBER,
    REVIEW,
    consume_review,
    news,
    parts,
    register,
    send_all,
    wait_and_announce,
)
from tests.support.calendar_readers import ReadEntry, Reader, calendar_readers, read_one, shown_at_the_end
from tests.support.smtp_relay import Relay

STEPS: tuple[dict[str, Any], ...] = (
    NOVEMBER,
    MAY,
    {"status": "postponed", **NO_DATE},
    {"status": "cancelled"},
    {"place": "Room XX"},
    {"status": "tentative"},
    {"mode": "hybrid"},
)


SECOND = st.sampled_from(("none", "same", "waits", "early", "leaves"))
"""A second registration of the person: none, one that stays, one without a seat, one that came first, one that ends."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.booleans(), st.booleans()), max_size=6),
    leaves=st.booleans(),
    second=SECOND,
    random=st.randoms(use_true_random=False),
)
def test_shuffled_and_doubled_mails_end_in_the_true_calendar(
    notifications: NotificationService,
    readers: Mapping[str, Reader],
    steps: list[tuple[dict[str, Any], bool, bool]],
    leaves: bool,
    second: str,
    random: randomness.Random,
) -> None:
    """One person on one form or two, an event that changes, and mails that come in any order, once or twice."""
    event, person = f"e{new_id()}", f"{random.getrandbits(256):064x}"
    base = {**BASE, "id": event, "status": "confirmed"}
    state = dict(base)
    first = _Registration(notifications, event, person, "attendance")
    other = _Registration(notifications, event, person, "delegation")
    with Relay({}) as relay:
        notifications.consume(event_message(**state, revision=1), queue="notifications.copies")
        if second == "early":
            other.confirmed()
            send_all(notifications, relay)
        first.confirmed()
        for revision, (step, waits, sends) in enumerate(steps, start=2):
            state = {**base, **step}
            notifications.pass_time(seconds=1)
            notifications.consume(event_message(**state, revision=revision), queue="notifications.copies")
            if waits:
                wait_and_announce(notifications)
            if sends:
                send_all(notifications, relay)
        {"same": other.confirmed, "leaves": other.confirmed, "waits": other.waitlisted}.get(second, lambda: None)()
        if random.random() < 0.5:
            send_all(notifications, relay)
        if second == "leaves":
            other.cancelled()
        if leaves:
            first.cancelled()
        wait_and_announce(notifications)
        send_all(notifications, relay)
        mails = [mail for mail in relay.mails if personal_key(person, event) in str(parts(mail))]
    gone = leaves and second not in ("same", "early")
    expected = None if gone or state["status"] in ("postponed", "cancelled") else truth(state)
    contents = [content for mail in mails for content in parts(mail)]
    for name, read in readers.items():
        entries = read(contents)
        for _ in range(5):
            replayed = [*entries, *random.choices(entries, k=len(entries))] if entries else []
            random.shuffle(replayed)
            assert (name, shown(replayed)) == (name, expected)


class _Registration:
    """One registration of a person, as the registration service publishes it."""

    def __init__(self, notifications: NotificationService, event: str, person: str, form_kind: str) -> None:
        self._notifications, self._id, self._revision = notifications, new_id(), 0
        self._content = {"form": f"a-{form_kind}", "form_kind": form_kind, "event": event, "person_ref": person}

    def confirmed(self) -> None:
        self._consume("confirmed")

    def waitlisted(self) -> None:
        self._consume("waitlisted")

    def cancelled(self) -> None:
        self._consume("cancelled")

    def _consume(self, verb: str) -> None:
        self._revision += 1
        self._notifications.consume(
            self._notifications.registration_message(verb, self._id, self._revision, **self._content)
        )


def test_two_registrations_are_one_entry_and_one_mail(
    notifications: NotificationService, readers: Mapping[str, Reader]
) -> None:
    """The date moves: one mail, and the one entry of both registrations is right whichever mail comes last."""
    consume_review(notifications, 1, status="confirmed")
    with Relay({}) as relay:
        for kind in ("delegation", "attendance"):
            register(notifications, 1, kind, sealed={"view": f"view-{kind}"})
            send_all(notifications, relay)
        before = len(relay.mails)
        consume_review(notifications, 2, status="confirmed", **NOVEMBER)
        wait_and_announce(notifications)
        send_all(notifications, relay)
        mails = relay.mails
    assert (before, len(mails)) == (2, 3)
    entries = [entry_of(mail) for mail in mails]
    assert {str(entry["UID"]) for entry in entries} == {f"{personal_key(f'{1:064x}', REVIEW)}@register.example.org"}
    assert [entry["SEQUENCE"] for entry in entries] == [0, 1, 2]
    assert [str(entry["URL"]).rpartition("/")[2] for entry in entries] == [
        "view-delegation",
        "view-attendance",
        "view-attendance",
    ]
    for read in readers.values():
        for order in permutations(read([content for mail in mails for content in parts(mail)])):
            assert shown([*order, *order]) == truth({**NOVEMBER, "status": "confirmed"})


def test_entry_stays_for_the_other_registration_and_goes_with_the_last(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    kinds = ("attendance", "delegation")
    with Relay({}) as relay:
        ids = [register(notifications, 1, kind, sealed={"view": f"view-{kind}"}) for kind in kinds]
        send_all(notifications, relay)
        for number, kind in enumerate(kinds):
            sent_content = {"form": f"a-{kind}", "form_kind": kind, "event": REVIEW, "person_ref": f"{1:064x}"}
            notifications.consume(notifications.registration_message("cancelled", ids[number], 2, **sent_content))
            send_all(notifications, relay)
        first, last = relay.mails[2:]
    assert "stays in your calendar" in plain(first)
    assert str(entry_of(first)["URL"]).endswith("/v/view-delegation")
    assert final_entry([*relay.mails[:2], first]) == truth({**MAY, "status": "confirmed"})
    assert "removes the event from your calendar" in plain(last)
    assert final_entry([last, *relay.mails]) is None


def test_place_on_the_waiting_list_given_up_leaves_the_seat_in_the_calendar(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    with Relay({}) as relay:
        register(notifications, 1, "delegation")
        waiting = register(notifications, 1, "attendance", key="waitlisted")
        sent_content = {"form": "a-attendance", "form_kind": "attendance", "event": REVIEW, "person_ref": f"{1:064x}"}
        notifications.consume(notifications.registration_message("cancelled", waiting, 2, **sent_content))
        send_all(notifications, relay)
        assert final_entry(relay.mails) == truth({**MAY, "status": "confirmed"})


def test_changed_registration_updates_its_entry_with_a_higher_sequence(notifications: NotificationService) -> None:
    """One on the waiting list has no entry, and its change makes none."""
    consume_review(notifications, 1, status="confirmed")
    sent_content = {"form": "a-delegation", "form_kind": "delegation", "event": REVIEW, "person_ref": f"{1:064x}"}
    with Relay({}) as relay:
        seat = register(notifications, 1)
        send_all(notifications, relay)
        notifications.consume(notifications.registration_message("changed", seat, 2, **sent_content))
        send_all(notifications, relay)
        before, after = [entry_of(mail) for mail in relay.mails]
        assert "updates the event in your calendar" in plain(relay.mails[1])
        waiting = register(notifications, 2, key="waitlisted")
        other = sent_content | {"person_ref": f"{2:064x}", "status": "waitlisted", "position": 3}
        notifications.consume(notifications.registration_message("changed", waiting, 2, **other))
        send_all(notifications, relay)
        assert [parts(mail) for mail in relay.mails[2:]] == [[], []]
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)


def test_news_go_by_the_registration_that_has_a_seat(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1, "attendance", key="waitlisted")
    seat = register(notifications, 1, "delegation")
    with Relay({}) as relay:
        send_all(notifications, relay)
        consume_review(notifications, 2, status="confirmed", **NOVEMBER)
        wait_and_announce(notifications)
        send_all(notifications, relay)
        assert news(notifications) == [("event-rescheduled", seat)]
        assert final_entry(relay.mails) == truth({**NOVEMBER, "status": "confirmed"})


def entry_of(mail: bytes) -> Any:
    """The entry in a mail's only calendar part."""
    (content,) = parts(mail)
    (entry,) = Calendar.from_ical(content).walk("VEVENT")
    return entry


def plain(mail: bytes) -> str:
    """The text of a mail."""
    body = message_from_bytes(mail, policy=modern).get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def truth(state: dict[str, Any]) -> tuple[datetime, str]:
    """Start and status that a calendar should show."""
    return datetime.fromisoformat(state["starts_at"]), state["status"].upper()


def shown(entries: Iterable[ReadEntry]) -> tuple[date, str] | None:
    """Start and status that a calendar shows at the end; None if it shows nothing."""
    best = shown_at_the_end(entries)
    return None if best is None else (best.starts, best.status)


def final_entry(mails: list[bytes]) -> tuple[date, str] | None:
    """What a calendar in Python shows once it has got ``mails``."""
    return shown(read_one(content) for mail in mails for content in parts(mail))


@pytest.fixture(scope="module")
def readers(browser: Browser) -> Mapping[str, Reader]:
    """Three calendars."""
    return calendar_readers(browser)


def test_without_a_rising_sequence_an_old_mail_would_win(notifications: NotificationService) -> None:
    """The negative control of the model: the same mails, with equal numbers, in the wrong order."""
    consume_review(notifications, 1, status="confirmed")
    register(notifications, 1)
    with Relay({}) as relay:
        send_all(notifications, relay)
        consume_review(notifications, 2, status="confirmed", **NOVEMBER)
        wait_and_announce(notifications)
        send_all(notifications, relay)
        first, second = relay.mails
    assert final_entry([second, first]) == truth({**NOVEMBER, "status": "confirmed"})
    levelled = [parts(mail)[0].replace("SEQUENCE:1", "SEQUENCE:0") for mail in (second, first)]
    entries: list[Any] = [Calendar.from_ical(content).walk("VEVENT")[0] for content in levelled]
    assert entries[0]["SEQUENCE"] == entries[1]["SEQUENCE"]
    assert entries[-1]["DTSTART"].dt != entries[0]["DTSTART"].dt


def alarms(mail: bytes) -> list[timedelta]:
    """When the entry of a mail alerts its owner, relative to the start."""
    (content,) = parts(mail)
    found: list[Any] = Calendar.from_ical(content).walk("VALARM")
    return [alarm["TRIGGER"].dt for alarm in found]


def test_calendar_alert_follows_the_form_of_the_seat(notifications: NotificationService) -> None:
    """A change of the form holds for mails written from then on; an older message about it changes nothing."""
    consume_review(notifications, 1, status="confirmed")
    notifications.consume(form_message("a-delegation", 1, 1440), queue="notifications.copies")
    notifications.consume(form_message("a-attendance", 3, None), queue="notifications.copies")
    with Relay({}) as relay:
        register(notifications, 1, "delegation")
        register(notifications, 2, "attendance")
        send_all(notifications, relay)
        assert sorted(map(alarms, relay.mails)) == [[], [timedelta(days=-1)]]
        notifications.consume(form_message("a-attendance", 4, 30), queue="notifications.copies")
        notifications.consume(form_message("a-attendance", 2, 5), queue="notifications.copies")
        register(notifications, 1, "attendance")
        send_all(notifications, relay)
        assert alarms(relay.mails[-1]) == [timedelta(minutes=-30)], "the event's own form comes first"
        consume_review(notifications, 2, status="cancelled")
        wait_and_announce(notifications)
        send_all(notifications, relay)
        assert [alarms(mail) for mail in relay.mails[3:]] == [[], []]


def test_invitation_alerts_no_one_before_anything_is_known_of_its_form(notifications: NotificationService) -> None:
    consume_review(notifications, 1, status="confirmed")
    with Relay({}) as relay:
        register(notifications, 1)
        send_all(notifications, relay)
        assert [alarms(mail) for mail in relay.mails] == [[]]
