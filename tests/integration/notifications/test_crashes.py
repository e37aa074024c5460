"""Senders that die, freeze, or lose their lease or database: no mail is lost, and every duplicate is counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import Connection, text

from services.notifications.mails.model import HandoverOutcome
from services.notifications.sending.outcomes import sent
from services.notifications.sending.sender import Sender
from services.notifications.sending.service import (
    GIVEN_UP_REASON,
    LEASE,
    UNKNOWN_AFTER,
    Reaped,
    begin_handover,
    claim_due,
    finish_mails,
    measure_lanes,
    reap_leases,
)
from services.notifications.telemetry import mail_unknown_resolved_total, mails_due
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import NotificationService
from tests.support.proof import LEFT
from tests.support.smtp_relay import CUT, Relay

PAST_LEASE_S = LEASE.total_seconds() + 1
NOTHING = Reaped(0, 0, 0, 0)


def resolved(resolution: str) -> float:
    """How many unknown mails were resolved so."""
    value: float = mail_unknown_resolved_total.labels(resolution)._value.get()
    return value


def message_ids(mails: list[bytes]) -> list[str]:
    """The Message-IDs of mails as a relay got them."""
    return [str(message_from_bytes(mail)["Message-ID"]) for mail in mails]


def left_as_unknown(notifications: NotificationService) -> list[str]:
    """Subjects of mails of which the proof asks that they have arrived, and not that it is noted."""
    with notifications.work.transaction() as connection:
        return list(connection.execute(text(LEFT)).scalars())


class _FailingWork(UnitOfWork):
    """A database that is down once ``good`` transactions are used up."""

    def __init__(self, notifications: NotificationService, good: int) -> None:
        super().__init__(notifications.engine, "notifications")
        self.good = good

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction, as long as there are any."""
        if self.good == 0:
            raise Unavailable("database unavailable")
        self.good -= 1
        with super().transaction() as connection:
            yield connection


class _LosingAnswers(UnitOfWork):
    """A database whose answers to its first ``losing`` commits are lost."""

    def __init__(self, notifications: NotificationService, losing: int) -> None:
        super().__init__(notifications.engine, "notifications")
        self.losing = losing

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that is committed."""
        with super().transaction() as connection:
            yield connection
        if self.losing:
            self.losing -= 1
            raise Unavailable("database unavailable")


@pytest.fixture
def queued(notifications: NotificationService) -> NotificationService:
    """A service with one confirmation to send."""
    notifications.consume_event()
    notifications.queue_mails(1)
    return notifications


def test_sender_killed_before_the_commit_costs_only_time(queued: NotificationService) -> None:
    assert len(claim_due(queued.work, queued.clock, 10)) == 1
    assert claim_due(queued.work, queued.clock, 10) == []
    assert reap_leases(queued.work, queued.clock()) == NOTHING
    queued.pass_time(seconds=PAST_LEASE_S)
    assert reap_leases(queued.work, queued.clock()) == Reaped(given_back=1, lost=0, resent=0, given_up=0)
    with Relay({}) as relay:
        queued.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 1
    assert queued.attempts() == [(1, "claimed", "released"), (2, "data", "sent")]


def test_sender_killed_after_the_commit_leaves_an_unknown_that_is_resent_once(queued: NotificationService) -> None:
    before = resolved("resent")
    with Relay({}) as relay:
        (claim,) = claim_due(queued.work, queued.clock, 10)
        assert begin_handover(queued.work, queued.clock, claim.mail)
        letter = queued.tools(relay.port).composer.compose(claim)
        assert not isinstance(letter, HandoverOutcome)
        with queued.tools(relay.port).transport.connect() as session:
            session.begin("upr@example.org", letter.address)
            session.deliver(letter.content)  # and is killed before it can report it
        queued.pass_time(seconds=PAST_LEASE_S)
        assert reap_leases(queued.work, queued.clock()) == Reaped(given_back=0, lost=1, resent=0, given_up=0)
        assert queued.mail()["state"] == "unknown"
        queued.clock.advance(UNKNOWN_AFTER - timedelta(seconds=1))
        assert reap_leases(queued.work, queued.clock()) == NOTHING
        queued.pass_time(seconds=1)
        assert reap_leases(queued.work, queued.clock()) == Reaped(given_back=0, lost=0, resent=1, given_up=0)
        queued.sender(relay.port).run_once(Stop())
        first, second = message_ids(relay.mails)
    assert first == second == queued.mail()["message_id"]
    assert resolved("resent") == before + 1
    assert (queued.mail()["state"], queued.mail()["unknowns"]) == ("sent", 1)
    assert queued.attempts() == [(1, "data", "unknown"), (2, "data", "sent")]
    assert queued.reported_sent() == [queued.mail()["id"]]


def test_second_unknown_is_not_sent_again(queued: NotificationService) -> None:
    before = resolved("left")
    with Relay({"DOT": CUT}) as relay:
        for expected in (Reaped(0, 0, 1, 0), Reaped(0, 0, 0, 1)):
            assert left_as_unknown(queued) == []
            queued.sender(relay.port).run_once(Stop())
            assert queued.mail()["state"] == "unknown"
            queued.clock.advance(UNKNOWN_AFTER)
            assert reap_leases(queued.work, queued.clock()) == expected
        queued.pass_time(days=1)
        assert reap_leases(queued.work, queued.clock()) == NOTHING
        queued.sender(relay.port).run_once(Stop())
        assert len(relay.mails) == 2
    assert (queued.mail()["state"], queued.mail()["reason"]) == ("unknown", GIVEN_UP_REASON)
    assert left_as_unknown(queued) == [str(queued.mail()["subject"])]
    assert resolved("left") == before + 1


def test_mails_left_are_counted_from_nothing_on(notifications: NotificationService) -> None:
    """A series that begins with its first mail would be no increase, and no alert."""
    mail_unknown_resolved_total.clear()
    notifications.sender(1)
    assert {labels for (labels,) in mail_unknown_resolved_total._metrics} == {"left"}


def test_unknown_that_became_untrue_is_not_sent_again(notifications: NotificationService) -> None:
    notifications.consume_event()
    registration_id = new_id()
    notifications.consume(notifications.registration_message("confirmed", registration_id))
    with Relay({"DOT": CUT}) as relay:
        notifications.sender(relay.port).run_once(Stop())
    notifications.consume(notifications.registration_message("cancelled", registration_id, 2))
    notifications.clock.advance(UNKNOWN_AFTER)
    before = resolved("given_up")
    assert reap_leases(notifications.work, notifications.clock()) == Reaped(0, 0, 0, given_up=1)
    assert resolved("given_up") == before + 1
    assert notifications.states() == {"confirmation": "unknown", "cancelled-by-you": "queued"}


def test_fence_stops_a_sender_whose_mail_another_has(queued: NotificationService) -> None:
    (slow,) = claim_due(queued.work, queued.clock, 10)
    assert begin_handover(queued.work, queued.clock, slow.mail)
    queued.pass_time(seconds=PAST_LEASE_S)
    reap_leases(queued.work, queued.clock())
    queued.clock.advance(UNKNOWN_AFTER)
    reap_leases(queued.work, queued.clock())
    (other,) = claim_due(queued.work, queued.clock, 10)
    assert (slow.mail.fence, other.mail.fence) == (1, 2)
    assert finish_mails(queued.work, [sent(slow.mail, queued.clock())]) == []
    assert not begin_handover(queued.work, queued.clock, slow.mail)
    assert queued.mail()["state"] == "claimed"
    assert queued.reported_sent() == []
    assert begin_handover(queued.work, queued.clock, other.mail)
    assert len(finish_mails(queued.work, [sent(other.mail, queued.clock())])) == 1
    assert queued.mail()["state"] == "sent"


def test_lease_that_ran_out_is_not_begun_though_no_one_else_has_the_mail(queued: NotificationService) -> None:
    (claim,) = claim_due(queued.work, queued.clock, 10)
    queued.pass_time(seconds=PAST_LEASE_S)
    assert not begin_handover(queued.work, queued.clock, claim.mail)


def test_sender_that_comes_back_before_the_decision_settles_the_unknown(queued: NotificationService) -> None:
    before = resolved("found")
    (claim,) = claim_due(queued.work, queued.clock, 10)
    assert begin_handover(queued.work, queued.clock, claim.mail)
    queued.pass_time(seconds=PAST_LEASE_S)
    reap_leases(queued.work, queued.clock())
    assert len(finish_mails(queued.work, [sent(claim.mail, queued.clock())])) == 1
    assert queued.mail()["state"] == "sent"
    assert queued.attempts() == [(1, "data", "sent")]
    assert resolved("found") == before + 1


def test_outcome_stored_twice_counts_once(queued: NotificationService) -> None:
    (claim,) = claim_due(queued.work, queued.clock, 10)
    begin_handover(queued.work, queued.clock, claim.mail)
    outcome = sent(claim.mail, queued.clock())
    assert finish_mails(queued.work, [outcome]) == [outcome]
    assert finish_mails(queued.work, [outcome]) == []
    assert len(queued.reported_sent()) == 1


def test_sender_frozen_after_the_commit_does_not_send(queued: NotificationService) -> None:
    seconds = iter((0.0, LEASE.total_seconds() / 2))
    with Relay({}) as relay:
        queued.sender(relay.port, monotonic=lambda: next(seconds)).run_once(Stop())
        assert relay.mails == []
    assert queued.mail()["state"] == "queued"


def test_outcome_is_stored_after_an_outage_that_follows_a_handover(queued: NotificationService) -> None:
    queued.queue_mails(3)
    with Relay({}) as relay:
        tools = queued.tools(relay.port)
        work = _FailingWork(queued, good=2)  # the claim and one handover; then the next handover finds no database
        sender = Sender(replace(tools, work=work))
        with pytest.raises(Unavailable):
            sender.run_once(Stop())
        assert len(relay.mails) == 1
        assert [mail["state"] for mail in queued.mails()] == ["claimed"] * 4
        work.good = 1000
        while sender.run_once(Stop()):
            pass
        assert sorted(message_ids(relay.mails)) == sorted(mail["message_id"] for mail in queued.mails())
    assert {mail["state"] for mail in queued.mails()} == {"sent"}


def test_claim_whose_commit_got_no_answer_is_released_before_its_lease_ends(queued: NotificationService) -> None:
    queued.queue_mails(1)
    with Relay({}) as relay:
        sender = Sender(replace(queued.tools(relay.port), work=_LosingAnswers(queued, losing=1)))
        with pytest.raises(Unavailable):
            sender.run_once(Stop())
        assert [mail["state"] for mail in queued.mails()] == ["claimed"] * 2
        queued.pass_time(seconds=1)
        queued.queue_mails(1)
        (of_another,) = claim_due(queued.work, queued.clock, 10)
        sender.cleanup()
        assert [mail["state"] for mail in queued.mails()] == ["queued"] * 2 + ["claimed"]
        assert begin_handover(queued.work, queued.clock, of_another.mail), "the claim of another sender is left alone"
        while sender.run_once(Stop()):
            pass
        assert len(relay.mails) == 2
    assert [mail["state"] for mail in queued.mails()] == ["sent", "sent", "claimed"]


def test_claim_that_is_committed_late_is_released_as_well(queued: NotificationService) -> None:
    with Relay({}) as relay:
        sender = Sender(replace(queued.tools(relay.port), work=_LosingAnswers(queued, losing=1)))
        with queued.work.transaction() as connection:
            connection.execute(text("SELECT FROM mail FOR UPDATE"))  # as by a server that has not committed yet
            with pytest.raises(Unavailable):
                sender.run_once(Stop())
            sender.cleanup()
        (lease_until,) = sender._unanswered
        (late,) = claim_due(queued.work, queued.clock, 10, lease_until)
        sender.cleanup()
        assert queued.mail()["state"] == "queued"
        assert not begin_handover(queued.work, queued.clock, late.mail)
        queued.pass_time(seconds=PAST_LEASE_S)
        sender.cleanup()
        assert sender._unanswered == []


def test_leases_that_are_over_are_forgotten_during_a_long_outage(queued: NotificationService) -> None:
    sender = Sender(replace(queued.tools(1), work=_FailingWork(queued, good=0)))
    for _ in range(3):
        with pytest.raises(Unavailable):
            sender.run_once(Stop())
        queued.pass_time(seconds=PAST_LEASE_S)
    assert len(sender._unanswered) == 1


def test_two_senders_at_once_send_no_mail_twice(notifications: NotificationService) -> None:
    notifications.consume_event()
    notifications.queue_mails(200)
    counts = [0, 0]
    with Relay({}) as one, Relay({}) as two:

        def work(number: int, port: int) -> None:
            sender = notifications.sender(port)
            while handled := sender.run_once(Stop()):
                counts[number] += handled

        threads = [threading.Thread(target=work, args=(n, relay.port)) for n, relay in enumerate((one, two))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        received = message_ids(one.mails + two.mails)
    assert sum(counts) == 200
    assert min(counts) > 0
    assert sorted(received) == sorted(mail["message_id"] for mail in notifications.mails())
    assert {mail["state"] for mail in notifications.mails()} == {"sent"}
    assert sorted(notifications.reported_sent()) == sorted(mail["id"] for mail in notifications.mails())


def test_backlog_is_measured_by_the_longest_due(notifications: NotificationService) -> None:
    none = {"transactional": 0.0, "verification": 0.0, "reminder": 0.0, "bulletin": 0.0}
    assert measure_lanes(notifications.work, notifications.clock) == none
    notifications.queue_mails(1)
    notifications.pass_time(seconds=7)
    notifications.queue_mails(2)
    assert measure_lanes(notifications.work, notifications.clock) == none | {"transactional": 7.0}
    assert mails_due.labels("transactional")._value.get() == 3
    claim_due(notifications.work, notifications.clock, 10)
    assert measure_lanes(notifications.work, notifications.clock) == none | {"transactional": 7.0}
