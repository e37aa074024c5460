"""Decisions on proposals of side events: registration has a copy of the newest one, and events gets it back."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text

from deploy.operations.recover.databases import EVENTS, REGISTRATION, ComparedDatabases
from shared.messaging.contracts.schemas import TYPE_PREFIX
from shared.runtime.ids import new_id

_COPIES = "SELECT registration_id::text, revision, status, note, event_id, decided_at FROM proposal_state"
_OWNED = "SELECT id::text, revision FROM proposal WHERE erased_at IS NULL"
_LINES = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, action, note, changed_by, changed_at)
    SELECT p.id, n, p.status, 'changed', '', '', :now FROM proposal p,
        generate_series(p.revision + 1, CAST(:revision AS integer) - 1) AS n
    WHERE p.id = CAST(:id AS uuid) ON CONFLICT DO NOTHING
""")
_LINE = text("""
    INSERT INTO proposal_change (proposal_id, revision, status, action, note, changed_by, changed_at)
    VALUES (CAST(:id AS uuid), :revision, :status, :status, :note, '', :decided_at) ON CONFLICT DO NOTHING
""")
_DECIDE = text("""
    UPDATE proposal SET status = :status, revision = :revision, note = :note,
        event_id = coalesce((SELECT e.id FROM event e WHERE e.id = :event), event_id),
        suggestion = CASE WHEN :status IN ('accepted', 'scheduled') THEN suggestion END,
        suggested_revision = CASE WHEN :status IN ('accepted', 'scheduled') THEN suggested_revision END,
        suggested_names = CASE WHEN :status IN ('accepted', 'scheduled') THEN suggested_names END
    WHERE id = CAST(:id AS uuid) AND revision < :revision AND erased_at IS NULL
        AND (:status <> 'scheduled' OR EXISTS (SELECT FROM event e WHERE e.id = :event))
""")
_TOMBSTONE = text("""
    INSERT INTO outbox (message_id, type, subject, body, stored_at, published_at, blanked_at)
    VALUES (CAST(:message AS uuid), :type, :id, '', :now, :now, :now)
""")
"""The message with the decision is lost and not needed: its consumer has the decision."""

Decision = tuple[str, int, str, str, str | None, datetime]


def decisions_behind(databases: ComparedDatabases) -> list[Decision]:
    """Newest decisions that registration has a copy of, where events has an older state."""
    owned = {row[0]: row[1] for row in databases.rows(EVENTS, _OWNED)}
    copies = databases.rows(REGISTRATION, _COPIES)
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in copies if row[1] > owned.get(row[0], row[1])]


def take_back_decisions(databases: ComparedDatabases, behind: Iterable[Decision], now: datetime) -> int:
    """Give proposals the decisions that registration has; a scheduled proposal needs its side event."""
    done = 0
    for identity, revision, status, note, event, decided_at in behind:
        values = {"id": identity, "revision": revision, "status": status, "note": note, "event": event}
        with databases.work(EVENTS).transaction() as connection:
            connection.execute(_LINES, values | {"now": now})
            if connection.execute(_DECIDE, values).rowcount == 1:
                connection.execute(_LINE, values | {"decided_at": decided_at})
                key = f"{TYPE_PREFIX}proposal.{status}.v1"
                connection.execute(_TOMBSTONE, {"message": new_id(), "type": key, "id": identity, "now": now})
                done += 1
    return done
