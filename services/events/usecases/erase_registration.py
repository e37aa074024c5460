"""Erase: a registration has nobody on it any more. The numbers stay as its last status makes them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from services.events.domain.attendance import LIVE
from services.events.store import roster
from services.events.store.locks import lock_read_side
from services.events.store.personal_tables import TABLES
from services.events.store.roster import Registered
from services.events.usecases.note_registration import move_count, move_tallies
from shared.store.personal_tables import erase_rows

NOBODY: Mapping[str, Any] = {
    "person_ref": "",
    "organisation_id": None,
    "mode": None,
    "language": "und",
    "position": None,
    "attend": None,
}
"""What says, or helps to say, who somebody was."""

COUNTED_BY: Mapping[str, Any] = {"working_group": None, "representative": False, "country": None, "partner": None}
"""What numbers are kept by; it stays as long as the registration counts."""

NEVER_HEARD_OF = "expired"
"""Nobody is told of those who never confirmed their address: nothing about them can come late."""


def erase_registration(connection: Connection, grave: Registered) -> None:
    """Leave a tombstone in the roster; doing it again changes nothing. In the caller's transaction.

    Args:
        connection: of the message's own transaction.
        grave: what the message says, with nobody in it.
    """
    lock_read_side(connection)
    if roster.is_erased(connection, grave.registration_id):
        return
    old = roster.find_for_change(connection, grave.registration_id)
    if old is None and grave.status == NEVER_HEARD_OF:
        return
    new = grave if old is None else _tombstone(old, grave)
    move_count(connection, old, new)
    move_tallies(connection, old, new)
    roster.bury(connection, new)
    if old is not None:
        erase_rows(connection, TABLES, {"person_ref": old.person_ref})


def _tombstone(old: Registered, grave: Registered) -> Registered:
    left = NOBODY if grave.status in LIVE else {**NOBODY, **COUNTED_BY}
    return replace(old, status=grave.status, revision=grave.revision, occurred_at=grave.occurred_at, **left)
