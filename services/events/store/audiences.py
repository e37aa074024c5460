"""Whose registrations an event has, and whose proposal it was: grouped, and as a number of distinct people."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from services.events.domain.attendance import Group

# ruff: noqa: S608 - a constant condition, all values are parameters
_PROPOSED = "FROM proposal WHERE event_id = :event_id AND status IN ('accepted', 'scheduled') AND erased_at IS NULL"
_GROUPS = text(f"""
    SELECT form_kind, status, language, count(*)::int AS registrations FROM roster WHERE event_id = :event_id
    GROUP BY form_kind, status, language
    UNION ALL SELECT 'proposal', 'confirmed', language, count(*)::int {_PROPOSED} GROUP BY language
    ORDER BY form_kind, status, language
""")
_PEOPLE = text(f"""
    SELECT count(*)::int FROM (
        SELECT person_ref FROM roster
        WHERE event_id = :event_id AND status IN ('confirmed', 'waitlisted') AND person_ref IS NOT NULL
            AND form_kind = ANY(CAST(:kinds AS text[]))
        UNION SELECT person_ref {_PROPOSED} AND 'proposal' = ANY(CAST(:kinds AS text[]))) AS person
""")


def groups_of(connection: Connection, event_id: str) -> list[Group]:
    """The registrations of an event, grouped by form kind, status and language; its own proposal counts as one."""
    return [Group(*row) for row in connection.execute(_GROUPS, {"event_id": event_id})]


def people_on(connection: Connection, event_id: str, kinds: Sequence[str]) -> int:
    """How many distinct people have a live registration of the event on a form of one of ``kinds``, or proposed it."""
    return int(connection.execute(_PEOPLE, {"event_id": event_id, "kinds": list(kinds)}).scalar_one())
