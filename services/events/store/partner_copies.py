"""The table of partners: this service's copy of what registration published, for the console.

The console shows names in place of slugs, and tells coordinators that addresses of partners' sites wait for a decision.
The addresses themselves are not here: the page of registration that the notice leads to shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

_UPSERT = text("""
    INSERT INTO partner_copy (slug, revision, name, waiting_origins)
    VALUES (:slug, :revision, :name, :waiting_origins)
    ON CONFLICT (slug) DO UPDATE SET
        revision = excluded.revision, name = excluded.name, waiting_origins = excluded.waiting_origins
    WHERE partner_copy.revision < excluded.revision
""")
_NAMES = text("SELECT slug, name FROM partner_copy ORDER BY slug")
_WAITING = text("""
    SELECT coalesce(sum(waiting_origins), 0), array_agg(slug ORDER BY slug) FROM partner_copy WHERE waiting_origins > 0
""")


@dataclass(frozen=True, slots=True)
class WaitingOrigins:
    """How many addresses of partners' sites wait for a coordinator's decision, and the slugs of those partners."""

    number: int
    partners: tuple[str, ...]


def upsert_partner(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a partner as it was published, unless this state of it or a newer one is stored."""
    connection.execute(_UPSERT, {name: content[name] for name in ("slug", "revision", "name", "waiting_origins")})


def partner_names(connection: Connection) -> dict[str, str]:
    """Names of the partners by slug."""
    return {row.slug: row.name for row in connection.execute(_NAMES)}


def waiting_origins(connection: Connection) -> WaitingOrigins:
    """What waits for a decision about partners' sites."""
    number, partners = connection.execute(_WAITING).one()
    return WaitingOrigins(int(number), tuple(partners or ()))
