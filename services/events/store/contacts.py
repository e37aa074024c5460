"""Which mails went out, and when a person at the centre last wrote to each working group and each participant.

A bulletin is what a person wrote. Automatic mail (confirmations, reminders, news of an event, recordings) is stored but
does not count as contact. References and times only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class MailContact:
    """One mail that was handed over; ``sent_at`` is aware."""

    mail_id: str
    registration_id: str
    kind: str
    sent_at: datetime


# ruff: noqa: S608 - a constant condition, all values are parameters
_WRITTEN = "mail_contact.kind = 'bulletin'"
"""Mails that a person wrote."""

_ADD = text("""
    INSERT INTO mail_contact (mail_id, registration_id, kind, sent_at)
    VALUES (:mail_id, :registration_id, :kind, :sent_at) ON CONFLICT DO NOTHING
""")
_NOTE = text(f"""
    INSERT INTO group_contact (working_group, last_mail_at)
    SELECT :working_group, max(sent_at) FROM mail_contact JOIN roster USING (registration_id)
    WHERE registration_id = :registration_id AND {_WRITTEN}
        AND (event_id IN (SELECT id FROM event WHERE internal)) IS NOT TRUE
    HAVING count(*) > 0
    ON CONFLICT (working_group) DO UPDATE
        SET last_mail_at = greatest(group_contact.last_mail_at, excluded.last_mail_at)
""")
_FORGET = text("DELETE FROM group_contact WHERE working_group = :working_group")
_RECKON = text(f"""
    INSERT INTO group_contact (working_group, last_mail_at)
    SELECT :working_group, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE roster.working_group = :working_group AND {_WRITTEN}
        AND (event_id IN (SELECT id FROM event WHERE internal)) IS NOT TRUE HAVING count(*) > 0
""")
_NOTE_PERSON = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT decode(:person_ref, 'hex'), max(sent_at) FROM mail_contact
    WHERE registration_id = :registration_id AND {_WRITTEN}
    HAVING count(*) > 0
    ON CONFLICT (person_ref) DO UPDATE
        SET last_mail_at = greatest(person_contact.last_mail_at, excluded.last_mail_at)
""")
_NOTE_PEOPLE = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM mail_contact JOIN roster USING (registration_id)
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) AND {_WRITTEN} GROUP BY person_ref ORDER BY person_ref
    ON CONFLICT (person_ref) DO UPDATE
        SET last_mail_at = greatest(person_contact.last_mail_at, excluded.last_mail_at)
""")
_FORGET_ALL_OF_PERSON = text("DELETE FROM person_contact WHERE person_ref = decode(:person_ref, 'hex')")
_RECKON_PERSON = text(f"""
    INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM roster JOIN mail_contact USING (registration_id)
    WHERE person_ref = decode(:person_ref, 'hex') AND {_WRITTEN} GROUP BY person_ref
""")
_READ = text("SELECT working_group, last_mail_at FROM group_contact")


def add(connection: Connection, contact: MailContact) -> None:
    """Store that a mail went out; a mail that is known already changes nothing."""
    connection.execute(_ADD, asdict(contact))


def note_group(connection: Connection, working_group: str, registration_id: str) -> None:
    """Count the bulletins to a registration, if any, as mail to this working group; those of an internal event
    do not count."""
    connection.execute(_NOTE, {"working_group": working_group, "registration_id": registration_id})


def note_person(connection: Connection, person_ref: str, registration_id: str) -> None:
    """Count the bulletins to a registration, if any, as mail to this person (64 hex digits)."""
    connection.execute(_NOTE_PERSON, {"person_ref": person_ref, "registration_id": registration_id})


def note_people(connection: Connection, registrations: Sequence[str]) -> None:
    """Count the bulletins to registrations of the roster, if any, as mail to their people."""
    connection.execute(_NOTE_PEOPLE, {"registrations": list(registrations)})


def reckon_person(connection: Connection, person_ref: str) -> None:
    """Find anew when this person last got a bulletin, after one of their registrations went to another address."""
    connection.execute(_FORGET_ALL_OF_PERSON, {"person_ref": person_ref})
    connection.execute(_RECKON_PERSON, {"person_ref": person_ref})


def reckon_group(connection: Connection, working_group: str) -> None:
    """Find anew when a group last got a bulletin, after one of its registrations left it."""
    connection.execute(_FORGET, {"working_group": working_group})
    connection.execute(_RECKON, {"working_group": working_group})


def last_mails(connection: Connection) -> Mapping[str, datetime]:
    """When each working group last got a bulletin, by id; groups without one are not in it."""
    return {row.working_group: row.last_mail_at for row in connection.execute(_READ)}
