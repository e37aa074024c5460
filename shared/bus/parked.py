"""The operator's view of parked messages: list, show, replay, drop. Works alike on both buses.

A listing holds ids, types and reasons. Bodies are shown one at a time and only on request: what is personal in them
is sealed, but free hands stay off what need not be seen.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kombu import Connection, Producer
from kombu.transport.base import StdChannel

from shared.bus.address import BusAddress
from shared.bus.connection import open_connection
from shared.bus.names import ATTEMPT_HEADER, REASON_HEADER, REQUEUE, parked, replay_key
from shared.bus.senders import own_user, whose
from shared.core.errors import Unavailable

FIRST_DEATH_HEADER = "x-first-death-reason"
NO_REASON = "unknown"
"""Nobody has said why a message was parked."""


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
        except ValueError:
            return repr(self.body[:2000])


def list_parked(address: BusAddress, queue: str, most: int = 100) -> list[ParkedMessage]:
    """At most ``most`` of what is parked for ``queue``, oldest first, without taking anything.

    Raises:
        Unavailable: the bus is away.
    """
    with _visit(address, queue, most) as visit:
        return [_read(queue, raw) for raw in visit.messages]


def replay(address: BusAddress, queue: str, chosen: Callable[[ParkedMessage], bool], most: int = 1000) -> int:
    """Send the chosen messages back to ``queue`` with their attempts forgotten; returns how many."""
    count = 0
    with _visit(address, queue, most) as visit:
        for raw in visit.messages:
            if chosen(_read(queue, raw)):
                visit.send_back(queue, raw)
                raw.ack()
                count += 1
    return count


def drop(address: BusAddress, queue: str, chosen: Callable[[ParkedMessage], bool], most: int = 1000) -> int:
    """Delete the chosen messages for good; returns how many."""
    count = 0
    with _visit(address, queue, most) as visit:
        for raw in visit.messages:
            if chosen(_read(queue, raw)):
                raw.ack()
                count += 1
    return count


@dataclass(frozen=True, slots=True)
class _Visit:
    """Messages in hand; what is not acknowledged returns when the visit ends."""

    messages: list[Any]
    producer: Producer
    sender: str | None

    def send_back(self, queue: str, raw: Any) -> None:
        body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body or b"")
        self.producer.publish(
            body,
            exchange=REQUEUE,
            routing_key=replay_key(queue),
            headers=whose(raw),
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
def _visit(address: BusAddress, queue: str, most: int) -> Iterator[_Visit]:
    connection: Connection = open_connection(address, "troika-operator")
    try:
        with connection, connection.channel() as channel, connection.channel() as writing:
            yield _Visit(_take(channel, parked(queue), most), Producer(writing, auto_declare=False), own_user(address))
    except connection.connection_errors as error:
        raise Unavailable(f"the bus: {type(error).__name__}") from error


def _take(channel: StdChannel, name: str, most: int) -> list[Any]:
    """Up to ``most`` messages; not by kombu's queue, which ends with an error at one whose headers make no sense."""
    taken: list[Any] = []
    while len(taken) < most and (raw := channel.basic_get(name, no_ack=False)) is not None:
        taken.append(channel.message_to_python(raw))
    return taken


def _read(queue: str, raw: Any) -> ParkedMessage:
    brokers_own = str(raw.headers.get(FIRST_DEATH_HEADER) or NO_REASON).replace("_", " ")
    body = raw.body.encode() if isinstance(raw.body, str) else bytes(raw.body or b"")
    return ParkedMessage(
        queue=queue,
        message_id=str(raw.properties.get("message_id") or ""),
        type=str(raw.properties.get("type") or ""),
        reason=str(raw.headers.get(REASON_HEADER) or brokers_own),
        attempt=int(raw.headers.get(ATTEMPT_HEADER, 1)),
        body=body,
    )
