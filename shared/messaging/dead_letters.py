"""Dead-letter queue (parked messages): list, show, replay, drop, count; works in the same way on both brokers.

A listing holds ids, types and reasons. Bodies are shown one at a time and only on request: what is personal in them is
sealed, but an operator should not see what need not be seen.

Parked copies of messages about people who were erased are dropped, even if another reason parked them. A consumer may
read what it has parked itself, and nothing else. What still waits on a work queue or in a retry tier needs no search:
it is consumed, and the tombstone makes it have no effect.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kombu import Connection, Producer
from kombu.transport.base import StdChannel

from shared.messaging.broker import (
    REASON_HEADER,
    REQUEUE,
    BusAddress,
    attempt_of,
    copiers,
    own_user,
    parked,
    replay_key,
    whose,
)
from shared.messaging.connection import open_connection
from shared.messaging.contracts.registry import service_of
from shared.runtime.errors import Unavailable
from shared.runtime.metrics import queue_parked_messages

FIRST_DEATH_HEADER = "x-first-death-reason"
NO_REASON = "unknown"
"""No reason is recorded for a parked message."""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """One message that waits for a decision."""

    queue: str
    message_id: str
    type: str
    reason: str
    attempt: int
    body: bytes = field(repr=False)

    def readable_body(self) -> str:
        """The body as indented JSON, or its beginning as it is where it is not JSON."""
        try:
            return json.dumps(json.loads(self.body), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return repr(self.body[:2000])


def _unrecorded(count: int) -> None:
    """For programs: what operators decide is recorded."""
    del count


Chosen = Callable[[ParkedMessage], bool]
Record = Callable[[int], None]
"""Called with the number of messages about to be settled, before the first of them is."""

SETTLED_AT_ONCE = 500


def list_parked(address: BusAddress, queue: str, most: int | None = 100) -> list[ParkedMessage]:
    """At most ``most`` of what is parked for ``queue``, oldest first, without taking anything.

    Raises:
        Unavailable: the bus is down.
    """
    return list(each_parked(address, queue, most))


def each_parked(address: BusAddress, queue: str, most: int | None = None) -> Iterator[ParkedMessage]:
    """The same one by one, all of it if ``most`` is None; returned to the queue when the iteration ends."""
    with _visit(address, queue) as visit:
        for raw in visit.messages(most):
            yield _read(queue, raw)


def count_parked(address: BusAddress, queue: str) -> int:
    """How many messages are parked for ``queue``.

    Raises:
        Unavailable: the bus is down.
    """
    with _visit(address, queue) as visit:
        return visit.size()


def replay(address: BusAddress, queue: str, chosen: Chosen, record: Record = _unrecorded) -> int:
    """Send the chosen messages back to ``queue`` with their attempts forgotten; returns how many.

    Each once: one that is parked again in the meantime stays parked.
    """
    seen: set[tuple[str, int]] = set()

    def is_new(message: ParkedMessage) -> bool:
        key, before = (message.message_id, hash(message.body)), len(seen)
        seen.add(key)
        return len(seen) > before and chosen(message)

    with _visit(address, queue) as visit:
        return visit.settle(is_new, record, visit.send_back)


def drop(
    address: BusAddress, queue: str, chosen: Chosen, record: Record = _unrecorded, *, most: int | None = None
) -> int:
    """Delete the chosen messages among the first ``most`` (among all, if None) for good; returns how many."""
    with _visit(address, queue) as visit:
        return visit.settle(chosen, record, lambda _raw: None, most)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A reading of one parked queue; what is not acknowledged returns when the visit ends."""

    queue: str
    channel: StdChannel
    producer: Producer
    sender: str | None
    copying: frozenset[str]

    def size(self) -> int:
        """Messages that are parked now."""
        return int(self.channel.queue_declare(queue=parked(self.queue), passive=True).message_count)

    def messages(self, most: int | None = None) -> Iterator[Any]:
        """The parked messages, at most ``most``, oldest first.

        Not by kombu's queue, which ends with an error at one whose headers make no sense. Not bounded by the broker's
        count either, which lags behind what another visit has just returned.
        """
        for _ in range(most) if most is not None else count():
            raw = self.channel.basic_get(parked(self.queue), no_ack=False)
            if raw is None:
                return
            yield self.channel.message_to_python(raw)

    def settle(self, chosen: Chosen, record: Record, act: Callable[[Any], None], most: int | None = None) -> int:
        """Do ``act`` to all chosen messages and take them from the queue, some hundred at a time; returns how many."""
        total, batch = 0, []
        for raw in self.messages(most):
            if chosen(_read(self.queue, raw)):
                batch.append(raw)
            if len(batch) == SETTLED_AT_ONCE:
                total += self._settle(batch, record, act)
                batch = []
        return total + self._settle(batch, record, act)

    @staticmethod
    def _settle(batch: list[Any], record: Record, act: Callable[[Any], None]) -> int:
        if batch:
            record(len(batch))
        for raw in batch:
            act(raw)
            raw.ack()
        return len(batch)

    def send_back(self, raw: Any) -> None:
        """Publish a copy to the queue that the message was parked for."""
        body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body or b"")
        self.producer.publish(
            body,
            exchange=REQUEUE,
            routing_key=replay_key(self.queue),
            headers=whose(raw, self.copying),
            content_type=raw.content_type,
            content_encoding="binary",
            delivery_mode=2,
            mandatory=True,
            timeout=5,
            message_id=raw.properties.get("message_id"),
            type=raw.properties.get("type"),
            app_id=raw.properties.get("app_id"),
            user_id=self.sender,
        )


@contextmanager
def _visit(address: BusAddress, queue: str) -> Iterator[_Visit]:
    connection: Connection = open_connection(address, "troika-operator")
    copying = copiers(service_of(queue), embedded=address.embedded)
    try:
        with connection, connection.channel() as channel, connection.channel() as writing:
            yield _Visit(queue, channel, Producer(writing, auto_declare=False), own_user(address), copying)
    except connection.connection_errors as error:
        raise Unavailable(f"the bus: {type(error).__name__}") from error


def _read(queue: str, raw: Any) -> ParkedMessage:
    brokers_own = str(raw.headers.get(FIRST_DEATH_HEADER) or NO_REASON).replace("_", " ")
    body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body or b"")
    return ParkedMessage(
        queue=queue,
        message_id=str(raw.properties.get("message_id") or ""),
        type=str(raw.properties.get("type") or ""),
        reason=str(raw.headers.get(REASON_HEADER) or brokers_own),
        attempt=attempt_of(raw.headers),
        body=body,
    )


COUNTED_EVERY_S = 10.0


class ParkedCount:
    """Counts what is parked for ``queues``."""

    def __init__(self, queues: Iterable[str]) -> None:
        self._queues = tuple(queues)
        self._counted_at = float("-inf")

    def run_once(self, channel: Any) -> None:
        """Count every few seconds, by a passive declaration, which is a cheap query."""
        if time.monotonic() - self._counted_at < COUNTED_EVERY_S:
            return
        self._counted_at = time.monotonic()
        for queue in self._queues:
            found = channel.queue_declare(queue=parked(queue), passive=True)
            queue_parked_messages.labels(queue).set(found.message_count)


log = logging.getLogger(__name__)

CLEARED_EVERY_S = 300.0
MOST = 1000
"""Messages of one reading of a queue: it runs in the consumer's loop, which must not block for long."""

Erased = Callable[[Sequence[str]], set[str]]
"""Which of these subjects (UUID texts) were erased."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class Clearing:
    """Drops parked messages about erased subjects every few minutes.

    Args:
        address: the address of the message bus.
        queues: whose parked copies are checked.
        erased: asked for all subjects that are found.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(
        self,
        address: BusAddress,
        queues: Sequence[str],
        erased: Erased,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._queues, self._erased, self._monotonic = address, queues, erased, monotonic
        self._due_at_s = monotonic() + CLEARED_EVERY_S

    def run_once(self) -> None:
        """Do what is due, which is mostly nothing. If bus or database are down it is done the next time."""
        if self._monotonic() < self._due_at_s:
            return
        self._due_at_s = self._monotonic() + CLEARED_EVERY_S
        try:
            dropped = drop_erased(self._address, self._queues, self._erased)
        except Unavailable as error:
            log.warning("parked copies could not be looked at", extra={"reason": error.reason})
            return
        if dropped:
            log.info("parked copies about erased people dropped", extra={"count": dropped})


def drop_erased(address: BusAddress, queues: Sequence[str], erased: Erased) -> int:
    """Drop what is parked for ``queues`` about erased subjects; returns how many it was.

    Raises:
        Unavailable: the bus or the database is down; try again later.
    """
    return sum([_drop_from(address, queue, erased) for queue in queues])


def _drop_from(address: BusAddress, queue: str, erased: Erased) -> int:
    named = {subject for message in list_parked(address, queue, MOST) for subject in subjects_in(message)}
    gone = erased(sorted(named)) if named else set()
    return drop(address, queue, lambda message: not gone.isdisjoint(subjects_in(message)), most=MOST) if gone else 0


def subjects_in(message: ParkedMessage) -> set[str]:
    """Whom a message is about; if it is unreadable, every id that it contains."""
    try:
        subject = json.loads(message.body).get("subject")
    except (ValueError, AttributeError, RecursionError):
        subject = None
    text = subject if isinstance(subject, str) else message.body.decode("utf-8", "replace")
    return {found.lower() for found in _ID.findall(text)}
