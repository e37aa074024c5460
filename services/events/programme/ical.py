"""The programme as an iCalendar object (RFC 5545) to subscribe to. The meeting link never stands in it.

Without METHOD, DTSTAMP is when the entry was last revised (section 3.8.7.2), so the same programme gives the same
bytes. A postponed event stays, cancelled on the date it had: an entry that just vanished would leave people guessing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from icalendar import Calendar, vUri
from icalendar import Event as Entry

from services.events.domain.event import Event, EventStatus, Mode
from services.events.programme.zones import vtimezone

PRODID = "-//Troika//Programme//EN"
MEDIA_TYPE = "text/calendar"
REFRESH = timedelta(hours=1)
_UTC = ("UTC", "Etc/UTC")
_STATUS: Mapping[EventStatus, str] = {
    EventStatus.TENTATIVE: "TENTATIVE",
    EventStatus.POSTPONED: "CANCELLED",
    EventStatus.CANCELLED: "CANCELLED",
}


def feed(name: str, events: Iterable[Event], changed: Mapping[str, datetime], public_url: str) -> bytes:
    """A calendar called ``name``, UTF-8 with CRLF line ends.

    Args:
        name: for people.
        events: public ones; those that never had a date are left out.
        changed: when each was last changed (aware), by id, as far as it is known.
        public_url: address of the whole system; its host makes the UIDs unique.
    """
    dated = [(event, dates) for event in events if (dates := _dates(event)) is not None]
    calendar = Calendar()
    for key, value in (("version", "2.0"), ("prodid", PRODID), ("calscale", "GREGORIAN"), ("x-wr-calname", name)):
        calendar.add(key, value)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for zone, moments in _zones(dated).items():
        calendar.add_component(vtimezone(ZoneInfo(zone), min(moments), max(moments)))
    for event, (starts_at, ends_at) in dated:
        calendar.add_component(_entry(event, starts_at, ends_at, changed.get(event.id, starts_at), public_url))
    return bytes(calendar.to_ical())


def uid_of(event_id: str, public_url: str) -> str:
    """The UID of an event: it never changes, so that a new date moves the entry."""
    return f"event-{event_id}@{urlsplit(public_url).hostname or 'localhost'}"


def _dates(event: Event) -> tuple[datetime, datetime] | None:
    starts_at, ends_at = event.starts_at or event.last_starts_at, event.ends_at or event.last_ends_at
    return None if starts_at is None or ends_at is None else (starts_at, ends_at)


def _zones(dated: Sequence[tuple[Event, tuple[datetime, datetime]]]) -> dict[str, list[datetime]]:
    zones: dict[str, list[datetime]] = {}
    for event, moments in dated:
        if event.time_zone not in _UTC:
            zones.setdefault(event.time_zone, []).extend(moments)
    return dict(sorted(zones.items()))


def _entry(event: Event, starts_at: datetime, ends_at: datetime, changed_at: datetime, public_url: str) -> Entry:
    zone = UTC if event.time_zone in _UTC else ZoneInfo(event.time_zone)
    stamp = changed_at.astimezone(UTC).replace(microsecond=0)
    prefix = "Postponed: " if event.status is EventStatus.POSTPONED else ""
    entry = Entry()
    entry.add("uid", uid_of(event.id, public_url))
    entry.add("sequence", event.revision)
    entry.add("dtstamp", stamp)
    entry.add("last-modified", stamp)
    entry.add("dtstart", starts_at.astimezone(zone).replace(microsecond=0))
    entry.add("dtend", ends_at.astimezone(zone).replace(microsecond=0))
    entry.add("summary", prefix + _plain(event.title))
    entry.add("status", _STATUS.get(event.status, "CONFIRMED"))
    if event.summary:
        entry.add("description", _plain(event.summary))
    if place := _place(event):
        entry.add("location", place)
    entry.add("categories", [event.kind.replace("_", " ")])
    entry.add("url", vUri(f"{public_url}/programme/{event.id}"))
    return entry


def _place(event: Event) -> str:
    parts = [part for part in (event.place, event.city) if part and event.mode is not Mode.ONLINE]
    return _plain(", ".join([*parts, *(["online"] if event.mode is not Mode.IN_PERSON else [])]))


def _plain(text: str) -> str:
    """``text`` without control characters, which no calendar may hold."""
    return "".join(character for character in text if character.isprintable() or character == "\n")
