"""Whose registrations an event has: grouped, and as a number of distinct people. Reads the roster, changes nothing."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from services.events.domain.attendance import Group

_GROUPS = text("""
    SELECT form_kind, status, language, count(*)::int AS registrations FROM roster WHERE event_id = :event_id
    GROUP BY form_kind, status, language ORDER BY form_kind, status, language
""")
_PEOPLE = text("""
    SELECT count(*)::int FROM (
        SELECT DISTINCT person_ref FROM roster
        WHERE event_id = :event_id AND status IN ('confirmed', 'waitlisted') AND person_ref IS NOT NULL
            AND form_kind = ANY(CAST(:kinds AS text[]))) AS person
""")


def groups_of(connection: Connection, event_id: str) -> list[Group]:
    """The registrations of an event, grouped by form kind, status and language."""
    return [Group(*row) for row in connection.execute(_GROUPS, {"event_id": event_id})]


def people_on(connection: Connection, event_id: str, kinds: Sequence[str]) -> int:
    """How many distinct people have a live registration of the event on a form of one of ``kinds``."""
    return int(connection.execute(_PEOPLE, {"event_id": event_id, "kinds": list(kinds)}).scalar_one())
