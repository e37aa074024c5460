"""The reading side of the embedded bus: a kombu virtual transport over :mod:`shared.bus.embedded_store`.

kombu's own filesystem, memory and SQLAlchemy transports lose every unacknowledged message when a consumer is
killed, and accept messages that nothing is bound for. This one does neither, so the consumers' code is the same
here and on RabbitMQ. Queues and bindings are those of the table of message types; nothing is declared.
"""

import time
from collections import deque
from contextlib import suppress
from queue import Empty
from typing import Any, ClassVar

import psycopg
from kombu.exceptions import ChannelError
from kombu.transport import virtual

from shared.bus.embedded_store import EmbeddedQueues, StoredMessage
from shared.bus.names import route

SWEEP_EVERY_S = 1.0


class Channel(virtual.Channel):
    """A session on the bus's table. Rows are claimed in small batches, within the consumer's prefetch."""

    do_restore = False
    body_encoding = None

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._queues = EmbeddedQueues(connection.client.transport_options["database_url"])
        self._buffers: dict[str, deque[StoredMessage]] = {}
        self._held: dict[str, int] = {}
        self._swept_at = 0.0

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        del timeout
        buffer = self._buffers.setdefault(queue, deque())
        if not buffer:
            self._sweep_sometimes()
            buffer.extend(self._queues.claim(queue, self._room()))
        if not buffer:
            raise Empty
        return self._raw(buffer.popleft())

    def _room(self) -> int:
        prefetch = self.qos.prefetch_count or 1
        buffered = sum(len(buffer) for buffer in self._buffers.values())
        return max(1, prefetch - len(self._held) - buffered)

    def _sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept_at >= SWEEP_EVERY_S:
            self._queues.sweep(list(self._buffers))
            self._swept_at = time.monotonic()

    def _raw(self, message: StoredMessage) -> dict[str, Any]:
        tag = self._next_delivery_tag()
        self._held[tag] = message.id
        properties = {**message.properties, "delivery_tag": tag, "body_encoding": None}
        properties["user_id"] = message.sender
        properties["delivery_info"] = {"routing_key": message.queue, "redelivered": message.claims > 1}
        return {
            "body": message.body,
            "content-type": properties.get("content_type"),
            "content-encoding": properties.get("content_encoding", "binary"),
            "headers": dict(message.headers),
            "properties": properties,
        }

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop a consumer; what was claimed for it and not handed out is ready again."""
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue is not None and (buffer := self._buffers.pop(queue, None)):
            self._queues.unclaim([message.id for message in buffer])

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete the row (with ``multiple``: every row handed out so far)."""
        tags = list(self._held) if multiple else [delivery_tag]
        self._queues.acknowledge([self._held[tag] for tag in tags])
        for tag in tags:
            del self._held[tag]
            self.qos.ack(tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give the row back. Dropping is not offered: what cannot be handled is parked."""
        if not requeue:
            raise ChannelError("the embedded bus drops nothing: park the message instead")
        self._queues.give_back([self._held.pop(delivery_tag)])
        self.qos.ack(delivery_tag)

    def basic_publish(self, message: dict[str, Any], exchange: str, routing_key: str, **_options: Any) -> None:
        """Store a copy on each queue bound for it.

        Raises:
            ChannelError: nothing is bound.
        """
        targets = route(exchange, routing_key)
        if not targets:
            raise ChannelError(f"no queue is bound for {routing_key!r} on {exchange!r}")
        body = message["body"].encode() if isinstance(message["body"], str) else bytes(message["body"])
        kept = {key: value for key, value in message["properties"].items() if key in _KEPT_PROPERTIES}
        kept["content_type"] = message.get("content-type")
        most_s = int(message["properties"].get("expiration") or 10**9) / 1000
        headers = message.get("headers") or {}
        self._queues.put(StoredMessage(queue, body, kept, headers, min(delay, most_s)) for queue, delay in targets)

    def _size(self, queue: str) -> int:
        return self._queues.depth(queue)

    def _has_queue(self, queue: str, **_kwargs: Any) -> bool:
        return True

    def close(self) -> None:
        """Give back what is held, so that the next session gets it at once, and end the session."""
        super().close()
        with suppress(psycopg.Error):  # a lost connection: the next sweep gives the rows back
            self._queues.give_back(list(self._held.values()))
            self._queues.unclaim([message.id for buffer in self._buffers.values() for message in buffer])
        self._queues.close()


_KEPT_PROPERTIES = frozenset({"message_id", "type", "app_id"})


class Transport(virtual.Transport):
    """Registered under no name: connections are made by :func:`shared.bus.connection.open_connection` only."""

    Channel = Channel
    polling_interval = 0.05
    driver_type = "postgresql"
    driver_name = "psycopg"
    connection_errors: ClassVar[tuple[type[Exception], ...]] = (
        *virtual.Transport.connection_errors,
        psycopg.Error,
        OSError,
    )
    channel_errors: ClassVar[tuple[type[Exception], ...]] = (*virtual.Transport.channel_errors, ChannelError)

    def driver_version(self) -> str:
        """For kombu's own log lines."""
        return psycopg.__version__
