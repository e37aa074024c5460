"""The roster: the newest known state of each registration, without names or addresses."""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.events.tables import Counted, CountedGroup, GroupKey, count_all, count_by
from shared.runtime.clock import rfc3339
from shared.vocabulary.form_kinds import NOT_ATTENDING, quoted

_READ_SIDE = 7240011
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")

ARRIVAL, LATEST = "registration_id", "-registration_id"
"""Ids and the indexes of an event are in order of arrival, so no query needs to sort."""
ROSTER_SORTS = (ARRIVAL, LATEST)
ROSTER_FILTERS = (
    *("status", "form", "working_group", "representative", "organisation_id", "country", "mode", "language"),
    *("partner", "attend"),
)
ROSTER_GROUPS: Mapping[str, GroupKey] = {
    **{name: GroupKey(name) for name in (*ROSTER_FILTERS, "form_kind")},
    "day": GroupKey("(occurred_at AT TIME ZONE 'UTC')::date::text"),
}
"""Columns to count by; ``day`` is the day on which they reached their status, in UTC."""

_COLUMNS = """registration_id::text AS registration_id, form, form_kind, event_id, status, revision,
    coalesce(encode(person_ref, 'hex'), '') AS person_ref, working_group, representative, organisation_id, country,
    mode, language, partner, position, occurred_at, attend"""
_VALUES = """:form, :form_kind, :event_id, :status, :revision, decode(:person_ref, 'hex'), :working_group,
    :representative, :organisation_id, :country, :mode, :language, :partner, :position, :occurred_at,
    :attend"""
_NAMES = """form, form_kind, event_id, status, revision, person_ref, working_group, representative, organisation_id,
    country, mode, language, partner, position, occurred_at, attend"""
_ATTENDING = f"form_kind NOT IN ({quoted(NOT_ATTENDING)})"
_ADD = text(f"""
    INSERT INTO roster (registration_id, {_NAMES}) VALUES (:registration_id, {_VALUES}) ON CONFLICT DO NOTHING
""")
_ADD_MANY = text(f"""
    INSERT INTO roster (registration_id, {_NAMES})
    SELECT registration_id, form, form_kind, event_id, status, revision, decode(person_ref, 'hex'), working_group,
        representative, organisation_id, country, mode, language, partner, position, occurred_at, attend
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS each (registration_id uuid, form text, form_kind text,
        event_id text, status text, revision integer, person_ref text, working_group text, representative boolean,
        organisation_id text, country text, mode text, language text, partner text, position integer,
        occurred_at timestamptz, attend text)
    ON CONFLICT DO NOTHING RETURNING registration_id::text
""")
_FIND = text(f"""
    SELECT {_COLUMNS} FROM roster WHERE registration_id = :registration_id AND erased_at IS NULL FOR UPDATE
""")
_IS_ERASED = text("""
    SELECT EXISTS (SELECT FROM roster WHERE registration_id = :registration_id AND erased_at IS NOT NULL)
""")
_ERASED = text("""
    SELECT registration_id::text FROM roster
    WHERE registration_id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NOT NULL
""")
_TOMBSTONE = "erased_at, " + _NAMES, ":occurred_at, " + _VALUES.replace("decode(:person_ref, 'hex')", "NULL")
_STORE_TOMBSTONE = text(f"""
    INSERT INTO roster (registration_id, {_TOMBSTONE[0]}) VALUES (:registration_id, {_TOMBSTONE[1]})
    ON CONFLICT (registration_id) DO UPDATE SET ({_TOMBSTONE[0]}) = ROW ({_TOMBSTONE[1]})
""")
_REPLACE = text(f"UPDATE roster SET ({_NAMES}) = ROW ({_VALUES}) WHERE registration_id = :registration_id")
_OWNER = text("""
    SELECT encode(person_ref, 'hex') AS person_ref, working_group FROM roster
    WHERE registration_id = :registration_id AND erased_at IS NULL
""")
_REPRESENTATIVES = text(f"""
    SELECT working_group, count(*) FILTER (WHERE status = 'confirmed'), count(*) FILTER (WHERE status = 'waitlisted')
    FROM roster WHERE event_id = :event_id AND representative AND status IN ('confirmed', 'waitlisted')
        AND working_group IS NOT NULL AND {_ATTENDING}
    GROUP BY working_group
""")
_REPRESENTATIVES_BY_EVENT = text(f"""
    SELECT event_id, working_group, count(*) FILTER (WHERE status = 'confirmed'),
        count(*) FILTER (WHERE status = 'waitlisted')
    FROM roster WHERE representative AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
        AND {_ATTENDING} AND event_id IS NOT NULL AND (CAST(:event_id AS text) IS NULL OR event_id = :event_id)
    GROUP BY event_id, working_group
""")
_LIVE_OF = text(f"""
    SELECT {_COLUMNS} FROM roster WHERE event_id = :event_id AND status IN ('confirmed', 'waitlisted')
""")
_GROUPS_OF = text("""
    SELECT DISTINCT working_group FROM roster WHERE event_id = :event_id AND working_group IS NOT NULL ORDER BY 1
""")
FIRST_ID = "00000000-0000-0000-0000-000000000000"


def lock_read_side(connection: Connection) -> None:
    """One writer of roster, counts and contacts at a time.

    A batch locks the counts of its events in the order of its messages until it commits: two concurrent batches would
    deadlock. Also, a mail stored at the same time as its registration would miss its group.
    """
    connection.execute(_LOCK, {"lock": _READ_SIDE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One registration as of one revision. ``person_ref`` (64 hex digits) identifies no one; datetimes are aware.

    ``attend`` is the event that all people on this form should attend as well.
    """

    registration_id: str
    form: str
    form_kind: str
    event_id: str | None
    status: str
    revision: int
    person_ref: str
    working_group: str | None
    representative: bool
    organisation_id: str | None
    country: str | None
    mode: str | None
    language: str
    partner: str | None
    position: int | None
    occurred_at: datetime
    attend: str | None = None


_FIELDS = tuple(field.name for field in fields(Registered))


@dataclass(frozen=True, slots=True)
class RosterQuery:
    """Which registrations: of one event, after a registration's id, at most ``limit``.

    ``filters`` are wanted values by column (of ``ROSTER_FILTERS``). ``form_kind`` None means all kinds of attendance;
    ``forms`` are the forms that may be seen, None for all.
    """

    event_id: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None
    limit: int = 50
    form_kind: str | None = None
    sort: str = ARRIVAL
    forms: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RegistrationOwner:
    """Owner of a registration: a person's reference (64 hex digits), and a working group if they named one."""

    person_ref: str
    working_group: str | None


@dataclass(frozen=True, slots=True)
class Representatives:
    """How many representatives of one group have a seat at an event, and how many wait for one."""

    confirmed: int = 0
    waitlisted: int = 0


def insert_registration(connection: Connection, registered: Registered) -> bool:
    """Store a registration that is not known yet; return whether it was new."""
    return connection.execute(_ADD, asdict(registered)).rowcount == 1


def insert_registrations(connection: Connection, registered: Sequence[Registered]) -> set[str]:
    """Store those that are not known yet, each a different one; returns their ids."""
    rows = [{name: getattr(registration, name) for name in _FIELDS} for registration in registered]
    return set(connection.execute(_ADD_MANY, {"rows": json.dumps(rows, default=rfc3339)}).scalars())


def lock_registration(connection: Connection, registration_id: str) -> Registered | None:
    """Return the known state of a registration, locked until the transaction ends; None if it is unknown or erased."""
    row = connection.execute(_FIND, {"registration_id": registration_id}).first()
    return None if row is None else Registered(**row._mapping)


def is_registration_erased(connection: Connection, registration_id: str) -> bool:
    """Whether the person of a registration was erased."""
    return bool(connection.execute(_IS_ERASED, {"registration_id": registration_id}).scalar_one())


def erased_among(connection: Connection, registration_ids: Sequence[str]) -> set[str]:
    """Those of these registrations whose person was erased."""
    return set(connection.execute(_ERASED, {"ids": list(registration_ids)}).scalars())


def store_tombstone(connection: Connection, registered: Registered) -> None:
    """Store the tombstone of a registration, known or not: it still counts as ``registered``, without personal data."""
    connection.execute(_STORE_TOMBSTONE, asdict(registered))


def replace_registration(connection: Connection, registered: Registered) -> None:
    """Store a newer state of a known registration."""
    connection.execute(_REPLACE, asdict(registered))


def owner_of(connection: Connection, registration_id: str) -> RegistrationOwner | None:
    """Person and working group of a registration; None if it is not known yet, or was erased."""
    row = connection.execute(_OWNER, {"registration_id": registration_id}).first()
    return None if row is None else RegistrationOwner(*row)


def select_registrations(connection: Connection, wanted: RosterQuery) -> list[Registered]:
    """At most ``wanted.limit`` registrations in order of their ids, which is the order of arrival; none was erased."""
    rows = connection.execute(text(page_statement(wanted)), values_of(wanted))
    return [Registered(**row._mapping) for row in rows]


def page_statement(wanted: RosterQuery) -> str:
    """The statement of a page."""
    direction, beyond = ("DESC", "<") if wanted.sort == LATEST else ("ASC", ">")
    after = f" AND registration_id {beyond} CAST(:after AS uuid)" if wanted.after else ""
    return f"""SELECT {_COLUMNS} FROM roster WHERE {_conditions(wanted)}{after}
        ORDER BY roster.registration_id {direction} LIMIT :limit"""


def values_of(wanted: RosterQuery) -> dict[str, Any]:
    """The parameters of every statement about ``wanted``."""
    names = ("event_id", "form_kind", "after", "limit")
    forms = None if wanted.forms is None else sorted(wanted.forms)
    return {**{name: getattr(wanted, name) for name in names}, **wanted.filters, "forms": forms}


def count_registration_rows(connection: Connection, wanted: RosterQuery) -> int:
    """How many registrations fit, on all pages."""
    return count_all(connection, _counted(wanted))


def count_roster_groups(
    connection: Connection, wanted: RosterQuery, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many registrations have the same values of ``names``, which are of ``ROSTER_GROUPS``."""
    return count_by(connection, _counted(wanted), {name: ROSTER_GROUPS[name] for name in names}, at_least)


def _counted(wanted: RosterQuery) -> Counted:
    return Counted("FROM roster", _conditions(wanted), values_of(wanted))


def _conditions(wanted: RosterQuery) -> str:
    kind = "form_kind = :form_kind" if wanted.form_kind else _ATTENDING
    filters = (f"{name} = :{name}" for name in ROSTER_FILTERS if name in wanted.filters)
    of_forms = [] if wanted.forms is None else ["form = ANY(CAST(:forms AS text[]))"]
    return " AND ".join(["event_id = :event_id", "erased_at IS NULL", kind, *filters, *of_forms])


def live_registrations_of(connection: Connection, event_id: str) -> Iterator[Registered]:
    """Every live registration of an event, on any form; ``person_ref`` is empty where it was erased."""
    for row in connection.execute(_LIVE_OF, {"event_id": event_id}):
        yield Registered(**row._mapping)


def working_groups_of(connection: Connection, event_id: str) -> list[str]:
    """The working groups that any registration of an event names."""
    return [str(row[0]) for row in connection.execute(_GROUPS_OF, {"event_id": event_id})]


def representatives_of(connection: Connection, event_id: str) -> Mapping[str, Representatives]:
    """The representatives of each group that has a live one at the event, by the group's id."""
    rows = connection.execute(_REPRESENTATIVES, {"event_id": event_id})
    return {group: Representatives(confirmed, waitlisted) for group, confirmed, waitlisted in rows}


def representatives_by_event(
    connection: Connection, event_id: str | None
) -> Mapping[str, Mapping[str, Representatives]]:
    """The representatives of each group at every event, or at one, by the event's id and the group's."""
    found: dict[str, dict[str, Representatives]] = {}
    for event, group, confirmed, waitlisted in connection.execute(_REPRESENTATIVES_BY_EVENT, {"event_id": event_id}):
        found.setdefault(event, {})[group] = Representatives(confirmed, waitlisted)
    return found
