"""What moves in the coordinators' numbers when an event becomes internal, or stops being so."""

from collections import Counter

from sqlalchemy import Connection

from services.events.domain.event import Event
from services.events.store import contacts, roster, tallies
from services.events.store.locks import lock_read_side
from services.events.usecases.note_registration import tallied


def move_numbers(connection: Connection, old: Event | None, new: Event) -> None:
    """Count the registrations of ``new`` where they belong now. In the caller's transaction, after it stored ``new``.

    Registrations may have been known before the event was: without an ``old`` one they counted as of no internal event.
    """
    if new.internal == (old is not None and old.internal):
        return
    lock_read_side(connection)
    numbers = Counter(entry for known in roster.live_of(connection, new.id) for entry in tallied(known))
    tallies.move(connection, numbers, internal=new.internal)
    for group in roster.groups_of(connection, new.id):
        contacts.reckon_group(connection, group)
