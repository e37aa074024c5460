"""Public data: published events, their series, working groups and resources. It never reads personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.events.event.model import OPEN_STATUSES, Event, Form, Readers, is_open
from services.events.event.records import forms_of, forms_of_kind
from services.events.event.service import event_position, find_event
from services.events.event.store import EventFilter, last_changes, read_event, select_events
from services.events.network.model import Resource, Series, WorkingGroup
from services.events.network.store import ResourceFilter, all_series, all_working_groups, select_resources
from services.events.scheduling.store import read_newest_version
from services.events.venue.store import all_rooms
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError

MAX_RESOURCES = 200
MAX_EVENTS = 200
"""Of one series."""
CHUNK = 5000
"""Events of a calendar that are read at once: what the public reads is sorted for each chunk."""


@dataclass(frozen=True, slots=True)
class EventDetails:
    """One event with what belongs to it; ``asked`` are titles of the groups it names, ``forms`` those that are open."""

    event: Event
    series: Series | None
    asked: tuple[Text, ...]
    resources: tuple[Resource, ...]
    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class SeriesDetails:
    """One series, its events by start, its resources, and the open forms by event."""

    series: Series
    events: tuple[Event, ...]
    resources: tuple[Resource, ...]
    forms: Mapping[str, tuple[Form, ...]]


def public_series(work: UnitOfWork) -> Mapping[str, Series]:
    """Every series by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return {series.id: series for series in all_series(connection)}


def public_groups(work: UnitOfWork) -> Mapping[str, WorkingGroup]:
    """Every working group by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return {group.id: group for group in all_working_groups(connection)}


def published_room(work: UnitOfWork, room_id: str) -> tuple[Text, frozenset[str]]:
    """The title of a room, and the ids of the events that the timetable in force puts there.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        room = next((room for room in all_rooms(connection) if room.id == room_id), None)
        version = read_newest_version(connection)
    if room is None:
        raise DomainError("not-found", "there is no such room")
    entries = version.entries if version else ()
    return room.title, frozenset(entry.event_id for entry in entries if entry.room_id == room_id)


def open_forms(work: UnitOfWork, kind: str, now: datetime) -> tuple[Form, ...]:
    """The forms of a kind, such as those by which people join a working group, that are open at ``now`` (aware).

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        found = forms_of_kind(connection, kind)
        events_by_id = _events_of(connection, found, {})
    return tuple(form for form in found if is_open(form, events_by_id.get(form.event or ""), now))


def show_event_details(work: UnitOfWork, event_id: str, now: datetime) -> EventDetails:
    """A published event with its series, the groups it names, its published resources and the forms open at ``now``.

    Raises:
        DomainError: ``not-found``, there is none, or it is a draft.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Readers.PUBLIC)
        series = {series.id: series for series in all_series(connection)}
        groups = {group.id: group.title for group in all_working_groups(connection)}
        wanted = ResourceFilter(published_only=True, event=event.id, limit=MAX_RESOURCES)
        found = select_resources(connection, wanted)
        buttons = _open_forms(connection, [event], now)
    asked = tuple(groups[group] for group in event.asked_groups if group in groups)
    return EventDetails(event, series.get(event.series or ""), asked, tuple(found), buttons.get(event.id, ()))


def show_public_event(work: UnitOfWork, event_id: str) -> tuple[Event, datetime | None]:
    """A published event, and when it was last changed, as far as that is known.

    Raises:
        DomainError: ``not-found``, there is none, or it is a draft or internal.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Readers.PUBLIC)
        return event, last_changes(connection, [event.id]).get(event.id)


def show_series(work: UnitOfWork, series_id: str, now: datetime) -> SeriesDetails:
    """A series with its published events and resources, and the forms of its events that are open at ``now``.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        series = next((series for series in all_series(connection) if series.id == series_id), None)
        if series is None:
            raise DomainError("not-found", "there is no such series")
        wanted = EventFilter(audience=Readers.PUBLIC, series=series_id, limit=MAX_EVENTS)
        found = select_resources(connection, ResourceFilter(published_only=True, series=series_id, limit=MAX_RESOURCES))
        listed = select_events(connection, wanted)
        return SeriesDetails(series, tuple(listed), tuple(found), _open_forms(connection, listed, now))


def _open_forms(connection: Connection, listed: Sequence[Event], now: datetime) -> Mapping[str, tuple[Form, ...]]:
    """The open forms of each event: the one that it names, then those that register for it."""
    offering = [event for event in listed if event.status in OPEN_STATUSES]
    found = forms_of(connection, [event.id for event in offering], [event.form for event in offering if event.form])
    known = _events_of(connection, found, {event.id: event for event in offering})
    usable = [form for form in found if is_open(form, known.get(form.event or ""), now)]
    return {
        event.id: tuple(
            sorted(
                (form for form in usable if event.id == form.event or event.form == form.id),
                key=lambda form: form.id != event.form,
            )
        )
        for event in offering
    }


def _events_of(connection: Connection, found: Sequence[Form], known: Mapping[str, Event]) -> Mapping[str, Event]:
    """The public events that ``found`` register for, by id; those in ``known`` are not read again."""
    others = {form.event for form in found if form.event is not None} - set(known)
    read = (read_event(connection, event_id, Readers.PUBLIC) for event_id in others)
    return {**known, **{event.id: event for event in read if event is not None}}


def list_city_resources(work: UnitOfWork) -> Mapping[str, list[Resource]]:
    """Published resources that belong to a city and to no event or series, by city.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        found = select_resources(connection, ResourceFilter(published_only=True, cities_only=True, limit=MAX_RESOURCES))
    cities: dict[str, list[Resource]] = {}
    for resource in found:
        cities.setdefault(resource.city or "", []).append(resource)
    return dict(sorted(cities.items()))


def list_feed(work: UnitOfWork, wanted: EventFilter) -> tuple[list[Event], Mapping[str, datetime]]:
    """Return all events that match ``wanted``, by start, and when each was last changed, if known.

    Raises:
        Unavailable: the database is down.
    """
    found: list[Event] = []
    chunk = replace(wanted, limit=CHUNK)
    with work.transaction() as connection:
        while some := select_events(connection, chunk):
            found += some
            chunk = replace(chunk, after=event_position(some[-1]))
        return found, last_changes(connection, [event.id for event in found])
