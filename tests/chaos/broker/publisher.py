"""Publishes messages as a relay does: on schedule, in batches, repeated until they are confirmed."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from shared.messaging.contracts.schemas import encode
from shared.messaging.publisher import Outcome, Outgoing, PikaPublisher
from shared.messaging.relay import BATCH, CONFIRM_TIMEOUT_S, MAX_POLL_DELAY_S, MIN_POLL_DELAY_S
from tests.contract.samples import sample_message

KEY = "mail.sent.v1"
QUEUE = "events.contact"
"""Where the broker takes messages of that type."""

TIMEOUT_S = 120.0


@dataclass(slots=True)
class LoadPublisher:
    """Attributes:
    publisher: of the broker.
    per_second: new messages a second.
    made: ids of all messages.
    confirmed: ids of those that the broker has confirmed, in that order.
    outcomes: how often each fate was met, confirmed ones left out.
    max_gap_s: longest time between two confirmed batches.
    """

    publisher: PikaPublisher
    per_second: float
    made: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    max_gap_s: float = 0.0
    _waiting: dict[str, Outgoing] = field(default_factory=dict)
    _confirmed_at: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _work: "Future[None] | None" = None

    def start(self) -> None:
        """Start publishing, in a separate thread."""
        self._work = self._pool.submit(self._offer_all)

    def finish(self) -> None:
        """Make no more messages, and wait until all that were made are confirmed."""
        self._over.set()
        self._pool.shutdown()
        if self._work is not None:
            self._work.result()

    def forget_gap(self) -> None:
        """Measure the longest gap from here on."""
        self.max_gap_s = 0.0

    def _offer_all(self) -> None:
        began_at = self._confirmed_at = time.monotonic()
        until = float("inf")
        while not self._over.is_set() or self._waiting:
            if not self._over.is_set():
                self._make(int((time.monotonic() - began_at) * self.per_second))
                until = time.monotonic() + TIMEOUT_S
            assert time.monotonic() < until, f"{len(self._waiting)} messages not confirmed: {self.outcomes}"
            moved = self._offer(list(self._waiting.values())[:BATCH])
            if moved < BATCH:
                time.sleep(MIN_POLL_DELAY_S if moved else MAX_POLL_DELAY_S)  # as the relay rests

    def _make(self, due: int) -> None:
        while len(self.made) < due:
            message = sample_message(KEY)
            self.made.append(message.id)
            self._waiting[message.id] = Outgoing(message.id, message.type, KEY, message.source, encode(message))

    def _offer(self, batch: list[Outgoing]) -> int:
        if not batch:
            self._confirmed_at = time.monotonic()
            return 0
        outcomes = self.publisher.publish(batch, CONFIRM_TIMEOUT_S)
        for message, outcome in zip(batch, outcomes, strict=True):
            if outcome is Outcome.CONFIRMED:
                self.confirmed.append(message.message_id)
                del self._waiting[message.message_id]
            else:
                self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        now = time.monotonic()
        if Outcome.CONFIRMED in outcomes:
            self.max_gap_s = max(self.max_gap_s, now - self._confirmed_at)
            self._confirmed_at = now
        return outcomes.count(Outcome.CONFIRMED)
