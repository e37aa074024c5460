"""The sender: claims due mails and hands them to the relay in one SMTP session a batch.

For each mail: announce it (MAIL, RCPT), commit that the handover begins, hand it over. That commit also stores the
outcomes of the mails before, so a mail costs one commit. No transaction is open during the SMTP dialogue. Composing
takes most of the time; it runs ahead in its own thread while the sender waits for the relay. Every mail of a batch gets
exactly one outcome.

Before each batch a sender carries out what was asked for by unsubscribe links, so that the batch holds no bulletin to a
person who has used one.

Any number of senders can run: they share the due mails. A sender stops between two mails, never within one.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.recipients.service import carry_out_requests
from services.notifications.sending.composer import ComposedMail, Composer
from services.notifications.sending.outcomes import LEFT_UNKNOWN, is_relay_trouble, outcome_of_error, released, sent
from services.notifications.sending.service import (
    LEASE,
    UNKNOWN_AFTER,
    begin_handover,
    claim_due,
    finish_mails,
    measure_lanes,
    reap_leases,
    release_claims,
)
from services.notifications.sending.smtp import Session, SmtpTransport, TransportError
from services.notifications.sending.store import Claim
from services.notifications.telemetry import SEND_MAIL, mail_unknown_resolved_total
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.logs import caused_by
from shared.runtime.runner import Stop
from shared.runtime.tracing import NoSpan, span

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SendingContext:
    """Attributes:
    work: the unit of work on the service's database.
    clock: the process's clock, compared with the database's.
    transport: the transport that opens sessions with the SMTP relay.
    composer: composes the mails.
    lease: how long a claim lasts, and again from the commit before the handover.
    unknown_after: how long an unknown outcome waits before it is resolved.
    monotonic: clock in seconds that time changes do not affect.
    """

    work: UnitOfWork
    clock: CheckedClock
    transport: SmtpTransport
    composer: Composer
    lease: timedelta = LEASE
    unknown_after: timedelta = UNKNOWN_AFTER
    monotonic: Callable[[], float] = time.monotonic


class Batch:
    """A batch of claimed mails. After :meth:`run`, the caller stores the outcomes that are left in ``outcomes``.

    Args:
        claims: the mails that the caller has claimed, in the order of sending.
        outcomes: a list to fill.
        ahead: composes, with one thread, in the order of the claims.
    """

    def __init__(
        self,
        context: SendingContext,
        claims: Sequence[Claim],
        outcomes: list[HandoverOutcome],
        ahead: ThreadPoolExecutor,
    ) -> None:
        self._context = context
        self._waiting = deque((claim.mail, ahead.submit(context.composer.compose, claim)) for claim in claims)
        self._outcomes = outcomes
        self._session: Session | None = None

    def run(self, stop: Stop) -> bool:
        """Send until all are sent, the relay fails or ``stop``; the rest is released.

        Returns:
            whether the relay works.

        Raises:
            Unavailable: the database went away; every mail has an outcome nevertheless.
        """
        works = True
        try:
            while self._waiting and works and not stop:
                mail, composed = self._waiting.popleft()
                facts = {"troika.mail.kind": mail.kind}
                with (
                    caused_by(mail.correlation_id, mail.traceparent),
                    span(SEND_MAIL, f"send {mail.kind}", facts, (mail.traceparent,)) as seen,
                ):
                    works = self._send(mail, composed.result(), seen)
        finally:
            self._release_waiting()
        return works

    def close(self) -> None:
        """End the session. The relay has the mails already, so this may fail or be slow."""
        if self._session is not None:
            self._session.close()

    def _release_waiting(self) -> None:
        now = self._context.clock()
        for mail, composed in self._waiting:
            composed.cancel()
            self._outcomes.append(released(mail, now))
        self._waiting.clear()

    def _send(self, mail: ClaimedMail, composed: ComposedMail | HandoverOutcome, seen: NoSpan) -> bool:
        """Send one mail and add its outcome; returns whether the relay works."""
        works, outcome = True, composed
        if isinstance(outcome, ComposedMail):
            try:
                outcome = self._hand_over(mail, outcome)
            except TransportError as error:
                outcome = outcome_of_error(mail, error, self._context.clock, self._context.unknown_after)
                works = not is_relay_trouble(error)
        self._add(outcome)
        seen.set({"troika.outcome": outcome.result})
        return works

    def _hand_over(self, mail: ClaimedMail, composed: ComposedMail) -> HandoverOutcome:
        session = self._usable_session()
        session.begin(self._context.composer.mail_from, composed.address)
        began_s = self._context.monotonic()
        begun = self._commit_to(mail)
        if not begun or self._was_stalled_since(began_s):
            return released(mail, self._context.clock())  # no effect if it was cancelled or claimed again
        reach("send.begun")
        session.deliver(composed.content)
        reach("send.handed-over")
        return sent(mail, self._context.clock())

    def _commit_to(self, mail: ClaimedMail) -> bool:
        """Commit that the handover of ``mail`` begins; returns whether it may."""
        before, context = tuple(self._outcomes), self._context
        try:
            begun = begin_handover(context.work, context.clock, mail, before, context.lease)
        except Unavailable:
            self._add(released(mail, self._context.clock()))  # regardless of what was stored: the content was not sent
            raise
        del self._outcomes[: len(before)]
        return begun

    def _was_stalled_since(self, began_s: float) -> bool:
        """Whether the lease could expire during the handover, because too much time has passed since the commit."""
        return self._context.monotonic() - began_s > self._context.lease.total_seconds() / 3

    def _usable_session(self) -> Session:
        if self._session is not None and not self._session.usable:
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = self._context.transport.connect()
        return self._session

    def _add(self, outcome: HandoverOutcome) -> None:
        self._outcomes.append(outcome)
        if outcome.reason is not None:
            facts = {"mail_id": outcome.mail.id, "kind": outcome.mail.kind, "reason": outcome.reason}
            log.warning("mail not sent", extra={**facts, "outcome": outcome.result})


BATCH_SIZE = 10
MIN_IDLE_S = 0.025
MAX_IDLE_S = 0.2
OUTAGE_DELAY_S = 1.0
MIN_RELAY_DELAY_S = 1.0
MAX_RELAY_DELAY_S = 30.0
CLEANUP_EVERY_S = 5.0
SHUTDOWN_S = 15.0
"""How long a sender tries to store outcomes during its graceful shutdown, seconds."""


class Sender:
    """Claims due mails and sends them, one batch at a time."""

    def __init__(self, context: SendingContext) -> None:
        self._context = context
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="composing")
        self._outcomes: list[HandoverOutcome] = []
        self._unanswered: list[datetime] = []  # leases of claims whose commit got no answer
        self._relay_delay_s = 0.0
        self._cleaned_at_s = 0.0
        mail_unknown_resolved_total.labels(LEFT_UNKNOWN)  # starts at 0, so that the first one is an increase

    def run(self, stop: Stop) -> None:
        """Send until ``stop``."""
        idle_s = MIN_IDLE_S
        while not stop:
            try:
                carry_out_requests(self._context.work, self._context.composer.vaults_of_links)
                handled = self.run_once(stop)
                self._cleanup_if_due()
                idle_s = MIN_IDLE_S if handled else min(MAX_IDLE_S, idle_s * 2)
            except Unavailable as error:
                log.warning("sender waits", extra={"reason": error.reason})
                handled, idle_s = 0, OUTAGE_DELAY_S
            if self._relay_delay_s:
                stop.wait(self._relay_delay_s)
            elif handled < BATCH_SIZE:
                stop.wait(idle_s)
        self._store_last_outcomes()
        self._ahead.shutdown()

    def run_once(self, stop: Stop) -> int:
        """Claim one batch and send it; returns the number of mails. While the relay fails, a batch is one mail.

        Raises:
            Unavailable: the database is down. Outcomes that are not stored are kept and stored by the next run.
        """
        self._store_outcomes()
        claims = self._claim(1 if self._relay_delay_s else BATCH_SIZE)
        if not claims:
            return 0
        reach("send.claimed")
        batch = Batch(self._context, claims, self._outcomes, self._ahead)
        try:
            self._update_relay_delay(works=batch.run(stop))
            self._store_outcomes()
        finally:
            batch.close()
        return len(claims)

    def _claim(self, limit: int) -> list[Claim]:
        now = self._context.clock()
        lease_until = now + self._context.lease
        try:
            return claim_due(self._context.work, self._context.clock, limit, lease_until)
        except Unavailable:
            self._unanswered = [*(instant for instant in self._unanswered if instant > now), lease_until]
            raise

    def _update_relay_delay(self, *, works: bool) -> None:
        """Back off while the relay fails, so that an outage affects few mails."""
        longer_s = min(MAX_RELAY_DELAY_S, max(MIN_RELAY_DELAY_S, 2 * self._relay_delay_s))
        self._relay_delay_s = 0.0 if works else longer_s
        if not works:
            log.warning("the mail relay is in trouble", extra={"again_in_s": self._relay_delay_s})

    def _store_outcomes(self) -> None:
        if self._outcomes:
            finish_mails(self._context.work.ungated, self._outcomes)  # they were sent, even if a quarantine has begun
            reach("send.settled")
            self._outcomes.clear()

    def _cleanup_if_due(self) -> None:
        if time.monotonic() - self._cleaned_at_s >= CLEANUP_EVERY_S:
            self._cleaned_at_s = time.monotonic()
            self.cleanup()

    def cleanup(self) -> None:
        """Release unanswered claims, clean up expired leases of other senders, and measure the age of due mails.

        Raises:
            Unavailable: the database is down.
        """
        if self._unanswered:
            self._unanswered = release_claims(self._context.work, self._context.clock, self._unanswered)
        if (now := self._context.clock.compared_now("leases")) is not None:
            reap_leases(self._context.work, now, self._context.unknown_after)
        measure_lanes(self._context.work, self._context.clock)

    def _store_last_outcomes(self) -> None:
        deadline = time.monotonic() + SHUTDOWN_S
        while self._outcomes and time.monotonic() < deadline:
            try:
                self._store_outcomes()
            except Unavailable:
                time.sleep(OUTAGE_DELAY_S)  # the database is down; the deadline ends this
        if self._outcomes:
            log.error("outcomes could not be stored; their leases will run out", extra={"count": len(self._outcomes)})
