"""What stands in the tables about one registration beside its answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_MOMENTS = text("""
    SELECT consent_at, accepted_at, verified_at, confirmed_at, cancelled_at, hold_until, expires_at, attempts,
        attempted_at FROM registration WHERE id = CAST(:id AS uuid)
""")
_READINGS = text("SELECT read_at FROM sealed_reading WHERE registration_id = CAST(:id AS uuid) ORDER BY id")
_MESSAGES = text("SELECT type, stored_at, published_at FROM outbox WHERE subject = :id ORDER BY id")


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
    row = {"id": registration_id}
    moments = dict(connection.execute(_MOMENTS, row).one()._mapping)
    readings = [found[0] for found in connection.execute(_READINGS, row)]
    return Kept(moments, readings, [dict(found._mapping) for found in connection.execute(_MESSAGES, row)])
