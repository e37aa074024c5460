"""Numbers about registrations: tallies, contacts by mail, audiences, and the numbers of the overview. SQL only.

Tallies count live registrations by kind of form, partner, country and day; they are kept by difference, so reading
never counts. Internal events have separate tallies. A bulletin is written by a coordinator; automatic
mail (confirmations, reminders, news of an event, recordings) is stored but does not count as contact.
"""

# ruff: noqa: S608 - statements are put together from constant parts; all values are parameters
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.events.attendance.model import RegistrationGroup
from shared.vocabulary.form_kinds import DELEGATION, GROUP_MEMBERSHIP, NOT_ATTENDING, PROPOSAL, quoted

TallyKey = tuple[str, str]
"""A dimension and a name in it: ``("country", "CH")``."""

_IS_INTERNAL = "EXISTS (SELECT FROM event WHERE event.id = :event_id AND event.internal)"
_ADD_TO_TALLY = """
    ON CONFLICT (internal, dimension, name) DO UPDATE SET registrations = tally.registrations + excluded.registrations
"""
_TALLY_MORE = text(f"""
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT {_IS_INTERNAL}, dimension, name, number
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[]), CAST(:numbers AS integer[]))
        AS each (dimension, name, number) {_ADD_TO_TALLY}
""")
_TALLY_LESS = text(f"""
    UPDATE tally SET registrations = registrations - 1
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[])) AS each (dimension, name)
    WHERE tally.internal = {_IS_INTERNAL} AND tally.dimension = each.dimension AND tally.name = each.name
""")
_SHIFT_TALLIES = text(f"""
    INSERT INTO tally (internal, dimension, name, registrations)
    SELECT side.internal, dimension, name, side.sign * registrations
    FROM unnest(CAST(:dimensions AS text[]), CAST(:names AS text[]), CAST(:numbers AS integer[]))
        AS each (dimension, name, registrations),
        (VALUES (:internal, 1), (NOT :internal, -1)) AS side (internal, sign) {_ADD_TO_TALLY}
""")
_TALLIES = text("""
    SELECT name, registrations FROM tally
    WHERE internal = :internal AND dimension = :dimension AND registrations <> 0 ORDER BY name
""")

_IS_BULLETIN = "mail_contact.kind = 'bulletin'"
"""Mails that a person wrote."""

_ADD_CONTACT = text("""
    INSERT INTO mail_contact (mail_id, registration_id, kind, sent_at)
    VALUES (:mail_id, :registration_id, :kind, :sent_at) ON CONFLICT DO NOTHING
""")
_UPSERT_GROUP = text(f"""
    INSERT INTO group_contact (working_group, last_mail_at)
    SELECT :working_group, max(sent_at) FROM mail_contact JOIN roster USING (registration_id)
    WHERE registration_id = :registration_id AND {_IS_BULLETIN}
        AND (event_id IN (SELECT id FROM event WHERE internal)) IS NOT TRUE
    HAVING count(*) > 0
    ON CONFLICT (working_group) DO UPDATE
        SET last_mail_at = greatest(group_contact.last_mail_at, excluded.last_mail_at)
""")
_DELETE_GROUP = text("DELETE FROM group_contact WHERE working_group = :working_group")
_RECOMPUTE_GROUP = text(f"""
    INSERT INTO group_contact (working_group, last_mail_at)
    SELECT :working_group, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE roster.working_group = :working_group AND {_IS_BULLETIN}
        AND (event_id IN (SELECT id FROM event WHERE internal)) IS NOT TRUE HAVING count(*) > 0
""")
_UPSERT_PERSON = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT decode(:person_ref, 'hex'), max(sent_at) FROM mail_contact
    WHERE registration_id = :registration_id AND {_IS_BULLETIN}
    HAVING count(*) > 0
    ON CONFLICT (person_ref) DO UPDATE
        SET last_mail_at = greatest(person_contact.last_mail_at, excluded.last_mail_at)
""")
_UPSERT_PEOPLE = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM mail_contact JOIN roster USING (registration_id)
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) AND {_IS_BULLETIN}
    GROUP BY person_ref ORDER BY person_ref
    ON CONFLICT (person_ref) DO UPDATE
        SET last_mail_at = greatest(person_contact.last_mail_at, excluded.last_mail_at)
""")
_DELETE_PERSON = text("DELETE FROM person_contact WHERE person_ref = decode(:person_ref, 'hex')")
_RECOMPUTE_PERSON = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE person_ref = decode(:person_ref, 'hex') AND {_IS_BULLETIN} GROUP BY person_ref
""")
_LAST_MAILS = text("SELECT working_group, last_mail_at FROM group_contact")

_OF_KIND = "coalesce(event_id IN (SELECT id FROM event WHERE internal), false) = :internal"
"""Registrations of internal events, or all others. A form without an event is not internal."""

_TRAVELLERS = text(f"""
    SELECT count(DISTINCT person_ref)::int FROM roster
    WHERE form_kind = '{DELEGATION}' AND status IN ('confirmed', 'waitlisted') AND {_OF_KIND}
""")

_MEMBERS = text(f"""
    SELECT working_group, count(*)::int AS members,
        (count(*) FILTER (WHERE last_mail_at IS NULL OR last_mail_at < :since))::int AS without_mail
    FROM (
        SELECT DISTINCT working_group, person_ref FROM roster
        WHERE form_kind = '{GROUP_MEMBERSHIP}' AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
            AND person_ref IS NOT NULL AND {_OF_KIND}
    ) AS member LEFT JOIN person_contact USING (person_ref)
    GROUP BY working_group
""")
_REPRESENTATIVES = text(f"""
    SELECT working_group, event_id, count(*)::int FROM roster
    WHERE representative AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
        AND form_kind NOT IN ({quoted(NOT_ATTENDING)}) AND event_id = ANY(CAST(:events AS text[]))
    GROUP BY working_group, event_id ORDER BY working_group, event_id
""")

_PROPOSED = "FROM proposal WHERE event_id = :event_id AND status IN ('accepted', 'scheduled') AND erased_at IS NULL"
_REGISTRATION_GROUPS = text(f"""
    SELECT form_kind, status, language, count(*)::int AS registrations FROM roster WHERE event_id = :event_id
    GROUP BY form_kind, status, language
    UNION ALL SELECT '{PROPOSAL}', 'confirmed', language, count(*)::int {_PROPOSED} GROUP BY language
    ORDER BY form_kind, status, language
""")
_PEOPLE_ON = text(f"""
    SELECT count(*)::int FROM (
        SELECT person_ref FROM roster
        WHERE event_id = :event_id AND status IN ('confirmed', 'waitlisted') AND person_ref IS NOT NULL
            AND form_kind = ANY(CAST(:kinds AS text[]))
        UNION SELECT person_ref {_PROPOSED} AND '{PROPOSAL}' = ANY(CAST(:kinds AS text[]))) AS person
""")

_REGISTERED_ON = text("""
    SELECT count(DISTINCT person_ref)::int FROM roster
    WHERE event_id = ANY(CAST(:events AS text[])) AND status IN ('confirmed', 'waitlisted') AND person_ref IS NOT NULL
        AND form_kind = ANY(CAST(:kinds AS text[]))
""")


def tally_more(connection: Connection, numbers: Mapping[TallyKey, int], event_id: str | None) -> None:
    """Count as many more registrations of an event in each entry as ``numbers`` has."""
    if numbers:
        entries = sorted(numbers)
        values = _arrays(entries) | {"numbers": [numbers[entry] for entry in entries], "event_id": event_id}
        connection.execute(_TALLY_MORE, values)


def tally_less(connection: Connection, entries: Sequence[TallyKey], event_id: str | None) -> None:
    """Count one registration of an event less in each of ``entries``, which differ."""
    if entries:
        connection.execute(_TALLY_LESS, _arrays(entries) | {"event_id": event_id})


def shift_tallies(connection: Connection, numbers: Mapping[TallyKey, int], *, internal: bool) -> None:
    """Move as many registrations of each entry between internal and other tallies as ``numbers`` has."""
    if numbers:
        values = _arrays(list(numbers)) | {"numbers": list(numbers.values()), "internal": internal}
        connection.execute(_SHIFT_TALLIES, values)


def tallies_by(connection: Connection, dimension: str, *, internal: bool) -> Mapping[str, int]:
    """Live registrations by the names of one dimension, in their order; names without any are not in it."""
    rows = connection.execute(_TALLIES, {"dimension": dimension, "internal": internal})
    return {row.name: row.registrations for row in rows}


def _arrays(entries: Sequence[TallyKey]) -> dict[str, list[str]]:
    return {"dimensions": [dimension for dimension, _ in entries], "names": [name for _, name in entries]}


@dataclass(frozen=True, slots=True)
class MailContact:
    """One mail that was handed over; ``sent_at`` is aware."""

    mail_id: str
    registration_id: str
    kind: str
    sent_at: datetime


def insert_contact(connection: Connection, contact: MailContact) -> bool:
    """Store that a mail was sent; returns whether it was not known."""
    return connection.execute(_ADD_CONTACT, asdict(contact)).rowcount == 1


def upsert_group_contact(connection: Connection, working_group: str, registration_id: str) -> None:
    """Count the bulletins to a registration, if any, as mail to this working group; those of an internal event
    do not count."""
    connection.execute(_UPSERT_GROUP, {"working_group": working_group, "registration_id": registration_id})


def upsert_person_contact(connection: Connection, person_ref: str, registration_id: str) -> None:
    """Count the bulletins to a registration, if any, as mail to this person (64 hex digits)."""
    connection.execute(_UPSERT_PERSON, {"person_ref": person_ref, "registration_id": registration_id})


def upsert_people_contacts(connection: Connection, registrations: Sequence[str]) -> None:
    """Count the bulletins to registrations of the roster, if any, as mail to their people."""
    connection.execute(_UPSERT_PEOPLE, {"registrations": list(registrations)})


def recompute_person_contact(connection: Connection, person_ref: str) -> None:
    """Recompute when this person last got a bulletin, after one of their registrations moved to another person."""
    connection.execute(_DELETE_PERSON, {"person_ref": person_ref})
    connection.execute(_RECOMPUTE_PERSON, {"person_ref": person_ref})


def recompute_group_contact(connection: Connection, working_group: str) -> None:
    """Recompute when a group last got a bulletin, after one of its registrations left it."""
    connection.execute(_DELETE_GROUP, {"working_group": working_group})
    connection.execute(_RECOMPUTE_GROUP, {"working_group": working_group})


def last_mails(connection: Connection) -> Mapping[str, datetime]:
    """When each working group last got a bulletin, by id; groups without one are not in it."""
    return {row.working_group: row.last_mail_at for row in connection.execute(_LAST_MAILS)}


@dataclass(frozen=True, slots=True)
class Missing:
    """Travellers who are not registered for an event that they should attend: distinct people."""

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
    """Members of one working group, and those of them who got no bulletin since a certain time: distinct people."""

    members: int = 0
    without_mail: int = 0


# OFFSET 0 keeps it an index lookup for each traveller: for a join, the planner reads all of a million rows instead.
_WITHOUT_EVENT = f"""
    FROM roster AS traveller
    WHERE traveller.form_kind = '{DELEGATION}' AND traveller.status IN ('confirmed', 'waitlisted') AND {_OF_KIND}
        AND traveller.person_ref IS NOT NULL AND NOT EXISTS (
            SELECT FROM roster AS attending
            WHERE attending.event_id = coalesce(CAST(:event AS text), traveller.attend)
                AND attending.person_ref = traveller.person_ref
                AND attending.event_id IS NOT NULL AND attending.status IN ('confirmed', 'waitlisted')
                AND attending.form_kind NOT IN ({quoted(NOT_ATTENDING)})
            OFFSET 0)
        AND coalesce(CAST(:event AS text), traveller.attend) IS NOT NULL
"""
_MISSING = text(f"""
    SELECT coalesce(CAST(:event AS text), attend) AS event, count(DISTINCT person_ref)::int AS people
    {_WITHOUT_EVENT} GROUP BY 1 ORDER BY 1
""")
_MISSING_TRAVELLERS = text(f"""
    SELECT registration_id::text, encode(person_ref, 'hex'), form, working_group, country, occurred_at
    {_WITHOUT_EVENT} AND registration_id > CAST(:after AS uuid) ORDER BY traveller.registration_id LIMIT :limit
""")


def traveller_count(connection: Connection, *, internal: bool) -> int:
    """How many distinct people have a live registration for the delegation."""
    return int(connection.execute(_TRAVELLERS, {"internal": internal}).scalar_one())


def missing_traveller_counts(connection: Connection, event_id: str | None, *, internal: bool) -> list[Missing]:
    """How many travellers are not at ``event_id``, or with None at the event that their own form asks them to."""
    return [Missing(*row) for row in connection.execute(_MISSING, {"event": event_id, "internal": internal})]


def select_missing_travellers(connection: Connection, event_id: str | None, after: str, limit: int) -> list[Traveller]:
    """The travellers that ``missing_traveller_counts`` counts, by registration, after the registration ``after``."""
    values = {"event": event_id, "after": after, "limit": limit, "internal": False}
    return [Traveller(*row) for row in connection.execute(_MISSING_TRAVELLERS, values)]


def memberships(connection: Connection, since: datetime, *, internal: bool) -> Mapping[str, Membership]:
    """Members by working group; those without a bulletin since ``since`` (aware) are counted apart."""
    rows = connection.execute(_MEMBERS, {"since": since, "internal": internal})
    return {row.working_group: Membership(row.members, row.without_mail) for row in rows}


def representatives_by_group(connection: Connection, event_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Live representatives by working group and event, of these events."""
    found: dict[str, dict[str, int]] = {}
    for group, event_id, number in connection.execute(_REPRESENTATIVES, {"events": list(event_ids)}):
        found.setdefault(group, {})[event_id] = number
    return found


def registration_groups(connection: Connection, event_id: str) -> list[RegistrationGroup]:
    """The registrations of an event, grouped by form kind, status and language; its own proposal counts as one."""
    return [RegistrationGroup(*row) for row in connection.execute(_REGISTRATION_GROUPS, {"event_id": event_id})]


def count_registered_on(connection: Connection, event_ids: Sequence[str], kinds: Sequence[str]) -> int:
    """How many distinct people have a live registration of any of the events on a form of one of ``kinds``."""
    values = {"events": list(event_ids), "kinds": list(kinds)}
    return int(connection.execute(_REGISTERED_ON, values).scalar_one())


def count_people_on(connection: Connection, event_id: str, kinds: Sequence[str]) -> int:
    """How many distinct people have a live registration of the event on a form of one of ``kinds``, or proposed it."""
    return int(connection.execute(_PEOPLE_ON, {"event_id": event_id, "kinds": list(kinds)}).scalar_one())
