"""Which texts of the programme lack a language: events, series, groups, rooms and resources in one table."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from shared.i18n.content import Text
from shared.i18n.languages import LANGUAGES

KINDS = ("event", "series", "working_group", "room", "resource")
"""What has texts by language, in the order in which it is listed."""

_LACKS = "(title <> '{}' AND NOT title ? :language OR summary <> '{}' AND NOT summary ? :language)"
# ruff: noqa: S608 - constants, all values are parameters
_EVERYTHING = """
    SELECT 1 AS place, 'event' AS kind, id, title, summary FROM event WHERE NOT internal
    UNION ALL SELECT 2, 'series', id, title, summary FROM series
    UNION ALL SELECT 3, 'working_group', id, title, summary FROM working_group
    UNION ALL SELECT 4, 'room', id, title, '{}' FROM room
    UNION ALL SELECT 5, 'resource', id, title, '{}' FROM resource
        WHERE (event IN (SELECT id FROM event WHERE internal)) IS NOT TRUE
"""
_COUNT = text(f"""
    SELECT language, kind, count(*)::int
    FROM ({_EVERYTHING}) AS known, unnest(CAST(:languages AS text[])) AS language
    WHERE {_LACKS.replace(":language", "language")} GROUP BY language, kind
""")
_PAGE = text(f"""
    SELECT kind, id, title, NOT title ? :language AS lacks_title FROM ({_EVERYTHING}) AS known
    WHERE {_LACKS} AND (place, id) >
        (coalesce(array_position(CAST(:kinds AS text[]), CAST(:kind AS text)), 0), CAST(:id AS text))
    ORDER BY place, id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Untranslated:
    """Something that lacks a language in its title, or else in its summary."""

    kind: str
    id: str
    title: Text
    lacks_title: bool


def count_missing(connection: Connection) -> Mapping[str, Mapping[str, int]]:
    """How many things lack each language, by language and kind; nothing stands for none."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for language, kind, number in connection.execute(_COUNT, {"languages": list(LANGUAGES)}):
        found[language][kind] = number
    return found


def missing_texts(connection: Connection, language: str, after: tuple[str, str], limit: int) -> list[Untranslated]:
    """At most ``limit`` things that lack ``language``, in the order of ``KINDS`` and ids, after (kind, id)."""
    values = {"language": language, "kinds": list(KINDS), "kind": after[0], "id": after[1], "limit": limit}
    rows = connection.execute(_PAGE, values)
    return [Untranslated(row.kind, row.id, Text.of(row.title), row.lacks_title) for row in rows]
