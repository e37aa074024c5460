"""SQL of desk-wide questions: missing translations, and overlapping events of one person."""

# ruff: noqa: S608 - constants, all values are parameters
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.events.tables import Counted, CountedGroup, GroupKey, count_all, count_by
from shared.i18n.languages import LANGUAGES, Text
from shared.vocabulary.form_kinds import NOT_ATTENDING, quoted

KINDS = ("event", "series", "working_group", "room", "resource")
"""What has texts by language, in the order in which it is listed."""

_LACKS = "(title <> '{}' AND NOT title ? :language OR summary <> '{}' AND NOT summary ? :language)"
_EVERYTHING = """
    SELECT 1 AS place, 'event' AS kind, id, title, summary FROM event WHERE NOT internal
    UNION ALL SELECT 2, 'series', id, title, summary FROM series
    UNION ALL SELECT 3, 'working_group', id, title, summary FROM working_group
    UNION ALL SELECT 4, 'room', id, title, '{}' FROM room
    UNION ALL SELECT 5, 'resource', id, title, '{}' FROM resource
        WHERE (event IN (SELECT id FROM event WHERE internal)) IS NOT TRUE
"""
_COUNT_MISSING = text(f"""
    SELECT language, kind, count(*)::int
    FROM ({_EVERYTHING}) AS known, unnest(CAST(:languages AS text[])) AS language
    WHERE {_LACKS.replace(":language", "language")} GROUP BY language, kind
""")
_MISSING_TEXTS = text(f"""
    SELECT kind, id, title, NOT title ? :language AS lacks_title FROM ({_EVERYTHING}) AS known
    WHERE {_LACKS} AND (place, id) >
        (coalesce(array_position(CAST(:kinds AS text[]), CAST(:kind AS text)), 0), CAST(:id AS text))
    ORDER BY place, id LIMIT :limit
""")

_BEGINS, _ENDS = "greatest(x.starts_at, y.starts_at)", "least(x.ends_at, y.ends_at)"
_SOURCE = """FROM event x
    JOIN event y ON x.starts_at < y.ends_at AND y.starts_at < x.ends_at AND x.id <> y.id
        AND (x.starts_at, x.id) < (y.starts_at, y.id)
    JOIN roster a ON a.event_id = x.id
    JOIN roster b ON b.event_id = y.id AND b.person_ref = a.person_ref"""
_COMES = f"""{{0}}.status IN ('confirmed', 'waitlisted') AND {{0}}.event_id IS NOT NULL AND {{0}}.erased_at IS NULL
    AND {{0}}.form_kind NOT IN ({quoted(NOT_ATTENDING)})"""
_TAKES_PLACE = "{0}.status IN ('tentative', 'confirmed') AND NOT {0}.internal"
_ALWAYS = (_COMES.format("a"), _COMES.format("b"), _TAKES_PLACE.format("x"), _TAKES_PLACE.format("y"))
_CONDITIONS: Mapping[str, str] = {
    "registration": "a.person_ref = (SELECT r.person_ref FROM roster r"
    " WHERE r.registration_id = CAST(:registration AS uuid))",
    "person_ref": "a.person_ref = decode(:person_ref, 'hex')",
    "event": ":event IN (x.id, y.id)",
    "kind": "x.kind = :kind AND y.kind = :kind",
    "working_group": "a.working_group = :working_group",
}
STARTS = "starts_at"
CLASH_SORTS = (STARTS, f"-{STARTS}")
CLASH_GROUPS: Mapping[str, GroupKey] = {
    "first": GroupKey("x.id"),
    "second": GroupKey("y.id"),
    "person_ref": GroupKey("encode(a.person_ref, 'hex')"),
    "working_group": GroupKey("a.working_group"),
    "day": GroupKey(f"({_BEGINS} AT TIME ZONE 'UTC')::date::text"),
}
"""What can be counted by; ``day`` is that on which the overlap begins, in UTC."""


@dataclass(frozen=True, slots=True)
class Untranslated:
    """Something that lacks a language in its title, or else in its summary."""

    kind: str
    id: str
    title: Text
    lacks_title: bool


def count_missing(connection: Connection) -> Mapping[str, Mapping[str, int]]:
    """How many things lack each language, by language and kind; missing entries mean none."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for language, kind, number in connection.execute(_COUNT_MISSING, {"languages": list(LANGUAGES)}):
        found[language][kind] = number
    return found


def missing_texts(connection: Connection, language: str, after: tuple[str, str], limit: int) -> list[Untranslated]:
    """At most ``limit`` things that lack ``language``, in the order of ``KINDS`` and ids, after (kind, id)."""
    values = {"language": language, "kinds": list(KINDS), "kind": after[0], "id": after[1], "limit": limit}
    rows = connection.execute(_MISSING_TEXTS, values)
    return [Untranslated(row.kind, row.id, Text.of(row.title), row.lacks_title) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Two registrations of one person for events that overlap.

    Attributes:
        first: the id of the event that begins first.
        second: the id of the other event.
        registrations: ids, in the same order.
        starts_at: the start of the time in which both are on (aware).
        ends_at: the end of that time (aware).
    """

    id: str
    person_ref: str
    first: str
    second: str
    registrations: Sequence[str]
    working_group: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClashFilter:
    """A filter of clashes; None means any.

    Attributes:
        registration: any registration of the person.
        kind: the kind of both events.
        sort: one of ``SORTS``.
        after: when the last one before begins (RFC 3339), and its two registrations.
    """

    registration: str | None = None
    person_ref: str | None = None
    event: str | None = None
    kind: str | None = None
    working_group: str | None = None
    sort: str = STARTS
    after: tuple[str, str, str] | None = None
    limit: int = 50


def select_clashes(connection: Connection, wanted: ClashFilter) -> list[Clash]:
    """At most ``wanted.limit`` clashes, by the time at which they begin."""
    direction, beyond = ("DESC", "<") if wanted.sort.startswith("-") else ("ASC", ">")
    where = _conditions(wanted)
    if wanted.after is not None:
        bound = "(CAST(:after_at AS timestamptz), CAST(:after_first AS uuid), CAST(:after_second AS uuid))"
        where += f" AND ({_BEGINS}, a.registration_id, b.registration_id) {beyond} {bound}"
    statement = f"""
        SELECT a.registration_id::text, b.registration_id::text, encode(a.person_ref, 'hex') AS person_ref,
            x.id AS first, y.id AS second, a.working_group, {_BEGINS} AS starts_at, {_ENDS} AS ends_at
        {_SOURCE} WHERE {where}
        ORDER BY {_BEGINS} {direction}, a.registration_id {direction}, b.registration_id {direction} LIMIT :limit
    """
    return [_clash(*row) for row in connection.execute(text(statement), _values(wanted))]


def count_clashes(connection: Connection, wanted: ClashFilter) -> int:
    """How many clashes fit, on all pages."""
    return count_all(connection, _counted(wanted))


def count_clash_groups(
    connection: Connection, wanted: ClashFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many clashes have the same values of ``names``, which are of ``GROUPS``."""
    return count_by(connection, _counted(wanted), {name: CLASH_GROUPS[name] for name in names}, at_least)


def _clash(earlier: str, later: str, *others: Any) -> Clash:
    names = ("person_ref", "first", "second", "working_group", "starts_at", "ends_at")
    return Clash(id=f"{earlier}.{later}", registrations=(earlier, later), **dict(zip(names, others, strict=True)))


def _counted(wanted: ClashFilter) -> Counted:
    return Counted(_SOURCE, _conditions(wanted), _values(wanted))


def _conditions(wanted: ClashFilter) -> str:
    given = (condition for name, condition in _CONDITIONS.items() if getattr(wanted, name))
    return " AND ".join([*_ALWAYS, *given])


def _values(wanted: ClashFilter) -> dict[str, Any]:
    names = ("after_at", "after_first", "after_second")
    return asdict(wanted) | dict(zip(names, wanted.after or ("", "", ""), strict=True))
