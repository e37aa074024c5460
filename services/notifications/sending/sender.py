"""The sender's loop. Any number may run: they share the due mails. It ends between two mails, never within one."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from services.notifications.domain.mail import Verdict
from services.notifications.domain.retrying import LEFT
from services.notifications.sending.batch import Batch, SendingTools
from services.notifications.usecases.claim_due import claim_due
from services.notifications.usecases.finish import finish
from services.notifications.usecases.measure import measure
from services.notifications.usecases.reap_leases import reap_leases
from shared.core.errors import Unavailable
from shared.core.failpoints import reach
from shared.core.metrics import mail_unknown_resolved_total
from shared.process.runner import Stop

log = logging.getLogger(__name__)

BATCH = 10
REST_LEAST_S = 0.025
REST_MOST_S = 0.2
REST_IN_OUTAGE_S = 1.0
REST_RELAY_LEAST_S = 1.0
REST_RELAY_MOST_S = 30.0
HOUSEKEEPING_EVERY_S = 5.0
LAST_WORDS_S = 15.0
"""How long a sender that is to stop goes on trying to store what it knows, seconds."""


class Sender:
    """One sender.

    Args:
        tools: to work with.
    """

    def __init__(self, tools: SendingTools) -> None:
        self._tools = tools
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="composing")
        self._verdicts: list[Verdict] = []
        self._relay_rest_s = 0.0
        self._housekeeping_at = 0.0
        mail_unknown_resolved_total.labels(LEFT)  # from 0 on, or its first one would be no increase

    def run(self, stop: Stop) -> None:
        """Send until ``stop``."""
        rest_s = REST_LEAST_S
        while not stop:
            try:
                handled = self.turn(stop)
                self._cleanup_now_and_then()
                rest_s = REST_LEAST_S if handled else min(REST_MOST_S, rest_s * 2)
            except Unavailable as error:
                log.warning("sender waits", extra={"reason": error.reason})
                handled, rest_s = 0, REST_IN_OUTAGE_S
            if self._relay_rest_s:
                stop.wait(self._relay_rest_s)
            elif handled < BATCH:
                stop.wait(rest_s)
        self._say_last_words()
        self._ahead.shutdown()

    def turn(self, stop: Stop) -> int:
        """Claim one batch and send it; returns how many mails were in it. While the relay is in trouble, only one.

        Raises:
            Unavailable: the database is away. What is known of the mails in hand is kept, and stored by the next turn.
        """
        self._store_verdicts()
        most = 1 if self._relay_rest_s else BATCH
        claims = claim_due(self._tools.work, self._tools.clock, most, self._tools.lease)
        if not claims:
            return 0
        reach("send.claimed")
        batch = Batch(self._tools, claims, self._verdicts, self._ahead)
        try:
            self._note_relay(well=batch.run(stop))
            self._store_verdicts()
        finally:
            batch.close()
        return len(claims)

    def _note_relay(self, *, well: bool) -> None:
        """Rest longer each time that the relay is in trouble, so that an outage costs few mails their turn."""
        longer_s = min(REST_RELAY_MOST_S, max(REST_RELAY_LEAST_S, 2 * self._relay_rest_s))
        self._relay_rest_s = 0.0 if well else longer_s
        if not well:
            log.warning("the mail relay is in trouble", extra={"again_in_s": self._relay_rest_s})

    def _store_verdicts(self) -> None:
        if self._verdicts:
            finish(self._tools.work.ungated, self._verdicts)  # they were sent, even if a quarantine began since
            reach("send.settled")
            self._verdicts.clear()

    def _cleanup_now_and_then(self) -> None:
        if time.monotonic() - self._housekeeping_at >= HOUSEKEEPING_EVERY_S:
            self._housekeeping_at = time.monotonic()
            self.cleanup()

    def cleanup(self) -> None:
        """Look after mails that other senders have left, and measure how long the oldest has waited.

        Raises:
            Unavailable: the database is away.
        """
        if (now := self._tools.clock.final_now("leases")) is not None:
            reap_leases(self._tools.work, now, self._tools.unknown_after)
        measure(self._tools.work, self._tools.clock)

    def _say_last_words(self) -> None:
        deadline = time.monotonic() + LAST_WORDS_S
        while self._verdicts and time.monotonic() < deadline:
            try:
                self._store_verdicts()
            except Unavailable:
                time.sleep(REST_IN_OUTAGE_S)  # the database is away; the deadline ends this
        if self._verdicts:
            log.error("outcomes could not be stored; their leases will run out", extra={"count": len(self._verdicts)})
