"""What stands in the tables about one registration beside its answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_KEPT = text("""
    SELECT consent_at, accepted_at, verified_at, confirmed_at, cancelled_at, hold_until, expires_at, attempts,
        attempted_at,
        ARRAY(SELECT s.read_at FROM sealed_reading s WHERE s.registration_id = r.id ORDER BY s.id) AS readings,
        ARRAY(SELECT o.type FROM outbox o WHERE o.subject = :id ORDER BY o.id) AS types,
        ARRAY(SELECT o.stored_at FROM outbox o WHERE o.subject = :id ORDER BY o.id) AS stored_at,
        ARRAY(SELECT o.published_at FROM outbox o WHERE o.subject = :id ORDER BY o.id) AS published_at
    FROM registration r WHERE id = CAST(:id AS uuid)
""")
"""One statement, so that it costs one round trip."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Attributes:
    moments: when what happened, by name; ``attempts`` counts who else has typed the address.
    readings: when somebody has read the sealed answers.
    messages: type and moments of what the other services were told.
    """

    moments: dict[str, Any]
    readings: list[datetime]
    messages: list[dict[str, Any]]


def kept_of(connection: Connection, registration_id: str) -> Kept:
    """All of it, of a registration that is there."""
    row = dict(connection.execute(_KEPT, {"id": registration_id}).one()._mapping)
    readings, *messages = (row.pop(name) for name in ("readings", "types", "stored_at", "published_at"))
    told = zip(*messages, strict=True)
    return Kept(row, readings, [dict(zip(("type", "stored_at", "published_at"), one, strict=True)) for one in told])
