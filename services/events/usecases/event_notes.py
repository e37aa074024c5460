"""Coordinators write notes about an event and read them. Nobody is told."""

from services.events.domain.event_note import EventNote
from services.events.store import event_notes
from services.events.store.event_notes import NoteQuery
from services.events.store.events import Audience
from services.events.usecases.finding import find_event
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


def write_note(work: UnitOfWork, clock: Clock, event_id: str, words: str, by: str, note_id: str) -> EventNote:
    """Append a note to an event.

    Args:
        work: on the database of events.
        clock: tells when it was written.
        event_id: of the event.
        words: 1 to 4000 characters, on as many lines as it takes.
        by: name of the key of whoever wrote it.
        note_id: UUID (text), made by the caller: sent twice, it is one note.

    Raises:
        RulesBroken: there are no words, or too many.
        DomainError: ``not-found``, there is no such event; ``already-exists``, another note has this id.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Audience.COORDINATORS)
        note = EventNote(note_id, event.id, words, by, clock())
        if event_notes.add(connection, note):
            return note
        known = event_notes.find(connection, note_id)
    if (known.event_id, known.words, known.written_by) != (event_id, words, by):
        raise DomainError("already-exists", "another note has this id")
    return known


def list_notes(work: UnitOfWork, wanted: NoteQuery) -> list[EventNote]:
    """At most ``wanted.limit`` notes of an event, the newest first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Audience.COORDINATORS)
        return event_notes.page(connection, wanted)
