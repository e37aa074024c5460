"""The table of events, one row for each ``Event``, and how many registrations of each status an event has.

The counts are kept by difference, so reading never counts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from services.events.event.model import EVERY_GROUP, Event, EventKind, EventStatus, Mode, Readers
from services.events.tables import (
    Counted,
    CountedGroup,
    GroupKey,
    count_all,
    count_by,
    in_every_language,
    lacks,
    row_of,
    texts_read,
)
from shared.i18n.languages import Text

EVENT_COLUMNS = tuple(field.name for field in fields(Event))
_LISTED = ", ".join(EVENT_COLUMNS)
UNDATED = "infinity"
"""Sort value of an event without a date in the order by start: after all others."""

BY_START, BY_TITLE, BY_ID = "starts_at", "title", "id"
BY_CITY, BY_STATUS, BY_CONFIRMED, BY_WAITLISTED = "city", "status", "confirmed", "waitlisted"
BY_NUMBER = (BY_CONFIRMED, BY_WAITLISTED)
"""Orders by a number of registrations, which the public cannot see."""

_STATUSES = "array_position(ARRAY[" + ", ".join(f"'{status}'" for status in EventStatus) + "], {})"
_NUMBER = """coalesce(
    (SELECT c.registrations FROM event_count c WHERE c.event_id = event.id AND c.status = '{}'), 0)"""
_ORDERS: Mapping[str, tuple[str, str]] = {
    BY_START: ("coalesce(starts_at, 'infinity')", "CAST(:after_key AS timestamptz)"),
    BY_TITLE: ("lower(coalesce(title ->> 'en', title ->> '', ''))", "lower(:after_key)"),
    BY_ID: ("id", ":after_key"),
    BY_CITY: ("lower(coalesce(city, ''))", "lower(:after_key)"),
    BY_STATUS: (_STATUSES.format("status"), _STATUSES.format("CAST(:after_key AS text)")),
    **{name: (_NUMBER.format(name), "CAST(:after_key AS integer)") for name in BY_NUMBER},
}
"""What events are sorted by, and how the value in a cursor is compared with it."""

EVENT_SORTS = tuple(name for order in _ORDERS for name in (order, f"-{order}"))
EVENT_GROUPS: Mapping[str, GroupKey] = {
    "kind": GroupKey("kind"),
    "status": GroupKey("status"),
    "mode": GroupKey("mode"),
    "series": GroupKey("series"),
    "city": GroupKey("city"),
    "time_zone": GroupKey("time_zone"),
    "working_group": GroupKey("asked", "LEFT JOIN LATERAL unnest(asked_groups) asked ON true"),
    "day": GroupKey("(starts_at AT TIME ZONE 'UTC')::date::text"),
}
"""What events can be counted by; ``day`` is that of the start, in UTC."""

_CONDITIONS: Mapping[str, str] = {
    "kind": "kind = :kind",
    "series": "series = :series",
    "status": "status = :status",
    "mode": "mode = :mode",
    "on_from": "ends_at > :on_from",
    "on_until": "starts_at < :on_until",
    "not_over_at": "(ends_at > :not_over_at OR ends_at IS NULL)",
    "working_group": "asked_groups && CAST(:asked AS text[])",
    "city": "lower(city) = lower(:city)",
    "words": f"concat_ws(' ', {in_every_language('title')}, {in_every_language('summary')}, city, place) "
    "ILIKE :pattern",
    "missing_language": f"({lacks('title')} OR {lacks('summary')})",
}

_SOURCES: Mapping[Readers, str] = {Readers.PUBLIC: "FROM public_event", Readers.COORDINATORS: "FROM event"}
"""What an audience reads. The view has no drafts and nothing internal, and no meeting links and notes."""
_FIND = {readers: text(f"SELECT {_LISTED} {source} WHERE id = :id") for readers, source in _SOURCES.items()}
_FIND_SOME = {
    readers: text(f"SELECT {_LISTED} {source} WHERE id = ANY(CAST(:ids AS text[]))")
    for readers, source in _SOURCES.items()
}
_LOCK_PROPOSALS = text("SELECT FROM proposal WHERE event_id = :id ORDER BY proposal.id FOR UPDATE")
_FIND_FOR_CHANGE = text(f"SELECT {_LISTED} FROM event WHERE id = :id FOR UPDATE")  # noqa: S608 - as above
_INSERT = (
    f"INSERT INTO event ({_LISTED}, changed_at) "  # noqa: S608 - as above
    f"VALUES ({', '.join(f':{name}' for name in EVENT_COLUMNS)}, :changed_at) ON CONFLICT (id) DO "
)
_ADD = text(f"{_INSERT} NOTHING")
_SAVE = text(
    f"{_INSERT} UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in EVENT_COLUMNS[1:])}, changed_at = CASE "
    "WHEN event.revision = excluded.revision THEN event.changed_at "
    "ELSE coalesce(excluded.changed_at, event.changed_at) END"
)
_PUBLIC_TITLES = text("SELECT id, title FROM public_event")
_CHANGED = text("""
    SELECT id, changed_at FROM public_event WHERE id = ANY(CAST(:ids AS text[])) AND changed_at IS NOT NULL
""")

_MORE = text("""
    INSERT INTO event_count (event_id, status, registrations)
    SELECT * FROM unnest(CAST(:events AS text[]), CAST(:statuses AS text[]), CAST(:numbers AS integer[]))
    ON CONFLICT (event_id, status) DO UPDATE SET registrations = event_count.registrations + excluded.registrations
""")
_LESS = text("""
    UPDATE event_count SET registrations = registrations - 1 WHERE event_id = :event_id AND status = :status
""")
_COUNTS = text(
    "SELECT event_id, status, registrations FROM event_count WHERE event_id = ANY(CAST(:event_ids AS text[]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Filters, order and start of a page of events; None or empty means any.

    Attributes:
        on_from: only events that are on at or after this time (aware); leaves undated ones out.
        on_until: only events that start before this time (aware); leaves undated ones out.
        not_over_at: only events that were not over at this time (aware), undated ones among them.
        internal: internal events instead of all others; only coordinators can have them.
        own: the ids of events that are included although they are drafts or internal; only with the audience
            ``PUBLIC``.
        among: only events with these ids; with an empty set, none.
        working_group: only events to which this group is asked.
        city: the city as it is written in the event, ignoring case.
        words: text in title or summary in any language, in city or place, ignoring case.
        missing_language: only events whose title or summary lacks a text in this language.
        sort: one of ``EVENT_SORTS``.
        after: what the event before the first is sorted by, and its id.
        limit: maximum number of events.
    """

    audience: Readers
    internal: bool = False
    kind: str | None = None
    series: str | None = None
    status: str | None = None
    mode: str | None = None
    on_from: datetime | None = None
    on_until: datetime | None = None
    not_over_at: datetime | None = None
    working_group: str | None = None
    city: str | None = None
    words: str = ""
    missing_language: str | None = None
    sort: str = BY_START
    after: tuple[str, str] | None = None
    limit: int = 50
    own: frozenset[str] = frozenset()
    among: frozenset[str] | None = None


def public_titles(connection: Connection) -> Mapping[str, Text]:
    """The title of every event that everyone sees, by id."""
    return {row.id: Text.of(row.title) for row in connection.execute(_PUBLIC_TITLES)}


def read_event(connection: Connection, event_id: str, audience: Readers = Readers.COORDINATORS) -> Event | None:
    """The event with this id, as ``audience`` may read it."""
    row = connection.execute(_FIND[audience], {"id": event_id}).first()
    return None if row is None else _event(row)


def read_events(
    connection: Connection, event_ids: Collection[str], audience: Readers = Readers.COORDINATORS
) -> Mapping[str, Event]:
    """Those of the events that exist, as ``audience`` may read them, by id."""
    found = (_event(row) for row in connection.execute(_FIND_SOME[audience], {"ids": list(event_ids)}))
    return {event.id: event for event in found}


def lock_event(connection: Connection, event_id: str) -> Event | None:
    """The event with this id, locked until the transaction ends: what is decided about it now still holds then.

    The proposals that became it are locked first, in the order of all locks: the database removes the names of their
    speakers when the event is not public any more.
    """
    connection.execute(_LOCK_PROPOSALS, {"id": event_id})
    row = connection.execute(_FIND_FOR_CHANGE, {"id": event_id}).first()
    return None if row is None else _event(row)


def insert_event(connection: Connection, event: Event, at: datetime) -> bool:
    """Store an event unless its id exists; return whether it was stored."""
    return connection.execute(_ADD, _row(event, at)).rowcount == 1


def save_event(connection: Connection, event: Event, at: datetime | None = None) -> None:
    """Store ``event`` in place of what was stored under its id.

    Args:
        connection: the connection of the caller's transaction.
        event: the new state of the event.
        at: when that became so (aware); noted as the time of its last change if the revision is another one.
    """
    connection.execute(_SAVE, _row(event, at))


def last_changes(connection: Connection, event_ids: Sequence[str]) -> Mapping[str, datetime]:
    """When participants last saw each public event change, by id; events of which it is not known are not in it."""
    return {row.id: row.changed_at for row in connection.execute(_CHANGED, {"ids": list(event_ids)})}


def select_events(connection: Connection, wanted: EventFilter) -> list[Event]:
    """At most ``wanted.limit`` events in the requested order; by start, undated ones come last."""
    key, bound = _ORDERS[wanted.sort.removeprefix("-")]
    descending = wanted.sort.startswith("-")
    where = _conditions(wanted)
    if wanted.after is not None:
        where += f" AND ({key}, id) {'<' if descending else '>'} ({bound}, :after_id)"
    direction = "DESC" if descending else "ASC"
    query = text(
        f"SELECT {_LISTED} {_source(wanted)} WHERE {where} ORDER BY {key} {direction}, id {direction} LIMIT :limit"
    )
    return [_event(row) for row in connection.execute(query, _parameters(wanted))]


def count_event_rows(connection: Connection, wanted: EventFilter) -> int:
    """How many events fit, on all pages."""
    return count_all(connection, _counted(wanted))


def count_event_groups(
    connection: Connection, wanted: EventFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many events have the same values of ``names``, which are of ``EVENT_GROUPS``."""
    return count_by(connection, _counted(wanted), {name: EVENT_GROUPS[name] for name in names}, at_least)


def _counted(wanted: EventFilter) -> Counted:
    return Counted(_source(wanted), _conditions(wanted), _parameters(wanted))


def _source(wanted: EventFilter) -> str:
    """What the audience reads; all events where it has some of its own."""
    return _SOURCES[Readers.COORDINATORS if wanted.own else wanted.audience]


def _conditions(wanted: EventFilter) -> str:
    """Conditions that do not depend on the page."""
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name)]
    conditions.append("internal" if wanted.internal else "NOT internal")
    if wanted.audience is Readers.PUBLIC and wanted.own:
        conditions.append("(id IN (SELECT id FROM public_event) OR id = ANY(CAST(:own AS text[])))")
    if wanted.among is not None:
        conditions.append("id = ANY(CAST(:among AS text[]))")
    return " AND ".join(conditions)


def _parameters(wanted: EventFilter) -> dict[str, Any]:
    after_key, after_id = wanted.after or ("", "")
    escaped = wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    special = {
        "asked": [wanted.working_group, EVERY_GROUP],
        "pattern": f"%{escaped}%",
        "after_key": after_key,
        "after_id": after_id,
        "own": list(wanted.own),
        "among": list(wanted.among or ()),
    }
    return {name: getattr(wanted, name) for name in _CONDITIONS} | special | {"limit": wanted.limit}


def _row(event: Event, at: datetime | None) -> dict[str, Any]:
    return row_of(event) | {"asked_groups": list(event.asked_groups), "changed_at": at}


def _event(row: Row[Any]) -> Event:
    values = texts_read(row)
    return Event(
        **values
        | {
            "kind": EventKind(values["kind"]),
            "status": EventStatus(values["status"]),
            "mode": Mode(values["mode"]),
            "asked_groups": tuple(values["asked_groups"]),
        }
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """Registrations that are attendance of one event, by status."""

    confirmed: int = 0
    waitlisted: int = 0
    cancelled: int = 0


_SHOWN = tuple(field.name for field in fields(Counts))


def count_more(connection: Connection, numbers: Mapping[tuple[str, str], int]) -> None:
    """Count as many more registrations of each event and status as ``numbers`` has."""
    if numbers:
        events, statuses = zip(*sorted(numbers), strict=True)
        counts = [numbers[key] for key in sorted(numbers)]
        connection.execute(_MORE, {"events": list(events), "statuses": list(statuses), "numbers": counts})


def count_one_less(connection: Connection, event_id: str, status: str) -> None:
    """Count one registration of the event less in ``status``."""
    connection.execute(_LESS, {"event_id": event_id, "status": status})


def counts_of(connection: Connection, event_ids: Sequence[str]) -> Mapping[str, Counts]:
    """The counts of each of the events, by id; zeros where there are no registrations."""
    by_event: dict[str, dict[str, int]] = {event_id: {} for event_id in event_ids}
    for event_id, status, registrations in connection.execute(_COUNTS, {"event_ids": list(event_ids)}):
        if status in _SHOWN:
            by_event[event_id][status] = registrations
    return {event_id: Counts(**found) for event_id, found in by_event.items()}
