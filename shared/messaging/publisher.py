"""Publisher: offers a batch to RabbitMQ (pika, pipelined confirms) or to the embedded broker; one outcome per message.

One confirm at a time is 800 messages a second on a three-node quorum queue, two hundred outstanding are 14,500
(measured). kombu's confirms are not used here: after one timeout they take the late confirm of one message for that of
another. ``mandatory`` is always set: without it an unroutable message is confirmed and lost.

The connection has its own thread, so that heartbeats continue while the relay waits.

A broker whose memory or disk runs out blocks publishers. The connection is kept and nothing is offered until the
broker unblocks it: reconnecting would leave a dead connection and a batch behind each time, and the broker would
accept all of those batches in the end.

On the embedded broker a batch is one transaction.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import pika
import psycopg
from pika.adapters.select_connection import SelectConnection
from pika.channel import Channel

from shared.messaging.broker import FACTS, BusAddress, OutageLog, route
from shared.messaging.contracts.schemas import CONTENT_TYPE
from shared.messaging.embedded import EmbeddedQueues, StoredMessage
from shared.runtime.failpoints import reach
from shared.runtime.logs import describe
from shared.runtime.metrics import broker_connected, broker_reconnects_total
from shared.runtime.runner import delay_before


class Outcome(StrEnum):
    """The fate of an offered message. Only ``CONFIRMED`` may be marked as published."""

    CONFIRMED = "confirmed"
    """Routed to every queue bound for it and safely stored there."""
    UNROUTABLE = "unroutable"
    """No queue is bound: the topology is broken; nothing was stored."""
    REFUSED = "refused"
    """The broker rejected it: a queue is full, or down. It does not say which."""
    UNKNOWN = "unknown"
    """The connection was lost or too slow: it may or may not be there, so it is offered again."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as the bus sees it."""

    message_id: str
    type: str
    routing_key: str
    source: str
    body: bytes


class Publisher(Protocol):
    """Two implementations: RabbitMQ by pika, the embedded bus by SQL."""

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """Offer ``batch`` and wait for all fates, at most ``timeout_s`` seconds. Never raises for a lost broker."""
        ...

    def close(self) -> None:
        """Drop the connection. What is unconfirmed stays unknown."""
        ...


class PublishJob:
    """Filled by the connection's thread, read by the relay's once ``done`` is set (or time is up)."""

    def __init__(self, batch: Sequence[Outgoing]) -> None:
        self.batch = batch
        self.done = threading.Event()
        self._outcomes = [Outcome.UNKNOWN] * len(batch)
        self._open: dict[int, int] = {}
        self._returned: set[str] = set()

    def expect(self, tag: int, index: int) -> None:
        """The message at ``index`` is published with the broker's delivery ``tag``."""
        self._open[tag] = index

    def returned(self, message_id: str) -> None:
        """The broker had no queue for it; its confirm follows and means nothing."""
        self._returned.add(message_id)

    def settle(self, tag: int, *, multiple: bool, accepted: bool) -> None:
        """A confirm (or refusal) of ``tag``, and with ``multiple`` of everything open before it."""
        tags = [number for number in self._open if number <= tag] if multiple else [tag]
        for number in tags:
            index = self._open.pop(number, None)
            if index is not None:
                self._outcomes[index] = self._fate(index, accepted)
        if not self._open:
            self.done.set()

    def give_up(self) -> None:
        """No more confirms will arrive: what is open stays unknown."""
        self.done.set()

    def outcomes(self) -> list[Outcome]:
        """One outcome per message, in the order of the batch."""
        return list(self._outcomes)

    def _fate(self, index: int, accepted: bool) -> Outcome:
        if self.batch[index].message_id in self._returned:
            return Outcome.UNROUTABLE
        return Outcome.CONFIRMED if accepted else Outcome.REFUSED


log = logging.getLogger(__name__)


class EmbeddedPublisher:
    """Stores a copy of each message on every queue bound for it; connects when needed, again after a loss."""

    def __init__(self, database_url: str, service: str) -> None:
        self._url = database_url
        self._service = service
        self._queues: EmbeddedQueues | None = None

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """See :class:`Publisher`; the time limit is the connection's own (5 s a statement)."""
        del timeout_s
        copies = [copy for message in batch for copy in _copies(message)]
        try:
            if self._queues is None:
                self._queues = EmbeddedQueues(self._url)
            self._queues.put(copies)
        except psycopg.Error as error:
            log.warning("embedded bus unreachable", extra={"reason": describe(error)})
            self.close()
            return [Outcome.UNKNOWN] * len(batch)
        broker_connected.labels(self._service, "relay").set(1)
        return [Outcome.CONFIRMED if route(FACTS, m.routing_key) else Outcome.UNROUTABLE for m in batch]

    def close(self) -> None:
        """See :class:`shared.messaging.publisher.Publisher`."""
        broker_connected.labels(self._service, "relay").set(0)
        if self._queues is not None:
            self._queues.close()
            self._queues = None


def _copies(message: Outgoing) -> list[StoredMessage]:
    properties = {
        "content_type": CONTENT_TYPE,
        "message_id": message.message_id,
        "type": message.type,
        "app_id": message.source,
    }
    return [StoredMessage(queue, message.body, properties) for queue, _delay in route(FACTS, message.routing_key)]


HEARTBEAT_S = 10
SOCKET_TIMEOUT_S = 3.0
STACK_TIMEOUT_S = 3.0
"""A frozen node accepts connections and sends nothing: it must not keep us from the next one for long."""
HANG_UP_S = 1.0
RECONNECT_CAP_S = 5.0


class PikaPublisher:
    """Publishes batches to ``troika.facts``; reconnects by itself, node after node, with jittered delays.

    Args:
        address: the broker's nodes.
        service: named in metrics and in the broker's list of connections.
    """

    def __init__(self, address: BusAddress, service: str) -> None:
        self._urls = itertools.cycle(address.broker_urls)
        self._user = address.user
        self._service = service
        self._outage = OutageLog(f"{service}-relay")
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._unblocked = threading.Event()
        self._unblocked.set()
        self._guard = threading.Lock()
        self._connection: SelectConnection | None = None
        self._channel: Channel | None = None
        self._job: PublishJob | None = None
        self._was_ready = False
        self._next_tag = 1
        self._thread = threading.Thread(target=self._run, name="pika", daemon=True)
        self._thread.start()

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """See :class:`shared.messaging.publisher.Publisher`."""
        job = PublishJob(batch)
        if not self._unblocked.wait(timeout_s):
            return job.outcomes()
        if not self._ready.wait(timeout_s) or not self._call_soon(lambda: self._send(job)):
            return job.outcomes()
        if not job.done.wait(timeout_s) and self._unblocked.is_set():
            self._drop()
        return job.outcomes()

    def close(self) -> None:
        """See :class:`shared.messaging.publisher.Publisher`."""
        self._stopping.set()
        self._drop()
        self._thread.join(STACK_TIMEOUT_S)

    def _call_soon(self, callback: Callable[[], None]) -> bool:
        """Have ``callback`` called in the connection's thread; False if there is no connection now."""
        with self._guard:
            if self._connection is None:
                return False
            self._connection.ioloop.add_callback_threadsafe(callback)
            return True

    def _drop(self) -> None:
        """End the connection: it no longer answers, so its good-bye is not waited for."""
        self._ready.clear()
        self._call_soon(self._hang_up)

    # Everything below runs in the connection's thread.

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            opened = self._serve_guarded(next(self._urls))
            attempt = 1 if opened else attempt + 1
            broker_reconnects_total.labels(self._service, "relay").inc()
            self._stopping.wait(delay_before(attempt, base_s=0.2, cap_s=RECONNECT_CAP_S))

    def _serve_guarded(self, url: str) -> bool:
        """The boundary of the thread: after any exception of the library, the next connection is tried."""
        try:
            return self._serve(url)
        except Exception as error:  # noqa: BLE001 - the boundary of the connection's thread
            log.error("publisher failed", extra={"error": describe(error)})
            self._end()
            with self._guard:
                self._connection = None
            return False

    def _serve(self, url: str) -> bool:
        """Hold one connection until it ends; returns whether it was ever usable."""
        self._was_ready = False
        connection = SelectConnection(
            self._parameters(url),
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
        )
        self._connection = connection
        connection.ioloop.start()
        self._end()
        with self._guard:
            self._connection = None
            connection.ioloop.close()
        return self._was_ready

    def _parameters(self, url: str) -> pika.URLParameters:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = HEARTBEAT_S
        parameters.socket_timeout = SOCKET_TIMEOUT_S
        parameters.stack_timeout = STACK_TIMEOUT_S
        parameters.connection_attempts = 1
        parameters.client_properties = {"connection_name": f"troika-{self._service}-relay"}
        return parameters

    def _on_open(self, connection: SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._on_blocked())
        connection.add_on_connection_unblocked_callback(lambda *_: self._unblocked.set())
        connection.channel(on_open_callback=self._on_channel)
        connection.ioloop.call_later(STACK_TIMEOUT_S, lambda: self._require_ready(connection))

    def _on_blocked(self) -> None:
        log.warning("the broker takes no messages just now")
        self._unblocked.clear()

    def _require_ready(self, connection: SelectConnection) -> None:
        """A connection that is open but opens no channel is useless."""
        if connection.is_open and not self._ready.is_set():
            connection.close()

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        self._next_tag = 1
        channel.add_on_return_callback(self._on_return)
        channel.add_on_close_callback(lambda channel, _reason: self._on_channel_closed(channel))
        channel.confirm_delivery(self._on_confirm, callback=self._on_selected)

    def _on_selected(self, _frame: Any) -> None:
        self._was_ready = True
        self._outage.restored()
        self._ready.set()
        broker_connected.labels(self._service, "relay").set(1)

    def _send(self, job: PublishJob) -> None:
        if self._channel is None or not self._channel.is_open:
            job.give_up()
            return
        self._job = job
        for index, message in enumerate(job.batch):
            job.expect(self._next_tag, index)
            self._next_tag += 1
            self._channel.basic_publish(
                FACTS, message.routing_key, message.body, self._properties(message), mandatory=True
            )
        reach("publisher.sent")

    def _properties(self, message: Outgoing) -> pika.BasicProperties:
        return pika.BasicProperties(
            content_type=CONTENT_TYPE,
            delivery_mode=2,
            message_id=message.message_id,
            type=message.type,
            app_id=message.source,
            user_id=self._user,
        )

    def _on_return(self, _channel: Channel, _method: Any, properties: Any, _body: bytes) -> None:
        if self._job is not None:
            self._job.returned(properties.message_id)

    def _on_confirm(self, frame: Any) -> None:
        reach("publisher.confirm")
        method = frame.method
        if self._job is not None:
            self._job.settle(method.delivery_tag, multiple=method.multiple, accepted=method.NAME == "Basic.Ack")

    def _on_closed(self, connection: SelectConnection, reason: BaseException) -> None:
        self._outage.lost(_name_of(reason))
        self._end()
        connection.ioloop.stop()

    def _on_channel_closed(self, channel: Channel) -> None:
        """After any error a fresh connection: a channel's confirms are worth nothing without the channel."""
        self._end()
        if channel.connection.is_open:
            channel.connection.close()

    def _end(self) -> None:
        """Nothing more will be confirmed: what is open stays unknown."""
        self._ready.clear()
        self._unblocked.set()
        broker_connected.labels(self._service, "relay").set(0)
        self._channel = None
        if self._job is not None:
            self._job.give_up()
            self._job = None

    def _hang_up(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.is_open:
            connection.close()
        connection.ioloop.call_later(HANG_UP_S, lambda: _cut(connection))


def _name_of(reason: BaseException) -> str:
    """The type of the error that ended a connection; of a failed attempt that of its last step, which is the cause."""
    steps = getattr(next(iter(reason.args), None), "exceptions", ())
    last = steps[-1] if steps else reason
    return type(getattr(last, "exception", last)).__name__


def _cut(connection: SelectConnection) -> None:
    """Drop a socket whose other end does not close it. pika has no public way to do so."""
    if not connection.is_closed:
        connection._adapter_disconnect_stream()
    connection.ioloop.call_later(HANG_UP_S / 10, connection.ioloop.stop)
