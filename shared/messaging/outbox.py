"""Outbox: a message is stored in the transaction that made its fact true, and leaves afterwards.

``NOTIFY`` in that transaction would cost the intake four fifths of its rate (measured: 10,034 to 2,199 transactions
a second), so the relay polls. Ids are not commit order: nothing here ever asks for "id greater than last seen".
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from shared.messaging.contracts.schemas import Message, encode

_CLAIM = text("""
    SELECT id, message_id::text AS message_id, type, body, coalesce(again_at, stored_at) FROM outbox
    WHERE published_at IS NULL AND (try_at IS NULL OR try_at <= :now OR try_at > :latest)
    ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
""")
_MARK = text("UPDATE outbox SET published_at = :now, refused_reason = NULL WHERE id = ANY(:ids)")
_REFUSE = text("""
    UPDATE outbox SET refusals = refusals + 1, refused_reason = :reason,
        try_at = :now + least(60, 2 ^ least(refusals, 6)) * interval '1 second'
    WHERE id = ANY(:ids)
""")
_ADD = text("""
    INSERT INTO outbox (message_id, type, subject, body, stored_at)
    VALUES (:message_id, :type, :subject, :body, :stored_at)
""")
_BLANK = text("""
    UPDATE outbox SET body = '', blanked_at = :now WHERE subject = :subject AND blanked_at IS NULL
""")
_UNPUBLISHED = text("SELECT count(*), min(coalesce(again_at, stored_at)) FROM outbox WHERE published_at IS NULL")
_AGAIN = text("""
    WITH chosen AS (
        SELECT id FROM outbox
        WHERE id > :after AND id <= :last AND published_at >= :since AND blanked_at IS NULL
            AND (CAST(:type AS text) IS NULL OR type = :type)
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED),
    changed AS (
        UPDATE outbox SET published_at = NULL, try_at = NULL, refusals = 0, again_at = :now
        FROM chosen WHERE outbox.id = chosen.id RETURNING outbox.id)
    SELECT count(*), coalesce(max(id), 0) FROM changed
""")
_LAST = text("SELECT coalesce(max(id), 0) FROM outbox")
_OLDEST_PUBLISHED = text("SELECT min(published_at) FROM outbox")
_OPEN_UP_TO = text("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL AND id <= :last)")


LATEST_TRY = timedelta(minutes=10)
"""No row waits for so long before it is offered again: a clock that was wrong has put it off."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A stored message that the broker has not confirmed yet.

    Attributes:
        id: the number of the row in the outbox.
        message_id: the id of the message.
        type: the type of the message.
        body: empty if its content was erased.
        stored_at: when it began to wait: when its transaction stored it, or when an operator had it published again.
    """

    id: int
    message_id: str
    type: str
    body: bytes
    stored_at: datetime


MANY = 100
"""From this number of rows on, ``COPY`` is faster than single statements."""

_COPY = "COPY outbox (message_id, type, subject, body, stored_at) FROM STDIN"


def add(connection: Connection, messages: Sequence[Message]) -> None:
    """Store ``messages`` in the caller's transaction."""
    if len(messages) >= MANY:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for message in messages:
                copy.write_row((message.id, message.type, message.subject, encode(message), message.time))
    elif messages:
        connection.execute(
            _ADD,
            [
                {
                    "message_id": message.id,
                    "type": message.type,
                    "subject": message.subject,
                    "body": encode(message),
                    "stored_at": message.time,
                }
                for message in messages
            ],
        )


def claim(connection: Connection, now: datetime, most: int) -> list[OutboxRow]:
    """Lock up to ``most`` rows that are due, oldest first, skipping those another relay holds."""
    return [
        OutboxRow(*row) for row in connection.execute(_CLAIM, {"now": now, "latest": now + LATEST_TRY, "most": most})
    ]


def mark_published(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Only for rows that the broker has confirmed *and* routed."""
    if ids:
        connection.execute(_MARK, {"ids": list(ids), "now": now})


def mark_refused(connection: Connection, ids: Sequence[int], reason: str, now: datetime) -> None:
    """Keep the rows, record the reason, and wait longer each time (1 s doubling to 60 s)."""
    if ids:
        connection.execute(_REFUSE, {"ids": list(ids), "reason": reason, "now": now})


def blank(connection: Connection, subject: str, now: datetime) -> None:
    """Erase the content of every message about ``subject``, whether it is published or not.

    A relay publishes none of them from now on, also not again after the loss of a broker. This waits for a relay that
    is publishing one of them.
    """
    connection.execute(_BLANK, {"subject": subject, "now": now})


@dataclass(frozen=True, slots=True)
class Again:
    """Which published messages are to be published again.

    Attributes:
        since: those that were published at or after this instant.
        last: the highest id of a row that is taken: what is stored later has just been published.
        type: the type of the messages; None for all types.
    """

    since: datetime
    last: int
    type: str | None = None


def publish_again(connection: Connection, wanted: Again, after: int, now: datetime, most: int) -> tuple[int, int]:
    """Mark up to ``most`` messages for a relay to publish again, with the same ids.

    Args:
        connection: the connection of the caller's transaction.
        wanted: which; erased content is never published.
        after: only rows with a higher id, so that none is taken twice in one run.
        now: the time.
        most: rows of this transaction.

    Returns:
        how many, and the highest id among them (0 if there was none).
    """
    values = {**asdict(wanted), "after": after, "now": now, "most": most}
    count, last = connection.execute(_AGAIN, values).one()
    return int(count), int(last)


def last_id(connection: Connection) -> int:
    """The id of the newest row; 0 if there is none."""
    return int(connection.execute(_LAST).scalar_one())


def oldest_published(connection: Connection) -> datetime | None:
    """When the oldest message that is still kept was published; None if none is."""
    value: datetime | None = connection.execute(_OLDEST_PUBLISHED).scalar()
    return value


def has_unpublished(connection: Connection, last: int) -> bool:
    """Whether a row up to the id ``last`` waits for a relay."""
    return bool(connection.execute(_OPEN_UP_TO, {"last": last}).scalar())


def unpublished(connection: Connection) -> tuple[int, datetime | None]:
    """How many rows are unpublished, and when the oldest was stored; None if there is none."""
    count, oldest = connection.execute(_UNPUBLISHED).one()
    return count, oldest
