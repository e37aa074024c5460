"""The reading side: a hardened kombu consumer for both buses.

It takes what has arrived, up to a small batch, hands it to a handler that works in one transaction, and only then
acknowledges. Each failure that it guards against was observed:

- prefetch is a blast radius: a consumer that is killed eight times while it holds twenty messages parks all twenty. It
  starts with one message, takes more once that one is settled, and goes back to one by one whenever it gets a message
  that another process did not settle before it ended;
- a database outage must not use up the redeliveries of healthy messages: it stops consuming, keeps what it holds,
  and continues when the database is back;
- a bad deployment must not park everything: too many poisoned in a row halt that queue (:mod:`shared.messaging.halts`).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kombu import Connection, Queue

from shared.messaging.acknowledger import Acknowledger, Delivery, RetryPlan, reason_of
from shared.messaging.broker import Senders
from shared.messaging.connection import ReconnectingConsumer
from shared.messaging.contracts.schemas import Message
from shared.messaging.dead_letters import ParkedCount
from shared.messaging.halts import HaltStore, MemoryHalts, QueueHalts, Trial
from shared.runtime.errors import Unauthentic, Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.logs import describe
from shared.runtime.metrics import consume_batch_seconds

log = logging.getLogger(__name__)

PREFETCH = 32
GATHER_S = 0.002
OUTAGE_PROBE_S = 1.0

Handler = Callable[[Sequence[Message]], Sequence[str | Exception]]
"""Gets a batch, returns one result per message (``done``, ``duplicate``, Retry, Poison or a bug). Raises Unavailable
if nothing could be done for reasons outside the batch; the batch is then offered again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A queue and who handles its messages."""

    queue: str
    handle: Handler


class QueueConsumer(ReconnectingConsumer):
    """Consumes all subscriptions of one service in one thread.

    Args:
        connection: a connection from :func:`shared.messaging.connection.open_connection`.
        subscriptions: what to consume.
        service: named in metrics.
        plan: when to retry.
        prefetch: most messages held.
        senders: the trusted senders; None if processes share a login.
        sender: the login of this process.
        halts: where halted queues are stored; in memory if None.
    """

    def __init__(
        self,
        connection: Connection,
        subscriptions: Sequence[Subscription],
        service: str,
        *,
        plan: RetryPlan | None = None,
        prefetch: int = PREFETCH,
        senders: Senders | None = None,
        sender: str | None = None,
        halts: HaltStore | None = None,
    ) -> None:
        super().__init__(connection, service)
        self._handlers = {subscription.queue: subscription.handle for subscription in subscriptions}
        self._prefetch = prefetch
        self._careful, self._was_away = True, False
        self._parked = ParkedCount(self._handlers)
        self.chores: list[Callable[[], None]] = []
        self._pending: list[Delivery] = []
        self._senders = senders
        self._acknowledger = Acknowledger(
            plan or RetryPlan(), lambda: self.producer, sender, senders.copying if senders else frozenset()
        )
        self._halts = QueueHalts(service, self._handlers, halts or MemoryHalts())
        self._stopped: frozenset[str] = frozenset()

    @property
    def halted(self) -> frozenset[str]:
        """Queues that are halted."""
        return self._halts.halted

    # kombu's hooks

    def get_consumers(self, consumer: Any, channel: Any) -> list[Any]:
        self._careful = True
        self._pending.clear()
        return [
            consumer(
                queues=[Queue(queue, no_declare=True)],
                accept=["json"],
                prefetch_count=1,
                on_message=self._take_from(queue),
                on_decode_error=self._take_undecoded_from(queue),
                auto_declare=False,
            )
            for queue in self._handlers
        ]

    @contextmanager
    def _consume_from(self, *consumers: Any) -> Iterator[list[Any]]:
        """Start the consumers of all queues that are not halted."""
        self._halts.refresh()
        self._stopped = self.halted
        for consumer in self._started(consumers):
            consumer.consume()
        yield list(consumers)
        self._pause(consumers)

    def consume(
        self, limit: int | None = None, timeout: float | None = None, safety_interval: float = 1, **_kw: Any
    ) -> Iterator[None]:
        """The loop of one connection. Ends when asked to stop; raises when the connection is lost."""
        del limit, timeout
        with self.consumer_context() as (connection, channel, consumers):
            while not self.should_stop:
                self.tick()
                self._parked.run_once(channel)
                self._do_chores()
                self._follow_halts(consumers)
                self._try_halted(connection, channel, consumers)
                if self._drain(connection, safety_interval):
                    self._gather(connection)
                    self._work(connection, consumers)
                    yield

    # one tick

    def _do_chores(self) -> None:
        for chore in self.chores:
            try:
                chore()
            except Exception as error:  # noqa: BLE001 - the boundary of a chore: no message waits for it
                log.error("chore failed", extra={"error": describe(error)})

    def _take_from(self, queue: str) -> Callable[[Any], None]:
        return lambda raw: self._pending.append(Delivery(raw, queue, self._senders))

    def _take_undecoded_from(self, queue: str) -> Callable[[Any, Exception], None]:
        """What kombu could not open is judged by its body as it came, like all else: it must not end the consumer."""
        take = self._take_from(queue)
        return lambda raw, _error: take(raw)

    def _drain(self, connection: Any, wait_s: float) -> bool:
        if self._pending:
            return True  # arrived while consumers were restarted
        try:
            connection.drain_events(timeout=wait_s)
        except TimeoutError:
            connection.heartbeat_check()
        return bool(self._pending)

    def _gather(self, connection: Any) -> None:
        """Take what else has arrived already, without waiting for more."""
        while not self._careful and len(self._pending) < self._prefetch:
            before = len(self._pending)
            try:
                connection.drain_events(timeout=GATHER_S)
            except TimeoutError:
                return
            if len(self._pending) == before:
                return

    def _work(self, connection: Any, consumers: Sequence[Any]) -> None:
        batch, self._pending = self._pending, []
        suspects = [delivery for delivery in batch if delivery.suspect]
        if suspects and not self._careful:
            self._be(consumers, careful=True)
        grows = self._careful and not suspects
        if grows:
            # before anything is settled: what the broker sends to a consumer that is being cancelled comes back
            # counted as a redelivery, and while it holds its one message it has room for no other
            self._pause(consumers)
        innocent = [delivery for delivery in batch if not delivery.suspect]
        self._was_away = False
        for queue in self._handlers:
            self._handle(connection, consumers, [d for d in innocent if d.queue == queue])
        for suspect in suspects:
            self._handle(connection, consumers, [suspect])
        if grows:
            self._be(consumers, careful=self._was_away)

    @staticmethod
    def _pause(consumers: Sequence[Any]) -> None:
        for consumer in consumers:
            consumer.cancel()

    def _be(self, consumers: Sequence[Any], *, careful: bool) -> None:
        """Change the prefetch: a broker applies it to new consumers only, so each is restarted."""
        self._careful = careful
        self._pause(consumers)
        for consumer in self._started(consumers):
            consumer.qos(prefetch_count=1 if careful else self._prefetch)
            consumer.consume()

    def _started(self, consumers: Sequence[Any]) -> list[Any]:
        """The consumers of queues that are not halted; they come in the order of the queues."""
        by_queue = zip(self._handlers, consumers, strict=True)
        return [consumer for queue, consumer in by_queue if queue not in self._stopped]

    def _handle(self, connection: Any, consumers: Sequence[Any], batch: list[Delivery]) -> None:
        if not batch:
            return
        reach("consume.received")
        self._read(connection, consumers, batch)
        for delivery in batch:
            if delivery.queue in self._stopped and isinstance(delivery.result, Exception):
                delivery.raw.requeue()  # halted since then: it waits, and is not parked
            else:
                self._settle(delivery)
                self._follow_halts(consumers)

    def _read(self, connection: Any, consumers: Sequence[Any], batch: list[Delivery]) -> None:
        for delivery in batch:
            delivery.read()
        readable = [delivery for delivery in batch if delivery.message is not None]
        with consume_batch_seconds.labels(batch[0].queue).time():
            self._judge(connection, consumers, readable)

    def _settle(self, delivery: Delivery) -> str:
        outcome = self._acknowledger.settle(delivery)
        if outcome == "done":
            self._halts.succeeded(delivery.queue)
        elif outcome == "parked" and not isinstance(delivery.result, Unauthentic):
            self._halts.poisoned(delivery.queue, reason_of(delivery.result))
        return outcome

    # halted queues

    def _follow_halts(self, consumers: Sequence[Any]) -> None:
        """Stop the consumers of queues that have halted, and start those of queues that are resumed."""
        self._halts.refresh()
        before, self._stopped = self._stopped, self.halted
        if before == self._stopped:
            return
        if before - self._stopped:
            self._be(consumers, careful=True)
        for queue, consumer in zip(self._handlers, consumers, strict=True):
            if queue in self._stopped:
                consumer.cancel()
        for delivery in [delivery for delivery in self._pending if delivery.queue in self._stopped]:
            self._pending.remove(delivery)
            delivery.raw.requeue()

    def _try_halted(self, connection: Any, channel: Any, consumers: Sequence[Any]) -> None:
        for queue in sorted(self._stopped):
            if (trial := self._halts.claim_trial(queue)) is not None:
                self._try(connection, channel, consumers, queue, trial)

    def _try(self, connection: Any, channel: Any, consumers: Sequence[Any], queue: str, trial: Trial) -> None:
        """Try the next message of a halted queue; messages that reveal nothing about the handler are settled first.

        So are those that an operator wants parked, and everything else while there may be more of them.
        """
        for _ in range(self._prefetch):
            raw = channel.basic_get(queue, no_ack=False)
            if raw is None:
                if trial.parking:
                    self._halts.resume(queue)
                else:
                    self._halts.try_soon(queue)  # nothing was tried: the next message is not to wait for a minute
                return
            delivery = Delivery(channel.message_to_python(raw), queue, self._senders)
            self._read(connection, consumers, [delivery])
            wanted = self._is_to_be_parked(delivery, trial)
            outcome = self._settle(delivery)
            if outcome == "done" and not trial.parking:
                self._halts.resume(queue)
                return
            if not wanted and outcome not in ("done", "duplicate") and not isinstance(delivery.result, Unauthentic):
                if delivery.message is None:
                    self._halts.try_soon(queue)
                return
        self._halts.try_soon(queue, 0.0)

    def _is_to_be_parked(self, delivery: Delivery, trial: Trial) -> bool:
        reason = self._acknowledger.parking_reason(delivery)
        return reason != "" and reason == trial.parking and self._halts.use_parking(delivery.queue, reason)

    def _judge(self, connection: Any, consumers: Sequence[Any], batch: list[Delivery]) -> None:
        """Run the handler; while its database is down, hold the batch, take no more and keep the connection."""
        waiting = False
        while batch:
            try:
                results = self._handlers[batch[0].queue]([d.message for d in batch if d.message is not None])
            except Unavailable as error:
                log.warning("consumer waits", extra={"reason": error.reason})
                if not waiting:
                    waiting = True
                    self._pause(consumers)
                self._rest(connection)
                continue
            for delivery, result in zip(batch, results, strict=True):
                delivery.result = result
            break
        if waiting:
            self._was_away = True
            self._be(consumers, careful=True)

    def _rest(self, connection: Any) -> None:
        if self.should_stop:
            raise ConnectionAbortedError("stopped while the database was away")
        self.tick()
        try:
            connection.drain_events(timeout=OUTAGE_PROBE_S)
        except TimeoutError:
            connection.heartbeat_check()
