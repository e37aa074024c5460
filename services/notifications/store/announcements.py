"""What many people are to be told: one row each, worked through in chunks; ``reached`` says how far."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_ADD = text("""
    INSERT INTO announcement (id, cause, event, number, detail, changed_at, created_at, correlation_id)
    VALUES (CAST(:id AS uuid), :cause, :event, :number, CAST(:detail AS jsonb), :changed_at, :created_at,
        :correlation_id)
    ON CONFLICT ON CONSTRAINT one_announcement DO NOTHING
""")
_NEXT = text("""
    SELECT id::text, cause, event, number, detail, changed_at, created_at, correlation_id, reached FROM announcement
    WHERE ended_at IS NULL ORDER BY (cause = 'bulletin'), created_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_FIND = text("""
    SELECT id::text, cause, event, number, detail, changed_at, created_at, correlation_id FROM announcement
    WHERE cause = :cause AND event IS NOT DISTINCT FROM :event AND number = :number
""")
_ADVANCE = text("""
    UPDATE announcement SET reached = CASE WHEN CAST(:ended_at AS timestamptz) IS NULL THEN :reached ELSE '' END,
        mails = mails + :mails, ended_at = :ended_at
    WHERE id = CAST(:id AS uuid)
""")
_SUPERSEDE = text("""
    UPDATE announcement SET ended_at = :now, reached = ''
    WHERE cause = 'news' AND event = :event AND number < :number AND ended_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class NewAnnouncement:
    """Attributes:
    cause: ``news``, ``recording`` or ``bulletin``.
    event: it is about; None for a bulletin.
    number: one of its kind: the event's revision, or the bulletin's number.
    detail: what its mails say beyond their event, JSON values.
    changed_at: who was first heard of later knows already.
    """

    id: str
    cause: str
    event: str | None
    number: int
    detail: Mapping[str, Any]
    changed_at: datetime
    created_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class OpenAnnouncement:
    """An announcement in hand; ``reached`` is the reference of the last person who has a mail, or empty.

    Of a bulletin it is their registration.
    """

    announcement: NewAnnouncement
    reached: str


def add_announcement(connection: Connection, new: NewAnnouncement) -> bool:
    """Store one; returns False if the same is there already."""
    row = {
        "id": new.id,
        "cause": new.cause,
        "event": new.event,
        "number": new.number,
        "detail": json.dumps(new.detail, ensure_ascii=False),
        "changed_at": new.changed_at,
        "created_at": new.created_at,
        "correlation_id": new.correlation_id,
    }
    return connection.execute(_ADD, row).rowcount == 1


def next_open(connection: Connection) -> OpenAnnouncement | None:
    """The one to go on with, bulletins last, locked until the transaction ends; None if nothing is left."""
    row = connection.execute(_NEXT).fetchone()
    return OpenAnnouncement(NewAnnouncement(*row[:8]), row[8]) if row else None


def find_announcement(connection: Connection, cause: str, event: str | None, number: int) -> NewAnnouncement | None:
    """The one with this cause and number, under way or ended; None if there is none."""
    row = connection.execute(_FIND, {"cause": cause, "event": event, "number": number}).fetchone()
    return NewAnnouncement(*row) if row else None


def advance(connection: Connection, announcement_id: str, reached: str, mails: int, ended_at: datetime | None) -> None:
    """Store how far an announcement has come; ``ended_at`` if nobody is left: then nobody is named any more."""
    row = {"id": announcement_id, "reached": reached, "mails": mails, "ended_at": ended_at}
    connection.execute(_ADVANCE, row)


def supersede_news(connection: Connection, event: str, number: int, now: datetime) -> None:
    """End older news of ``event``: whoever they have not reached is told by those with ``number``."""
    connection.execute(_SUPERSEDE, {"event": event, "number": number, "now": now})
