"""Note what a message said of a registration: the roster, the counts and the contact of its working group.

In whatever order the messages come, and however often, the numbers end the same: only the newest revision of each
registration counts, and a count moves by the difference between what was known and what is known now.
"""

from sqlalchemy import Connection

from services.events.store import contacts, counts, roster
from services.events.store.locks import lock_read_side
from services.events.store.roster import Registered


def note_registration(connection: Connection, registered: Registered) -> None:
    """Take over ``registered`` unless an equal or newer revision of it is known. In the caller's transaction."""
    lock_read_side(connection)
    old = None if roster.add(connection, registered) else roster.find_for_change(connection, registered.registration_id)
    if old is not None:
        if old.revision >= registered.revision:
            return
        roster.replace(connection, registered)
    _move_count(connection, old, registered)
    _move_contact(connection, old, registered)


def _move_count(connection: Connection, old: Registered | None, new: Registered) -> None:
    before = old and (old.event_id, old.status)
    if before == (new.event_id, new.status):
        return
    if old is not None and old.event_id is not None:
        counts.one_less(connection, old.event_id, old.status)
    if new.event_id is not None:
        counts.one_more(connection, new.event_id, new.status)


def _move_contact(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Mails that were noted before their registration was, or before it changed its group, count for the group now."""
    left = old.working_group if old is not None else None
    if left == new.working_group:
        return
    if new.working_group is not None:
        contacts.note_group(connection, new.working_group, new.registration_id)
    if left is not None:
        contacts.reckon_group(connection, left)
