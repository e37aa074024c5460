"""The content of a folder, and moving its dates: clocks on the wall show the same time on another day."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.events.event.model import Event
from services.events.local_time import to_local, to_utc
from services.events.network.model import Consultation, GroupContact, HotelBlock, Resource, Series, WorkingGroup
from services.events.venue.model import Room, TimeSlot
from shared.runtime.errors import DomainError, SettingsError

ROOMS_FILE = "rooms.yaml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The content of a folder, each in the order of its file."""

    series: tuple[Series, ...]
    working_groups: tuple[WorkingGroup, ...]
    events: tuple[Event, ...]
    consultations: tuple[Consultation, ...]
    resources: tuple[Resource, ...] = ()
    hotels: tuple[HotelBlock, ...] = ()
    contacts: tuple[GroupContact, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedRooms:
    """Rooms and times for side events; ``lines`` is the line of each slot's time in the file."""

    rooms: tuple[Room, ...]
    slots: tuple[TimeSlot, ...]
    lines: Mapping[str, int] = field(default_factory=dict)

    def fault(self, slot_id: str, message: str) -> str:
        """``rooms.yaml:6: times: <message>`` for the time from which a slot was made."""
        return f"{ROOMS_FILE}:{self.lines[slot_id]}: times: {message}"


def time_to_next(loaded: Loaded, event_id: str, weekday: int, now: datetime) -> timedelta:
    """By how much to move all dates so that one event falls on its next weekday after today, in its own zone.

    Args:
        loaded: the content of a folder, with dates that were not moved yet.
        event_id: the event that is moved to its next weekday.
        weekday: the day on which it must be, Monday is 0.
        now: aware. On that weekday itself the answer is a week later: a demonstration needs time before it.

    Returns:
        whole weeks, negative when the event is far ahead.

    Raises:
        SettingsError: the event is missing, has no date, or is on another weekday.
    """
    event = next((event for event in loaded.events if event.id == event_id), None)
    if event is None or event.starts_at is None:
        raise SettingsError([f"events.yaml: there is no event {event_id!r} with a date to move by"])
    day = to_local(event.starts_at, event.time_zone).date()
    if day.weekday() != weekday:
        raise SettingsError([f"events.yaml: {event_id!r} is on another weekday; whole weeks cannot change that"])
    today = to_local(now, event.time_zone).date()
    return timedelta(weeks=(today - day).days // 7 + 1)


def moved(loaded: Loaded, by: timedelta) -> Loaded:
    """The same with every date moved by ``by`` (whole days); local times stay the same.

    Raises:
        SettingsError: a moved time does not exist, or twice, where clocks are changed; lists all such.
        ValueError: ``by`` is not whole days.
    """
    if by % timedelta(days=1):
        raise ValueError("dates are moved by whole days")
    events, faults = [], []
    for event in loaded.events:
        try:
            events.append(_moved(event, by))
        except DomainError as error:
            faults.append(f"events.yaml: {event.id}: moved by {by.days} days: {error.detail}")
    if faults:
        raise SettingsError(faults)
    return replace(
        loaded,
        events=tuple(events),
        hotels=tuple(_moved_hotel(block, by) for block in loaded.hotels),
        consultations=tuple(
            replace(consultation, held_on=consultation.held_on and consultation.held_on + by)
            for consultation in loaded.consultations
        ),
        contacts=tuple(replace(contact, held_on=contact.held_on + by) for contact in loaded.contacts),
    )


def _moved_hotel(block: HotelBlock, by: timedelta) -> HotelBlock:
    nights = (
        replace(allotment, first_night=allotment.first_night + by, last_night=allotment.last_night + by)
        for allotment in block.allotments
    )
    return replace(block, book_until=block.book_until and block.book_until + by, allotments=tuple(nights))


def _moved(event: Event, by: timedelta) -> Event:
    def move(at: datetime | None) -> datetime | None:
        return None if at is None else to_utc(to_local(at, event.time_zone) + by, event.time_zone)

    return replace(
        event,
        starts_at=move(event.starts_at),
        ends_at=move(event.ends_at),
        last_starts_at=move(event.last_starts_at),
        last_ends_at=move(event.last_ends_at),
    )
