"""Everything that says who somebody is leaves the table; what stays is enforced by the table's own constraints."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.domain.registration import Registration

_BLANK = text("""
    UPDATE registration SET erased_at = :now, status = :status, revision = :revision,
        cancelled_at = CASE WHEN :status = 'cancelled' THEN coalesce(cancelled_at, :now) END,
        person_ref = NULL, name = NULL, email = NULL, organisation_id = NULL, working_group = NULL,
        representative = false, country = NULL, time_zone = NULL, language = NULL, answers = '{}', sealed = NULL,
        box = NULL, token_hash = NULL, verify_hash = NULL, hold_until = NULL, expires_at = NULL
    WHERE id = CAST(:id AS uuid)
""")
_LOCK_ORGANISATIONS = text("LOCK TABLE organisation IN SHARE ROW EXCLUSIVE MODE")
_FORGET_ORGANISATION = text("""
    DELETE FROM organisation WHERE id = CAST(:id AS uuid)
        AND NOT EXISTS (SELECT FROM registration r WHERE r.organisation_id = CAST(:id AS uuid))
""")
_OF_THE_SAME = text("""
    SELECT o.id::text, o.form FROM registration r JOIN registration o ON o.person_ref = r.person_ref
    WHERE r.id = CAST(:id AS uuid) AND o.id <> r.id ORDER BY o.id
""")
_TOMBSTONE = text("SELECT id::text, form, status, erased_at FROM registration WHERE id = CAST(:id AS uuid)")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of somebody: that they were on a form, how it ended, and when they were erased."""

    id: str
    form: str
    status: str
    erased_at: datetime


def store_erased(connection: Connection, registration: Registration, now: datetime) -> None:
    """Make a tombstone of what is locked: status and revision are those of ``registration``, the person is gone."""
    values = {"id": registration.id, "status": registration.status, "revision": registration.revision}
    connection.execute(_BLANK, {**values, "now": now})


def forget_organisation(connection: Connection, organisation_id: str) -> None:
    """Delete an organisation's name if nobody is of it any more.

    Comes last in its transaction: who registers meanwhile names organisations and would wait for this lock. Without it
    somebody whose registration is not committed yet would lose the name of theirs.
    """
    connection.execute(_LOCK_ORGANISATIONS)
    connection.execute(_FORGET_ORGANISATION, {"id": organisation_id})


def others_of_the_same(connection: Connection, registration_id: str) -> list[tuple[str, str]]:
    """(id, form) of all other registrations of the same address."""
    return [(row[0], row[1]) for row in connection.execute(_OF_THE_SAME, {"id": registration_id})]


def find_tombstone(connection: Connection, registration_id: str) -> Tombstone | None:
    """What is left of an erased registration; None if it was not erased, or never was."""
    row = connection.execute(_TOMBSTONE, {"id": registration_id}).fetchone()
    return None if row is None or row[3] is None else Tombstone(*row)
