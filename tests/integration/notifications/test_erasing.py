"""Erasure while mail is queued, claimed, under way, unknown, sent: nothing more goes out, nobody is named any more."""

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
from tests.integration.notifications.office import EVENT, PERSON, Office
from tests.support.smtp_relay import CUT, Relay
from tests.support.waiting import poll_until

NOBODY = (
    "person_ref", "language", "closed", "position", "working_group", "partner", "country", "attend",
)  # fmt: skip


def erased(office: Office, registration_id: str, revision: int = 2, **changes: object) -> Message:
    """The message that whoever was on a registration is erased."""
    data = {
        "registration_id": registration_id,
        "revision": revision,
        "form": EVENT,
        "form_kind": "webinar",
        "event": EVENT,
        "status": "cancelled",
        "occurred_at": rfc3339(office.clock()),
    } | changes
    return replace(
        office.told("cancelled", registration_id), id=new_id(), type=f"{TYPE_PREFIX}person.erased.v1", data=data
    )


@pytest.fixture
def registered(office: Office) -> tuple[Office, str]:
    """An office with one confirmation to send, and whose it is."""
    office.hear_event()
    identity = new_id()
    office.hear(office.told("confirmed", identity, working_group="housing", country="CH"))
    return office, identity


def _nothing_goes(office: Office) -> None:
    """Whatever senders, reapers and schedulers do for two weeks, no relay hears of anybody."""
    with Relay({}) as relay:
        for _ in range(4):
            office.schedule()
            reap_leases(office.work, office.clock())
            office.sender(relay.port).run_once(Stop())
            office.pass_time(days=4)
        assert (relay.mails, relay.connections) == ([], 0)


def _is_buried(office: Office, identity: str) -> None:
    (entry,) = office.rows("SELECT *, subject::text AS subject FROM recipient")
    assert {name: entry[name] for name in NOBODY} == dict.fromkeys(NOBODY)
    assert (entry["subject"], entry["status"], entry["revision"]) == (identity, "cancelled", 2)
    assert [(mail["recipient"], mail["detail"]) for mail in office.mails()] == [(None, None)] * len(office.mails())


def test_queued_mail_is_cancelled(registered: tuple[Office, str]) -> None:
    office, identity = registered
    assert office.hear(erased(office, identity)) == ["done"]
    assert (office.mail()["state"], office.mail()["reason"]) == ("cancelled", ERASED)
    _is_buried(office, identity)
    _nothing_goes(office)


def test_deferred_mail_is_cancelled(registered: tuple[Office, str]) -> None:
    office, identity = registered
    (claim,) = claim_due(office.work, office.clock, 1)
    finish_mails(office.work, [retried(claim.mail, "the relay is busy", office.checked_clock)])
    assert office.mail()["state"] == "deferred"
    office.hear(erased(office, identity))
    assert office.mail()["state"] == "cancelled"
    _is_buried(office, identity)
    _nothing_goes(office)


def test_claimed_mail_is_taken_out_of_its_senders_hands(registered: tuple[Office, str]) -> None:
    office, identity = registered
    (claim,) = claim_due(office.work, office.clock, 1)
    office.hear(erased(office, identity))
    assert not begin_handover(office.work, office.clock, claim.mail)
    assert finish_mails(office.work, [released(claim.mail, office.clock())]) == []
    assert office.mail()["state"] == "cancelled"
    assert office.attempts() == [(1, "claimed", "cancelled")]
    _is_buried(office, identity)
    _nothing_goes(office)


ENDS: list[tuple[str, Callable[[ClaimedMail, Office], HandoverOutcome], str]] = [
    ("sent", lambda mail, office: sent(mail, office.clock()), "sent"),
    ("deferred", lambda mail, office: retried(mail, "the relay is busy", office.checked_clock), "cancelled"),
    ("released", lambda mail, office: released(mail, office.clock()), "cancelled"),
    ("failed", lambda mail, office: failed(mail, "refused", office.clock()), "failed"),
    (
        "unknown",
        lambda mail, office: HandoverOutcome(
            mail, "unknown", office.clock(), "cut", office.clock() + UNKNOWN_AFTER, tried=True
        ),
        "unknown",
    ),
]


@pytest.mark.parametrize(("end", "verdict", "state"), ENDS, ids=[end for end, _, _ in ENDS])
def test_mail_that_is_being_handed_over_goes_no_second_time(
    registered: tuple[Office, str], end: str, verdict: Callable[[ClaimedMail, Office], HandoverOutcome], state: str
) -> None:
    office, identity = registered
    (claim,) = claim_due(office.work, office.clock, 1)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(erased(office, identity))
    finish_mails(office.work, [verdict(claim.mail, office)])
    assert (office.mail()["state"], office.mail()["due_at"] is None) == (state, True)
    assert office.attempts() == [(1, "data", end)]
    _is_buried(office, identity)
    _nothing_goes(office)


def test_handover_whose_sender_died_is_not_repeated(registered: tuple[Office, str]) -> None:
    office, identity = registered
    (claim,) = claim_due(office.work, office.clock, 1)
    assert begin_handover(office.work, office.clock, claim.mail)
    office.hear(erased(office, identity))
    office.pass_time(seconds=LEASE.total_seconds() + 1)
    reap_leases(office.work, office.clock())
    assert (office.mail()["state"], office.mail()["due_at"]) == ("unknown", None)
    finish_mails(office.work, [retried(claim.mail, "the relay is busy", office.checked_clock)])
    assert (office.mail()["state"], office.mail()["due_at"]) == ("unknown", None)
    _is_buried(office, identity)
    _nothing_goes(office)


def test_unknown_mail_is_not_repeated(registered: tuple[Office, str]) -> None:
    office, identity = registered
    with Relay({"DOT": CUT}) as relay:
        office.sender(relay.port).run_once(Stop())
    assert office.mail()["state"] == "unknown"
    office.hear(erased(office, identity))
    assert (office.mail()["state"], office.mail()["due_at"], office.mail()["reason"]) == ("unknown", None, ERASED)
    _is_buried(office, identity)
    _nothing_goes(office)


def test_sent_mail_stays_counted_and_names_nobody(registered: tuple[Office, str]) -> None:
    office, identity = registered
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 1
    office.hear(erased(office, identity))
    assert (office.mail()["state"], office.mail()["sent_at"] is not None) == ("sent", True)
    _is_buried(office, identity)
    _nothing_goes(office)


@pytest.mark.parametrize("together", [False, True])
def test_what_comes_late_brings_nobody_back(office: Office, together: bool) -> None:
    office.hear_event()
    identity = new_id()
    late = [
        office.told("confirmed", identity),
        office.told("link-requested", identity),
        office.told("cancelled", identity, revision=9),
    ]
    erasure = erased(office, identity)
    for batch in [[erasure, *late]] if together else [[erasure], *([message] for message in late)]:
        assert office.hear(*batch) == ["done"] * len(batch)
    assert office.mails() == []
    _is_buried(office, identity)
    office.hear(erased(office, identity))
    _is_buried(office, identity)
    _nothing_goes(office)


def test_bulletin_goes_by_another_registration_and_the_wish_for_none_stays(office: Office) -> None:
    office.hear_event()
    first, second = new_id(), new_id()
    for identity in (first, second):
        office.hear(office.told("confirmed", identity))
    office.hear_event(revision=2, status="cancelled")
    office.pass_time(minutes=2)
    office.schedule()
    told = [mail for mail in office.mails() if mail["kind"] == "event-cancelled"]
    (subject,) = {str(mail["subject"]) for mail in told}
    unsubscribe(office.work, office.clock, PERSON, "recipient")
    other = second if subject == first else first
    office.hear(erased(office, subject))
    (moved,) = [mail for mail in office.mails() if mail["kind"] == "event-cancelled"]
    assert (str(moved["subject"]), moved["state"], moved["recipient"]) == (other, "queued", PERSON)
    office.hear(erased(office, other))
    assert {mail["state"] for mail in office.mails()} == {"cancelled"}
    assert office.rows("SELECT person_ref FROM suppression") == [{"person_ref": PERSON}]
    assert office.rows("SELECT reached FROM announcement") == [{"reached": ""}]
    _nothing_goes(office)


def test_calendar_entry_of_two_registrations_only_ever_rises(office: Office) -> None:
    office.hear_event()
    first, second = new_id(), new_id()
    for identity in (first, second):
        office.hear(office.told("confirmed", identity, revision=4))
    before = {claim.held.changes for claim in claim_due(office.work, office.clock, 10) if claim.held}
    office.hear(erased(office, first, revision=5))
    office.hear(office.told("promoted", second, revision=5))
    (after,) = [claim.held.changes for claim in claim_due(office.work, office.clock, 10) if claim.held]
    assert (before, after) == ({8}, 10)


def test_mail_that_was_decided_before_the_erasure_is_not_made_after_it(registered: tuple[Office, str]) -> None:
    """A scheduler has read the book; then the erasure commits; then the scheduler stores its mail."""
    office, identity = registered
    with office.work.transaction() as connection:
        (person,) = list_audience(connection, {"event": EVENT, "statuses": ["confirmed"]}, "", 10)
        office.hear(erased(office, identity))
        assert not add_mail(connection, _reminder(office, person))
    assert [mail["kind"] for mail in office.mails()] == ["confirmation"]
    _nothing_goes(office)


def test_erasure_waits_for_a_mail_that_is_being_made(registered: tuple[Office, str]) -> None:
    """The other way round: the mail is stored first, and the erasure sees it once it is committed."""
    office, identity = registered
    with ThreadPoolExecutor(1) as other:
        with office.work.transaction() as connection:
            (person,) = list_audience(connection, {"event": EVENT, "statuses": ["confirmed"]}, "", 10)
            assert add_mail(connection, _reminder(office, person))
            done = other.submit(office.hear, erased(office, identity))
            poll_until(lambda: office.rows(WAITS), what="the erasure waits")
        assert done.result(10) == ["done"]
    assert {mail["state"] for mail in office.mails()} == {"cancelled"}
    _is_buried(office, identity)
    _nothing_goes(office)


WAITS = (
    "SELECT locktype FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database())"
)


def _reminder(office: Office, person: Addressee) -> NewMail:
    identity, now = new_id(), office.clock()
    return NewMail(
        id=identity,
        kind="reminder-1-day",
        subject=person.subject,
        revision=1,
        event=EVENT,
        lane="reminder",
        state="queued",
        reason=None,
        message_id=f"<{identity}@example.org>",
        cause_at=now,
        created_at=now,
        correlation_id="",
    )
