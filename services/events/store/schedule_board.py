"""The draft board: which proposal stands in which room and slot. One row holds its revision and is its lock."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, text

from services.events.domain.schedule import Placement

_REVISION = text("SELECT revision FROM board")
_LOCK = text("SELECT revision FROM board FOR UPDATE")
_RAISE = text("UPDATE board SET revision = revision + 1 RETURNING revision")
_ALL = text("SELECT proposal_id::text, room_id, slot_id, pinned FROM placement ORDER BY proposal_id")
_PUT = text("""
    INSERT INTO placement (proposal_id, room_id, slot_id, pinned)
    VALUES (CAST(:proposal_id AS uuid), :room_id, :slot_id, :pinned)
    ON CONFLICT (proposal_id) DO UPDATE SET room_id = excluded.room_id, slot_id = excluded.slot_id,
        pinned = excluded.pinned
""")
_TAKE_OFF = text("DELETE FROM placement WHERE proposal_id = CAST(:id AS uuid)")
_CLEAR = text("DELETE FROM placement")


def revision(connection: Connection) -> int:
    """Rises with every change of the board."""
    number: int = connection.execute(_REVISION).scalar_one()
    return number


def lock(connection: Connection) -> int:
    """The revision; until the transaction ends nobody else changes the board or publishes it."""
    number: int = connection.execute(_LOCK).scalar_one()
    return number


def all_placements(connection: Connection) -> list[Placement]:
    """Everything on the board, by proposal."""
    return [Placement(*row) for row in connection.execute(_ALL)]


def put(connection: Connection, placement: Placement) -> int:
    """Place one proposal, wherever it was; returns the board's new revision."""
    connection.execute(_PUT, asdict(placement))
    return _raised(connection)


def take_off(connection: Connection, proposal_id: str) -> bool:
    """Take a proposal from the board; False if it was not there."""
    gone = connection.execute(_TAKE_OFF, {"id": proposal_id}).rowcount > 0
    if gone:
        _raised(connection)
    return gone


def replace_all(connection: Connection, placements: Sequence[Placement]) -> int:
    """The board is ``placements`` and nothing else; returns its new revision."""
    connection.execute(_CLEAR)
    if placements:
        connection.execute(_PUT, [asdict(placement) for placement in placements])
    return _raised(connection)


def raise_revision(connection: Connection) -> int:
    """Say that what the board stands on has changed: rooms or slots; returns its new revision."""
    return _raised(connection)


def _raised(connection: Connection) -> int:
    number: int = connection.execute(_RAISE).scalar_one()
    return number
