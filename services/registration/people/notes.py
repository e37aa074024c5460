"""Notes of coordinators on a person, and what else is known of the person beside one registration.

A note belongs to a registration, so that it is erased with it; all registrations of the address show it to whoever may
see them. It is in the person's export: what is written here will be read by the person it is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.people.model import Registration
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

MAX_NOTE = 2000
MAX_SHOWN = 200

_MAY_SEE = "(CAST(:forms AS text[]) IS NULL OR r.form = ANY(:forms))"
_OTHERS = text(f"""
    SELECT r.id::text, r.form, r.status, r.accepted_at FROM registration r
    WHERE r.person_ref = decode(:ref, 'hex') AND r.id <> CAST(:id AS uuid) AND {_MAY_SEE} ORDER BY r.id LIMIT :most
""")  # noqa: S608 - a constant condition
_MAILS = text(f"""
    SELECT r.id::text, r.form, l.kind, l.outcome, l.occurred_at
    FROM mail_log l JOIN registration r ON r.id = l.registration_id
    WHERE r.person_ref = decode(:ref, 'hex') AND {_MAY_SEE} ORDER BY l.occurred_at DESC, l.outcome LIMIT :most
""")  # noqa: S608 - a constant condition
_NOTES = text(f"""
    SELECT n.id::text, r.form, n.written_at, n.written_by, n.words
    FROM registration_note n JOIN registration r ON r.id = n.registration_id
    WHERE r.person_ref = decode(:ref, 'hex') AND {_MAY_SEE} ORDER BY n.written_at, n.id LIMIT :most
""")  # noqa: S608 - a constant condition
_WRITE = text("""
    INSERT INTO registration_note (id, registration_id, written_at, written_by, words)
    SELECT CAST(:id AS uuid), r.id, :now, :by, :words FROM registration r
    WHERE r.id = CAST(:registration AS uuid) AND r.erased_at IS NULL
""")
_DELETE = text("""
    DELETE FROM registration_note WHERE id = CAST(:id AS uuid) AND registration_id IN (
        SELECT o.id FROM registration r JOIN registration o ON o.person_ref = r.person_ref
        WHERE r.id = CAST(:registration AS uuid) AND (CAST(:forms AS text[]) IS NULL OR o.form = ANY(:forms)))
    RETURNING registration_id::text
""")


@dataclass(frozen=True, slots=True)
class OtherRegistration:
    """Another registration of the same address."""

    id: str
    form: str
    status: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedMail:
    """What became of a mail about one of the registrations: ``sent``, ``bounced`` or ``suppressed``."""

    registration_id: str
    form: str
    kind: str
    outcome: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """A note, on the registration on ``form``; ``written_by`` is the name of a key."""

    id: str
    form: str
    written_at: datetime
    written_by: str
    words: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything about a person that stands beside one registration, as far as somebody may see it."""

    others: Sequence[OtherRegistration]
    mails: Sequence[LoggedMail]
    notes: Sequence[Note]


def dossier_of(connection: Connection, registration: Registration, forms: frozenset[str] | None) -> Dossier:
    """Return what is known of the owner of the registration's address.

    Args:
        connection: inside the caller's transaction.
        registration: of the person.
        forms: that may be seen; None for all.
    """
    seen = None if forms is None else sorted(forms)
    values = {"ref": registration.person_ref, "id": registration.id, "forms": seen, "most": MAX_SHOWN}
    return Dossier(
        others=[OtherRegistration(*row) for row in connection.execute(_OTHERS, values)],
        mails=[LoggedMail(*row) for row in connection.execute(_MAILS, values)],
        notes=[Note(*row) for row in connection.execute(_NOTES, values)],
    )


def write_note(work: UnitOfWork, clock: Clock, registration_id: str, words: str, by: str) -> str:
    """Keep a note on a person; returns its id.

    Raises:
        DomainError: ``invalid-note``, ``not-found``.
    """
    words = "\n".join(line.rstrip() for line in words.strip().splitlines())
    if not 1 <= len(words) <= MAX_NOTE or any(not one.isprintable() and one != "\n" for one in words):
        raise DomainError("invalid-note", f"a note has 1 to {MAX_NOTE} characters")
    identity, now = new_id(), clock()
    with work.transaction() as connection:
        values = {"id": identity, "registration": registration_id, "now": now, "by": by, "words": words}
        if connection.execute(_WRITE, values).rowcount != 1:
            raise DomainError("not-found")
        note_deed(connection, Deed(by, "note-written", "registration", registration_id), now)
    return identity


def delete_note(
    work: UnitOfWork, clock: Clock, registration_id: str, note_id: str, by: str, forms: frozenset[str] | None
) -> None:
    """Delete a note on the person of a registration.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        seen = None if forms is None else sorted(forms)
        values = {"id": note_id, "registration": registration_id, "forms": seen}
        found = connection.execute(_DELETE, values).scalar()
        if found is None:
            raise DomainError("not-found")
        note_deed(connection, Deed(by, "note-deleted", "registration", found), clock())
