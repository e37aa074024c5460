"""What the overview asks of the read side. Each question is answered from counts or from a partial index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Missing:
    """Travellers who are not at an event they should attend: distinct people."""

    event: str
    people: int


@dataclass(frozen=True, slots=True)
class Traveller:
    """A traveller without the event; a reference, no name."""

    registration_id: str
    person_ref: str
    form: str
    working_group: str | None
    country: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """Members of one working group, and those of them who got no bulletin since a moment: distinct people."""

    members: int = 0
    without_mail: int = 0


# ruff: noqa: S608 - the part below is constant, all values are parameters
_OF_KIND = "coalesce(event_id IN (SELECT id FROM event WHERE internal), false) = :internal"
"""Registrations of internal events, or all others. A form without an event is not internal."""
# OFFSET 0 keeps it a look into the index for each traveller: joined, the planner reads all of a million rows instead.
_NOT_THERE = f"""
    FROM roster AS traveller
    WHERE traveller.form_kind = 'delegation' AND traveller.status IN ('confirmed', 'waitlisted') AND {_OF_KIND}
        AND traveller.person_ref IS NOT NULL AND NOT EXISTS (
            SELECT FROM roster AS attending
            WHERE attending.event_id = coalesce(CAST(:event AS text), traveller.attend)
                AND attending.person_ref = traveller.person_ref
                AND attending.event_id IS NOT NULL AND attending.status IN ('confirmed', 'waitlisted')
                AND attending.form_kind NOT IN ('interest', 'working_group', 'proposal')
            OFFSET 0)
        AND coalesce(CAST(:event AS text), traveller.attend) IS NOT NULL
"""
_TRAVELLERS = text(f"""
    SELECT count(DISTINCT person_ref)::int FROM roster
    WHERE form_kind = 'delegation' AND status IN ('confirmed', 'waitlisted') AND {_OF_KIND}
""")
_MISSING = text(f"""
    SELECT coalesce(CAST(:event AS text), attend) AS event, count(DISTINCT person_ref)::int AS people
    {_NOT_THERE} GROUP BY 1 ORDER BY 1
""")
_WHO_IS_MISSING = text(f"""
    SELECT registration_id::text, encode(person_ref, 'hex'), form, working_group, country, occurred_at
    {_NOT_THERE} AND registration_id > CAST(:after AS uuid) ORDER BY traveller.registration_id LIMIT :limit
""")
_MEMBERS = text(f"""
    SELECT working_group, count(*)::int AS members,
        (count(*) FILTER (WHERE last_mail_at IS NULL OR last_mail_at < :since))::int AS without_mail
    FROM (
        SELECT DISTINCT working_group, person_ref FROM roster
        WHERE form_kind = 'working_group' AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
            AND person_ref IS NOT NULL AND {_OF_KIND}
    ) AS member LEFT JOIN person_contact USING (person_ref)
    GROUP BY working_group
""")
_REPRESENTATIVES = text("""
    SELECT working_group, event_id, count(*)::int FROM roster
    WHERE representative AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
        AND form_kind NOT IN ('interest', 'working_group', 'proposal') AND event_id = ANY(CAST(:events AS text[]))
    GROUP BY working_group, event_id ORDER BY working_group, event_id
""")


def travellers(connection: Connection, *, internal: bool) -> int:
    """How many distinct people have a live registration for the delegation."""
    return int(connection.execute(_TRAVELLERS, {"internal": internal}).scalar_one())


def missing_travellers(connection: Connection, event_id: str | None, *, internal: bool) -> list[Missing]:
    """How many travellers are not at ``event_id``, or with None at the event that their own form asks them to."""
    return [Missing(*row) for row in connection.execute(_MISSING, {"event": event_id, "internal": internal})]


def who_is_missing(connection: Connection, event_id: str | None, after: str, limit: int) -> list[Traveller]:
    """The travellers that ``missing_travellers`` counts, by registration, after the registration ``after``."""
    values = {"event": event_id, "after": after, "limit": limit, "internal": False}
    return [Traveller(*row) for row in connection.execute(_WHO_IS_MISSING, values)]


def memberships(connection: Connection, since: datetime, *, internal: bool) -> Mapping[str, Membership]:
    """Members by working group; those without a bulletin since ``since`` (aware) are counted apart."""
    rows = connection.execute(_MEMBERS, {"since": since, "internal": internal})
    return {row.working_group: Membership(row.members, row.without_mail) for row in rows}


def representatives(connection: Connection, event_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Live representatives by working group and event, of the events given."""
    found: dict[str, dict[str, int]] = {}
    for group, event_id, number in connection.execute(_REPRESENTATIVES, {"events": list(event_ids)}):
        found.setdefault(group, {})[event_id] = number
    return found
