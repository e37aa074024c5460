"""Embedded broker: queues as rows of one PostgreSQL table, and the kombu transport that consumes from them.

A row is claimed for a consumer's session, which holds an advisory lock as its liveness signal. When the session ends,
cleanly or by ``kill -9``, the lock is released and the next sweep frees its rows: nothing is lost and no lease has to
run out. A row is deleted by its acknowledgement and by nothing else.

kombu's own filesystem, memory and SQLAlchemy transports lose every unacknowledged message when a consumer is killed,
and accept messages that no queue is bound for. This one does neither, so the consumers' code is the same here and on
RabbitMQ. Queues and bindings are those of the table of message types; nothing is declared.
"""

import secrets
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty
from typing import Any, ClassVar

import psycopg
from kombu.exceptions import ChannelError
from kombu.transport import virtual
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.db.engine import LivenessConnection
from shared.db.roles import give
from shared.messaging.broker import (
    DELIVERY_COUNT_HEADER,
    DELIVERY_LIMIT,
    PARKED_SUFFIX,
    REASON_HEADER,
    RIGHTS,
    SENDER_HEADER,
    copiers,
    route,
)
from shared.messaging.contracts.registry import service_of
from shared.runtime.errors import SettingsError
from shared.runtime.failpoints import reach
from shared.runtime.settings import conninfo

DDL = """
CREATE TABLE IF NOT EXISTS bus_message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    body bytea NOT NULL,
    properties jsonb NOT NULL,
    headers jsonb NOT NULL,
    visible_at timestamptz NOT NULL DEFAULT now(),
    claimed_by bigint,
    claims integer NOT NULL DEFAULT 0,
    stored_at timestamptz NOT NULL DEFAULT now()
);
-- who has sent it: the session's login, not a value of the statement
ALTER TABLE bus_message ADD COLUMN IF NOT EXISTS sender text;
CREATE OR REPLACE FUNCTION bus_message_sender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sender := session_user;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER bus_message_sender BEFORE INSERT ON bus_message
    FOR EACH ROW EXECUTE FUNCTION bus_message_sender();
CREATE INDEX IF NOT EXISTS bus_message_ready ON bus_message (queue, id) WHERE claimed_by IS NULL;
CREATE INDEX IF NOT EXISTS bus_message_claimed ON bus_message (claimed_by) WHERE claimed_by IS NOT NULL;
ALTER TABLE bus_message SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""

_PUT = """
    INSERT INTO bus_message (queue, body, properties, headers, visible_at)
    VALUES (%s, %s, %s, %s, now() + %s * interval '1 second')
"""
_CLAIM = """
    UPDATE bus_message SET claimed_by = %(session)s, claims = claims + 1 WHERE id IN (
        SELECT id FROM bus_message WHERE queue = %(queue)s AND claimed_by IS NULL AND visible_at <= now()
        ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    RETURNING id, queue, body, properties, headers, claims, sender
"""
_ACK = "DELETE FROM bus_message WHERE id = ANY(%s)"
_GIVE_BACK = "UPDATE bus_message SET claimed_by = NULL WHERE id = ANY(%s)"
_UNCLAIM = "UPDATE bus_message SET claimed_by = NULL, claims = claims - 1 WHERE id = ANY(%s)"
_LOCK_SESSION = "SELECT pg_backend_pid() AS pid, pg_advisory_lock(%(session)s)"
POOLED = "TROIKA_BUS_DATABASE_URL: a pooler is in between; the embedded bus needs PostgreSQL's own address, or RabbitMQ"
_SWEEP = """
    UPDATE bus_message SET claimed_by = NULL WHERE claimed_by IS NOT NULL AND claimed_by NOT IN (
        SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_PARK_EXHAUSTED = """
    WITH exhausted AS (
        DELETE FROM bus_message WHERE id IN (
            SELECT id FROM bus_message
            WHERE claimed_by IS NULL AND claims > %(limit)s AND right(queue, length(%(suffix)s)) <> %(suffix)s
                AND queue = ANY(%(queues)s::text[])
            FOR UPDATE SKIP LOCKED)
        RETURNING queue, body, properties, headers, sender)
    INSERT INTO bus_message (queue, body, properties, headers)
    SELECT queue || %(suffix)s, body, properties, headers || %(reason)s || jsonb_strip_nulls(jsonb_build_object(
        %(sender_header)s::text,
        CASE WHEN sender = ANY(%(copying)s::text[]) THEN headers ->> %(sender_header)s::text ELSE sender END))
    FROM exhausted
"""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A row to put on, or taken off, a queue. ``claims`` counts how often a consumer has had it; ``sender`` is the
    login whose session has put it there, which no process can choose."""

    queue: str
    body: bytes
    properties: Mapping[str, Any]
    headers: Mapping[str, Any] = field(default_factory=dict)
    delay_s: float = 0.0
    id: int = 0
    claims: int = 0
    sender: str | None = None


def connect(url: str) -> psycopg.Connection[Any]:
    """An autocommit connection that notices a dead peer; its role's settings limit how long it waits."""
    return LivenessConnection.connect(
        conninfo(url),
        autocommit=True,
        connect_timeout=2,
        row_factory=dict_row,
        tcp_user_timeout=10000,
        application_name="troika-bus",
    )


def create_table(url: str) -> None:
    """Make the table if it is missing, and give each login its rights; safe to call from several processes at once.

    Args:
        url: the address of the bus's database with its owner's login.
    """
    with connect(url) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(7240011)")
        connection.execute(DDL)
        give(connection, RIGHTS)


class EmbeddedQueues:
    """One session on the table.

    Args:
        url: the address of the bus's database.
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self.session = secrets.randbits(62)
        self._lock_session()

    def _lock_session(self) -> None:
        """Verify that this session is alive.

        Raises:
            SettingsError: a pooler is in between, which would give the session with the lock to others.
        """
        row = self._connection.execute(_LOCK_SESSION, {"session": self.session}).fetchone() or {}
        if row["pid"] != self._connection.info.backend_pid:
            self._connection.close()
            raise SettingsError([POOLED])

    def close(self) -> None:
        """End the session; its claimed rows return to their queues."""
        self._connection.close()

    def put(self, messages: Iterable[StoredMessage]) -> None:
        """Store all of ``messages`` or none."""
        rows = [(m.queue, m.body, Jsonb(dict(m.properties)), Jsonb(dict(m.headers)), m.delay_s) for m in messages]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(_PUT, rows)
            reach("embedded.stored")
        reach("embedded.committed")

    def claim(self, queue: str, most: int) -> list[StoredMessage]:
        """Up to ``most`` messages that are ready, oldest first, now held by this session."""
        rows = self._connection.execute(_CLAIM, {"session": self.session, "queue": queue, "most": most}).fetchall()
        return sorted((self._read(row) for row in rows), key=lambda message: message.id)

    def acknowledge(self, ids: Sequence[int]) -> None:
        """Done: delete."""
        self._connection.execute(_ACK, (list(ids),))

    def give_back(self, ids: Sequence[int]) -> None:
        """Not done: ready again at once; the claim still counts."""
        if ids:
            self._connection.execute(_GIVE_BACK, (list(ids),))

    def unclaim(self, ids: Sequence[int]) -> None:
        """Never handed to anyone: ready again at once, and the claim does not count."""
        if ids:
            self._connection.execute(_UNCLAIM, (list(ids),))

    def sweep(self, queues: Sequence[str]) -> None:
        """Give back what dead sessions held, and park what has killed too many consumers of ``queues``.

        A parked copy is stored under this session's login, so each service parks for its own queues only.
        """
        self._connection.execute(_SWEEP)
        values = {"suffix": PARKED_SUFFIX, "limit": DELIVERY_LIMIT, "queues": list(queues)}
        values |= {"reason": Jsonb({REASON_HEADER: "delivery limit reached"}), "sender_header": SENDER_HEADER}
        values["copying"] = sorted({name for queue in queues for name in copiers(service_of(queue), embedded=True)})
        self._connection.execute(_PARK_EXHAUSTED, values)

    def depth(self, queue: str) -> int:
        """Messages on ``queue``, held and delayed ones included."""
        row = self._connection.execute("SELECT count(*) AS n FROM bus_message WHERE queue = %s", (queue,)).fetchone()
        return int(row["n"]) if row else 0

    @staticmethod
    def _read(row: Mapping[str, Any]) -> StoredMessage:
        headers = dict(row["headers"])
        if row["claims"] > 1:
            headers[DELIVERY_COUNT_HEADER] = row["claims"] - 1
        return StoredMessage(
            row["queue"],
            bytes(row["body"]),
            row["properties"],
            headers,
            0.0,
            row["id"],
            row["claims"],
            row["sender"],
        )


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
        expires_in_s = int(message["properties"].get("expiration") or 10**9) / 1000
        headers = message.get("headers") or {}
        self._queues.put(
            StoredMessage(queue, body, kept, headers, min(delay, expires_in_s)) for queue, delay in targets
        )

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
    """Registered under no name: connections are made by :func:`shared.messaging.connection.open_connection` only."""

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
