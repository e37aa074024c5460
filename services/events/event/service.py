"""Find and list events, their registrations by status, history, notes and forms. Each use case is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.events.event.model import Event, EventChange, EventNote, EventStatus, Form, Readers, changed_fields
from services.events.event.notices import Notice, notice_of
from services.events.event.records import (
    ChangeQuery,
    NoteQuery,
    all_forms,
    forms_of,
    insert_change,
    insert_note,
    last_notice,
    newest_zone,
    partner_names,
    read_note,
    select_changes,
    select_notes,
    select_notices,
    upsert_notice,
)
from services.events.event.store import (
    BY_CITY,
    BY_CONFIRMED,
    BY_ID,
    BY_NUMBER,
    BY_START,
    BY_STATUS,
    BY_TITLE,
    BY_WAITLISTED,
    UNDATED,
    Counts,
    EventFilter,
    count_event_groups,
    count_event_rows,
    counts_of,
    read_event,
    select_events,
)
from services.events.rules import slug_rule
from services.events.tables import CountedGroup
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock, parse_rfc3339, rfc3339
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

MAX_REGISTRATIONS = 2**31 - 1
"""What the column can hold."""


@dataclass(frozen=True, slots=True)
class EventsContext:
    """Attributes:
    work: the unit of work on the service's database.
    clock: the source of the current time.
    """

    work: UnitOfWork
    clock: Clock


def find_event(connection: Connection, event_id: str, audience: Readers) -> Event:
    """The event with this id, if ``audience`` may see it.

    Raises:
        DomainError: ``not-found``, there is none, or the public asks for a draft or for what is internal.
    """
    event = None if slug_rule("id", event_id) else read_event(connection, event_id, audience)
    if event is None:
        raise DomainError("not-found", "there is no such event")
    return event


def show_event(work: UnitOfWork, event_id: str, audience: Readers) -> Event:
    """The event with this id; what of it ``audience`` may read is decided where it is shown.

    Raises:
        DomainError: ``not-found``, there is none, or a draft and the public asks.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return find_event(connection, event_id, audience)


def list_forms_of(work: UnitOfWork, event: Event) -> list[Form]:
    """The forms by which people register for ``event``, by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return forms_of(connection, [event.id], [event.form] if event.form else [])


def event_position(event: Event) -> tuple[str, str]:
    """Position of ``event`` in a list by start: its start, then its id."""
    return (rfc3339(event.starts_at) if event.starts_at else UNDATED), event.id


def read_event_position(parts: Sequence[str]) -> tuple[str, str]:
    """The two ``parts`` of an event's position, for ``EventFilter.after``.

    Raises:
        ValueError: they are not.
    """
    start, event_id = parts
    if slug_rule("id", event_id):
        raise ValueError("not an event's id")
    return (start if start == UNDATED else rfc3339(parse_rfc3339(start))), event_id


def event_key(event: Event, sort: str, counts: Counts) -> tuple[str, str]:
    """Position of ``event`` with these ``counts`` in the order ``sort``: what it is sorted by, then its id."""
    order = sort.removeprefix("-")
    if order == BY_START:
        return event_position(event)
    titles = event.title.as_mapping
    keys = {
        BY_TITLE: titles.get("en") or titles.get("") or "",
        BY_ID: event.id,
        BY_CITY: event.city or "",
        BY_STATUS: str(event.status),
        BY_CONFIRMED: str(counts.confirmed),
        BY_WAITLISTED: str(counts.waitlisted),
    }
    return keys[order], event.id


def read_event_key(parts: Sequence[str], sort: str) -> tuple[str, str]:
    """The two ``parts`` of a position in the order ``sort``.

    Raises:
        ValueError: they are not.
    """
    order = sort.removeprefix("-")
    if order == BY_START:
        return read_event_position(parts)
    key, event_id = parts
    if order in BY_NUMBER and not 0 <= int(key) <= MAX_REGISTRATIONS:
        raise ValueError("not a number of registrations")
    if order == BY_STATUS:
        EventStatus(key)
    if slug_rule("id", event_id) or b"\0" in key.encode():  # which refuses half of a UTF-16 pair
        raise ValueError("not a position in this list")
    return key, event_id


def list_events(work: UnitOfWork, wanted: EventFilter) -> list[Event]:
    """At most ``wanted.limit`` events in the requested order.

    Args:
        work: the unit of work on the database of events.
        wanted: which ones, for whom, and after which event.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return select_events(connection, wanted)


def has_events(work: UnitOfWork) -> bool:
    """Whether there is an event, a draft too, that is not one of the system itself.

    Raises:
        Unavailable: the database is down.
    """
    return bool(list_events(work, EventFilter(audience=Readers.COORDINATORS, limit=1)))


def default_zone(work: UnitOfWork, series: str | None, own: frozenset[str] | None) -> str:
    """The time zone that a new event most likely has: that of the newest event of ``series``, or else of all events.

    Args:
        work: the unit of work on the database of events.
        series: the series of the new event; None for none.
        own: the only drafts that may count, by id; None for all.

    Returns:
        an IANA name; empty while there is no event.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        of_series = newest_zone(connection, series, own) if series else ""
        return of_series or newest_zone(connection, None, own)


def count_events(work: UnitOfWork, wanted: EventFilter) -> int:
    """How many events fit, on all pages.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_event_rows(connection, wanted)


def group_events(work: UnitOfWork, wanted: EventFilter, names: Sequence[str], at_least: int) -> list[CountedGroup]:
    """How many events have the same values of ``names``, the largest groups first.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_event_groups(connection, wanted, names, at_least)


def count_registrations(work: UnitOfWork, event_id: str) -> Counts:
    """How many registrations of one event are confirmed, waitlisted and cancelled.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, event_id, Readers.COORDINATORS)
        return counts_of(connection, [event_id])[event_id]


def count_each(work: UnitOfWork, event_ids: Sequence[str]) -> Mapping[str, Counts]:
    """The counts of each of ``event_ids``, by id; zeros where there are no registrations.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return counts_of(connection, event_ids)


def event_place(work: UnitOfWork, event: Event, sort: str) -> tuple[str, str]:
    """Position of ``event`` in the order ``sort``, for a cursor; its registrations are counted only if that needs it.

    Raises:
        Unavailable: the database is down.
    """
    by_number = sort.removeprefix("-") in BY_NUMBER
    return event_key(event, sort, count_each(work, [event.id])[event.id] if by_number else Counts())


def record_change(connection: Connection, action: str, by: str, old: Event | None, new: Event, at: datetime) -> None:
    """Record a change of an event in its history, in the caller's transaction; nothing if it has not changed."""
    if old == new:
        return
    notice = find_notice(connection, old, new, at)
    if notice is not None:
        upsert_notice(connection, notice)
    fields, notice_id = changed_fields(old, new), notice.id if notice else None
    insert_change(connection, EventChange(new_id(), new.id, new.revision, action, None, fields, by, at, notice_id))


def find_notice(connection: Connection, old: Event | None, new: Event, at: datetime) -> Notice | None:
    """The mails about a change from ``old`` to ``new``, made ``at`` (aware), with those that wait; None for none."""
    if old is None or EventStatus.DRAFT in (old.status, new.status) or old.revision == new.revision:
        return None
    return notice_of(last_notice(connection, new.id), old, new, at, new_id())


@dataclass(frozen=True, slots=True)
class NotedChange:
    """A change of an event, and the mails about it; None if it causes none."""

    change: EventChange
    notice: Notice | None


def list_history(work: UnitOfWork, wanted: ChangeQuery) -> list[NotedChange]:
    """At most ``wanted.limit`` changes of an event with the mails about them, the newest first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Readers.COORDINATORS)
        changes = select_changes(connection, wanted)
        notices = select_notices(connection, changes)
        return [NotedChange(change, notices.get(change.notice or "")) for change in changes]


def write_note(work: UnitOfWork, clock: Clock, event_id: str, words: str, by: str, note_id: str) -> EventNote:
    """Append a note to an event.

    Args:
        work: the unit of work on the database of events.
        clock: time of writing.
        event_id: the id of the event.
        words: 1 to 4000 characters, on as many lines as it takes.
        by: name of the writer's key.
        note_id: UUID (text), made by the caller: sent twice, it is one note.

    Raises:
        RulesBroken: there are no words, or too many.
        DomainError: ``not-found``, there is no such event; ``already-exists``, another note has this id.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Readers.COORDINATORS)
        note = EventNote(note_id, event.id, words, by, clock())
        if insert_note(connection, note):
            return note
        known = read_note(connection, note_id)
    if (known.event_id, known.words, known.written_by) != (event_id, words, by):
        raise DomainError("already-exists", "another note has this id")
    return known


def list_notes(work: UnitOfWork, wanted: NoteQuery) -> list[EventNote]:
    """At most ``wanted.limit`` notes of an event, the newest first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Readers.COORDINATORS)
        return select_notes(connection, wanted)


def list_forms(work: UnitOfWork) -> list[Form]:
    """Every published form, by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return all_forms(connection)


def list_partner_names(work: UnitOfWork) -> Mapping[str, str]:
    """Names of the partners by slug, as far as registration has published them.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return partner_names(connection)
