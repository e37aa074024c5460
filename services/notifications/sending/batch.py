"""A batch of claimed mails in one SMTP session. Every mail of it gets exactly one verdict, whatever happens.

For each mail: announce it (MAIL, RCPT), commit that it is being handed over, hand it over. That commit also settles the
mails before it, so a mail costs one commit. No transaction is open while the relay is spoken to. Composing costs most
of the time; it runs ahead in a thread of its own, while this one waits for answers.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from services.notifications.domain.mail import ClaimedMail, Verdict
from services.notifications.mail.transport import Session, SmtpTransport, TransportError
from services.notifications.sending.composing import Composer, Letter
from services.notifications.sending.judging import is_relay_trouble, judge, released, sent
from services.notifications.store.handovers import Claim
from services.notifications.usecases.begin_handover import begin_handover
from services.notifications.usecases.claim_due import LEASE
from services.notifications.usecases.reap_leases import UNKNOWN_AFTER
from shared.core.context import caused_by
from shared.core.errors import Unavailable
from shared.core.failpoints import reach
from shared.core.spans import SEND_MAIL
from shared.core.tracing import NoSpan, span
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SendingTools:
    """Attributes:
    work: on the service's database.
    clock: of this process.
    transport: to the relay.
    composer: writes the mails.
    lease: how long a claim lasts, and again from the commit that a mail is handed over.
    unknown_after: how long an unknown outcome waits before it is decided on.
    monotonic: seconds that no change of the machine's time touches.
    """

    work: UnitOfWork
    clock: CheckedClock
    transport: SmtpTransport
    composer: Composer
    lease: timedelta = LEASE
    unknown_after: timedelta = UNKNOWN_AFTER
    monotonic: Callable[[], float] = time.monotonic


class Batch:
    """One batch. ``verdicts`` are those that are not stored yet: the caller stores what is left after :meth:`run`.

    Args:
        tools: to work with.
        claims: the caller's own.
        verdicts: a list to fill.
        ahead: composes, with one thread, in the order of the claims.
    """

    def __init__(
        self, tools: SendingTools, claims: Sequence[Claim], verdicts: list[Verdict], ahead: ThreadPoolExecutor
    ) -> None:
        self._tools = tools
        self._waiting = deque((claim.mail, ahead.submit(tools.composer.compose, claim)) for claim in claims)
        self._verdicts = verdicts
        self._session: Session | None = None

    def run(self, stop: Stop) -> bool:
        """Send until all are done, the relay is in trouble or it is time to stop; what is left is released.

        Returns:
            whether the relay is well.

        Raises:
            Unavailable: the database went away; every mail has its verdict all the same.
        """
        well = True
        try:
            while self._waiting and well and not stop:
                mail, letter = self._waiting.popleft()
                said = {"troika.mail.kind": mail.kind}
                with (
                    caused_by(mail.correlation_id, mail.traceparent),
                    span(SEND_MAIL, f"send {mail.kind}", said, (mail.traceparent,)) as seen,
                ):
                    well = self._send(mail, letter.result(), seen)
        finally:
            self._release_the_rest()
        return well

    def close(self) -> None:
        """End the session. The mails are with the relay already, so this may fail or take its time."""
        if self._session is not None:
            self._session.close()

    def _release_the_rest(self) -> None:
        now = self._tools.clock()
        for mail, letter in self._waiting:
            letter.cancel()
            self._verdicts.append(released(mail, now))
        self._waiting.clear()

    def _send(self, mail: ClaimedMail, letter: Letter | Verdict, seen: NoSpan) -> bool:
        """One mail, with its verdict added; returns whether the relay is well."""
        well, verdict = True, letter
        if isinstance(verdict, Letter):
            try:
                verdict = self._hand_over(mail, verdict)
            except TransportError as error:
                verdict = judge(mail, error, self._tools.clock, self._tools.unknown_after)
                well = not is_relay_trouble(error)
        self._add(verdict)
        seen.set({"troika.outcome": verdict.outcome})
        return well

    def _hand_over(self, mail: ClaimedMail, letter: Letter) -> Verdict:
        session = self._usable_session()
        session.begin(self._tools.composer.mail_from, letter.address)
        began_s = self._tools.monotonic()
        begun = self._commit_to(mail)
        if not begun or self._stood_still_since(began_s):
            return released(mail, self._tools.clock())  # changes nothing if the mail was called off or is another's
        reach("send.begun")
        session.deliver(letter.content)
        reach("send.handed-over")
        return sent(mail, self._tools.clock())

    def _commit_to(self, mail: ClaimedMail) -> bool:
        """Commit that ``mail`` is being handed over; returns whether it may be."""
        before, tools = tuple(self._verdicts), self._tools
        try:
            begun = begin_handover(tools.work, tools.clock, mail, before, tools.lease)
        except Unavailable:
            self._add(released(mail, self._tools.clock()))  # whatever was stored: the content has not gone out
            raise
        del self._verdicts[: len(before)]
        return begun

    def _stood_still_since(self, began_s: float) -> bool:
        """Whether so much of the lease is gone since the commit that it might end within the handover."""
        return self._tools.monotonic() - began_s > self._tools.lease.total_seconds() / 3

    def _usable_session(self) -> Session:
        if self._session is not None and not self._session.usable:
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = self._tools.transport.connect()
        return self._session

    def _add(self, verdict: Verdict) -> None:
        self._verdicts.append(verdict)
        if verdict.reason is not None:
            facts = {"mail_id": verdict.mail.id, "kind": verdict.mail.kind, "reason": verdict.reason}
            log.warning("mail not sent", extra={**facts, "outcome": verdict.outcome})
