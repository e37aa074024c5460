"""Erasure while mail is queued, claimed, in handover, unknown or sent: nothing more is sent, and no name remains."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from services.notifications.mails.model import ERASED, ClaimedMail, HandoverOutcome, NewMail
from services.notifications.mails.store import add_mail
from services.notifications.recipients.audience import Addressee, list_audience
from services.notifications.recipients.service import unsubscribe
from services.notifications.sending.outcomes import failed, released, retried, sent
from services.notifications.sending.service import (
    LEASE,
    UNKNOWN_AFTER,
    begin_handover,
    claim_due,
    finish_mails,
    reap_leases,
)
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import EVENT, PERSON, NotificationService
from tests.support.smtp_relay import CUT, Relay
from tests.support.waiting import poll_until

NO_PERSON = (
    "person_ref", "language", "closed", "position", "working_group", "partner", "country", "attend",
)  # fmt: skip


def erased(notifications: NotificationService, registration_id: str, revision: int = 2, **changes: object) -> Message:
    """The message that a registered person is erased."""
    data = {
        "registration_id": registration_id,
        "revision": revision,
        "form": EVENT,
        "form_kind": "webinar",
        "event": EVENT,
        "status": "cancelled",
        "occurred_at": rfc3339(notifications.clock()),
    } | changes
    return replace(
        notifications.registration_message("cancelled", registration_id),
        id=new_id(),
        type=f"{TYPE_PREFIX}person.erased.v1",
        data=data,
    )


@pytest.fixture
def registered(notifications: NotificationService) -> tuple[NotificationService, str]:
    """A service with one confirmation to send, and whose it is."""
    notifications.consume_event()
    identity = new_id()
    notifications.consume(
        notifications.registration_message("confirmed", identity, working_group="housing", country="CH")
    )
    return notifications, identity


def _nothing_goes(notifications: NotificationService) -> None:
    """After any action of senders, reapers and schedulers for two weeks, no relay gets personal data."""
    with Relay({}) as relay:
        for _ in range(4):
            notifications.schedule()
            reap_leases(notifications.work, notifications.clock())
            notifications.sender(relay.port).run_once(Stop())
            notifications.pass_time(days=4)
        assert (relay.mails, relay.connections) == ([], 0)


def _is_buried(notifications: NotificationService, identity: str) -> None:
    (entry,) = notifications.rows("SELECT *, subject::text AS subject FROM recipient")
    assert {name: entry[name] for name in NO_PERSON} == dict.fromkeys(NO_PERSON)
    assert (entry["subject"], entry["status"], entry["revision"]) == (identity, "cancelled", 2)
    assert [(mail["recipient"], mail["detail"]) for mail in notifications.mails()] == [(None, None)] * len(
        notifications.mails()
    )


def test_queued_mail_is_cancelled(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    assert notifications.consume(erased(notifications, identity)) == ["done"]
    assert (notifications.mail()["state"], notifications.mail()["reason"]) == ("cancelled", ERASED)
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_deferred_mail_is_cancelled(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    (claim,) = claim_due(notifications.work, notifications.clock, 1)
    finish_mails(notifications.work, [retried(claim.mail, "the relay is busy", notifications.checked_clock)])
    assert notifications.mail()["state"] == "deferred"
    notifications.consume(erased(notifications, identity))
    assert notifications.mail()["state"] == "cancelled"
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_claimed_mail_is_withdrawn_from_its_sender(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    (claim,) = claim_due(notifications.work, notifications.clock, 1)
    notifications.consume(erased(notifications, identity))
    assert not begin_handover(notifications.work, notifications.clock, claim.mail)
    assert finish_mails(notifications.work, [released(claim.mail, notifications.clock())]) == []
    assert notifications.mail()["state"] == "cancelled"
    assert notifications.attempts() == [(1, "claimed", "cancelled")]
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


ENDS: list[tuple[str, Callable[[ClaimedMail, NotificationService], HandoverOutcome], str]] = [
    ("sent", lambda mail, notifications: sent(mail, notifications.clock()), "sent"),
    (
        "deferred",
        lambda mail, notifications: retried(mail, "the relay is busy", notifications.checked_clock),
        "cancelled",
    ),
    ("released", lambda mail, notifications: released(mail, notifications.clock()), "cancelled"),
    ("failed", lambda mail, notifications: failed(mail, "refused", notifications.clock()), "failed"),
    (
        "unknown",
        lambda mail, notifications: HandoverOutcome(
            mail, "unknown", notifications.clock(), "cut", notifications.clock() + UNKNOWN_AFTER, tried=True
        ),
        "unknown",
    ),
]


@pytest.mark.parametrize(("end", "outcome", "state"), ENDS, ids=[end for end, _, _ in ENDS])
def test_mail_that_is_being_handed_over_goes_no_second_time(
    registered: tuple[NotificationService, str],
    end: str,
    outcome: Callable[[ClaimedMail, NotificationService], HandoverOutcome],
    state: str,
) -> None:
    notifications, identity = registered
    (claim,) = claim_due(notifications.work, notifications.clock, 1)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(erased(notifications, identity))
    finish_mails(notifications.work, [outcome(claim.mail, notifications)])
    assert (notifications.mail()["state"], notifications.mail()["due_at"] is None) == (state, True)
    assert notifications.attempts() == [(1, "data", end)]
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_handover_whose_sender_died_is_not_repeated(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    (claim,) = claim_due(notifications.work, notifications.clock, 1)
    assert begin_handover(notifications.work, notifications.clock, claim.mail)
    notifications.consume(erased(notifications, identity))
    notifications.pass_time(seconds=LEASE.total_seconds() + 1)
    reap_leases(notifications.work, notifications.clock())
    assert (notifications.mail()["state"], notifications.mail()["due_at"]) == ("unknown", None)
    finish_mails(notifications.work, [retried(claim.mail, "the relay is busy", notifications.checked_clock)])
    assert (notifications.mail()["state"], notifications.mail()["due_at"]) == ("unknown", None)
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_unknown_mail_is_not_repeated(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    with Relay({"DOT": CUT}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    assert notifications.mail()["state"] == "unknown"
    notifications.consume(erased(notifications, identity))
    assert (notifications.mail()["state"], notifications.mail()["due_at"], notifications.mail()["reason"]) == (
        "unknown",
        None,
        ERASED,
    )
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_sent_mail_stays_counted_and_names_no_one(registered: tuple[NotificationService, str]) -> None:
    notifications, identity = registered
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 1
    notifications.consume(erased(notifications, identity))
    assert (notifications.mail()["state"], notifications.mail()["sent_at"] is not None) == ("sent", True)
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


@pytest.mark.parametrize("together", [False, True])
def test_what_comes_late_brings_no_one_back(notifications: NotificationService, together: bool) -> None:
    notifications.consume_event()
    identity = new_id()
    late = [
        notifications.registration_message("confirmed", identity),
        notifications.registration_message("link-requested", identity),
        notifications.registration_message("cancelled", identity, revision=9),
    ]
    erasure = erased(notifications, identity)
    for batch in [[erasure, *late]] if together else [[erasure], *([message] for message in late)]:
        assert notifications.consume(*batch) == ["done"] * len(batch)
    assert notifications.mails() == []
    _is_buried(notifications, identity)
    notifications.consume(erased(notifications, identity))
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


def test_bulletin_goes_by_another_registration_and_the_wish_for_none_stays(notifications: NotificationService) -> None:
    notifications.consume_event()
    first, second = new_id(), new_id()
    for identity in (first, second):
        notifications.consume(notifications.registration_message("confirmed", identity))
    notifications.consume_event(revision=2, status="cancelled")
    notifications.pass_time(minutes=2)
    notifications.schedule()
    statement = [mail for mail in notifications.mails() if mail["kind"] == "event-cancelled"]
    (subject,) = {str(mail["subject"]) for mail in statement}
    unsubscribe(notifications.work, notifications.clock, PERSON, "recipient")
    other = second if subject == first else first
    notifications.consume(erased(notifications, subject))
    (moved,) = [mail for mail in notifications.mails() if mail["kind"] == "event-cancelled"]
    assert (str(moved["subject"]), moved["state"], moved["recipient"]) == (other, "queued", PERSON)
    notifications.consume(erased(notifications, other))
    assert {mail["state"] for mail in notifications.mails()} == {"cancelled"}
    assert notifications.rows("SELECT person_ref FROM suppression") == [{"person_ref": PERSON}]
    assert notifications.rows("SELECT reached FROM announcement") == [{"reached": ""}]
    _nothing_goes(notifications)


def test_calendar_entry_of_two_registrations_only_ever_rises(notifications: NotificationService) -> None:
    notifications.consume_event()
    first, second = new_id(), new_id()
    for identity in (first, second):
        notifications.consume(notifications.registration_message("confirmed", identity, revision=4))
    before = {claim.held.changes for claim in claim_due(notifications.work, notifications.clock, 10) if claim.held}
    notifications.consume(erased(notifications, first, revision=5))
    notifications.consume(notifications.registration_message("promoted", second, revision=5))
    (after,) = [claim.held.changes for claim in claim_due(notifications.work, notifications.clock, 10) if claim.held]
    assert (before, after) == ({8}, 10)


def test_mail_that_was_decided_before_the_erasure_is_not_made_after_it(
    registered: tuple[NotificationService, str],
) -> None:
    """A scheduler has read the recipients; then the erasure commits; then the scheduler stores its mail."""
    notifications, identity = registered
    with notifications.work.transaction() as connection:
        (person,) = list_audience(connection, {"event": EVENT, "statuses": ["confirmed"]}, "", 10)
        notifications.consume(erased(notifications, identity))
        assert not add_mail(connection, _reminder(notifications, person))
    assert [mail["kind"] for mail in notifications.mails()] == ["confirmation"]
    _nothing_goes(notifications)


def test_erasure_waits_for_a_mail_that_is_being_made(registered: tuple[NotificationService, str]) -> None:
    """In the other order: the mail is stored first, and the erasure sees it once it is committed."""
    notifications, identity = registered
    with ThreadPoolExecutor(1) as other:
        with notifications.work.transaction() as connection:
            (person,) = list_audience(connection, {"event": EVENT, "statuses": ["confirmed"]}, "", 10)
            assert add_mail(connection, _reminder(notifications, person))
            done = other.submit(notifications.consume, erased(notifications, identity))
            poll_until(lambda: notifications.rows(WAITS), what="the erasure waits")
        assert done.result(10) == ["done"]
    assert {mail["state"] for mail in notifications.mails()} == {"cancelled"}
    _is_buried(notifications, identity)
    _nothing_goes(notifications)


WAITS = (
    "SELECT locktype FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database())"
)


def _reminder(notifications: NotificationService, person: Addressee) -> NewMail:
    identity, now = new_id(), notifications.clock()
    return NewMail(
        id=identity,
        kind="reminder-1-day",
        subject=person.subject,
        revision=1,
        event=EVENT,
        state="queued",
        reason=None,
        message_id=f"<{identity}@example.org>",
        cause_at=now,
        created_at=now,
        correlation_id="",
    )
