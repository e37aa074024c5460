"""Managing links: a token opens one registration; only its hash is kept, and the five newest of a registration live."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.people.store import as_parameter

MAX_LIVE = 5

_ADD = text("""
    INSERT INTO managing_link (token_hash, registration_id, minted_at)
    SELECT decode(token, 'hex'), registration, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (token text, registration uuid)
""")
_PRUNE = text("""
    DELETE FROM managing_link m WHERE m.registration_id = ANY(CAST(:registrations AS uuid[])) AND m.token_hash NOT IN (
        SELECT newest.token_hash FROM managing_link newest WHERE newest.registration_id = m.registration_id
        ORDER BY newest.minted_at DESC, newest.token_hash LIMIT :max_live)
""")
_END = text("DELETE FROM managing_link WHERE registration_id = CAST(:registration AS uuid)")


def store_managing_links(connection: Connection, minted: Sequence[tuple[str, bytes]], now: datetime) -> None:
    """Store new links, (registration id, token hash) each; of more than five the oldest end."""
    if not minted:
        return
    rows = [{"registration": registration, "token": token} for registration, token in minted]
    connection.execute(_ADD, {"rows": as_parameter(rows), "now": now})
    values = {"registrations": [registration for registration, _ in minted], "max_live": MAX_LIVE}
    connection.execute(_PRUNE, values)


def end_managing_links(connection: Connection, registration: str) -> None:
    """End all links of a registration."""
    connection.execute(_END, {"registration": registration})
