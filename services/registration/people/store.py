"""Registrations one at a time and in lists; the decider has statements of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

from services.registration.people.model import Registration

PLACE = """CASE WHEN r.status = 'waitlisted' THEN (SELECT count(*) FROM registration w WHERE w.form = r.form
        AND w.status = 'waitlisted' AND (w.received_at, w.submission) <= (r.received_at, r.submission)) END"""
"""On the waiting list, in order of receipt, as people are promoted; of ``registration r``."""

REGISTRATION_COLUMNS = f"""
    r.id::text, r.form, f.kind, r.event_id, r.status, {PLACE}, r.revision, encode(r.person_ref, 'hex'),
    r.working_group, r.representative, r.organisation_id::text, r.country, r.language, r.partner, r.accepted_at,
    r.verified_at IS NOT NULL, f.attend, r.offer_expires_at, r.offer_passed, coalesce(r.domain_ref, '')
"""
"""For ``registration r JOIN form f ON f.slug = r.form``."""

WIDTH = 20

OFFERED = "offered"
"""In the history of a registration: it waits, and a seat is held for it."""


def to_registration(row: Any) -> Registration:
    """The value of a row that begins with ``REGISTRATION_COLUMNS``."""
    return Registration(*row[:WIDTH])


def columns_of(*values: Any) -> dict[str, Any]:
    """Return the attributes of slotted dataclasses in one mapping; a later one of the same name counts."""
    return {name: getattr(value, name) for value in values for name in value.__slots__}


def as_parameter(rows: Sequence[object]) -> str:
    """Return ``rows`` for ``jsonb_to_recordset``, bytes as hexadecimal digits: cheaper than many arrays."""
    return orjson.dumps(rows, default=bytes.hex).decode()


@dataclass(frozen=True, slots=True)
class Person:
    """A registration with the data of the person, for themselves and for coordinators.

    ``details_at`` is when they last gave what is asked after the confirmation; None if never. ``tags`` are words of
    coordinators, sorted; the person's own page knows none.
    """

    registration: Registration
    name: str | None
    email: str
    organisation: str | None
    time_zone: str | None
    answers: Mapping[str, Any]
    has_sealed: bool
    details_at: datetime | None
    tags: Sequence[str] = ()


PERSON = f"""
    SELECT {REGISTRATION_COLUMNS}, r.name, r.email, o.name, r.time_zone, r.answers, r.sealed IS NOT NULL,
        r.details_at, r.tags
    FROM registration r JOIN form f ON f.slug = r.form LEFT JOIN organisation o ON o.id = r.organisation_id
"""  # noqa: S608 - a constant list of columns
"""All of a person, without a condition."""

_THROUGH_PARTNER = text("""
    SELECT form, status, count(*) FROM registration WHERE partner = :partner GROUP BY form, status
""")
_BY_ID = text(PERSON + "WHERE r.id = CAST(:id AS uuid) AND r.erased_at IS NULL")
_BY_ID_LOCKED = text(PERSON + "WHERE r.id = CAST(:id AS uuid) AND r.erased_at IS NULL FOR UPDATE OF r")
_NEXT_IN_LINE = text(
    PERSON + "WHERE r.form = :form AND r.status = 'waitlisted' AND r.offer_expires_at IS NULL AND NOT r.offer_passed "
    "ORDER BY r.received_at, r.submission LIMIT :most FOR UPDATE OF r"
)
_CHOSEN = text(PERSON + "WHERE r.id = ANY(CAST(:ids AS uuid[])) ORDER BY r.received_at, r.submission FOR UPDATE OF r")
_CONFIRM = text("""
    UPDATE registration SET status = 'confirmed', revision = revision + 1, confirmed_at = :now,
        capacity_then = :capacity, offer_expires_at = NULL, offer_passed = false WHERE id = CAST(:id AS uuid)
""")
_CANCEL = text("""
    UPDATE registration SET status = 'cancelled', revision = revision + 1, cancelled_at = :now,
        offer_expires_at = NULL, offer_passed = false
    WHERE id = CAST(:id AS uuid)
""")
_CHANGE = text("""
    INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason, changed_by)
    VALUES (CAST(:id AS uuid), :revision, :status, :now, :capacity, :reason, :changed_by)
""")


def count_through(connection: Connection, partner: str) -> dict[str, dict[str, int]]:
    """Registrations that came through a partner, by form and then by status; statuses that nobody has are left out."""
    counts: dict[str, dict[str, int]] = {}
    for form, status, number in connection.execute(_THROUGH_PARTNER, {"partner": partner}):
        counts.setdefault(form, {})[status] = number
    return counts


def find_person(connection: Connection, registration_id: str) -> Person | None:
    """The registration with this id (a UUID), or None; also None for one that was erased."""
    return _person(connection.execute(_BY_ID, {"id": registration_id}).fetchone())


def lock_person(connection: Connection, registration_id: str) -> Person | None:
    """The same, locked. Lock the form's seats first, as everybody does."""
    return _person(connection.execute(_BY_ID_LOCKED, {"id": registration_id}).fetchone())


def next_in_line(connection: Connection, form: str, most: int) -> list[Person]:
    """The first ``most`` of those in line on a form, in order of the receipt of their submissions, locked."""
    return [to_person(row) for row in connection.execute(_NEXT_IN_LINE, {"form": form, "most": most})]


def lock_chosen(connection: Connection, ids: Sequence[str]) -> list[Person]:
    """These registrations in order of the receipt of their submissions, locked."""
    return [to_person(row) for row in connection.execute(_CHOSEN, {"ids": list(ids)})]


def store_confirmed(connection: Connection, registration: Registration, capacity: int | None, now: datetime) -> None:
    """Give a seat to somebody who waited, recorded with the capacity then in force."""
    connection.execute(_CONFIRM, {"id": registration.id, "capacity": capacity, "now": now})


def store_cancelled(connection: Connection, registration: Registration, now: datetime) -> None:
    """Take a registration back."""
    connection.execute(_CANCEL, {"id": registration.id, "now": now})


def store_change(
    connection: Connection,
    registration: Registration,
    reason: str,
    now: datetime,
    capacity: int | None = None,
    *,
    by: str | None = None,
) -> None:
    """A line of the audit trail: ``registration`` as it is after the change, and why.

    Args:
        capacity: then in force, where a seat was given.
        by: name of the coordinator's key; None where no coordinator decided.
    """
    status = OFFERED if registration.offer_expires_at is not None else registration.status
    values = {"id": registration.id, "revision": registration.revision, "status": status}
    connection.execute(_CHANGE, {**values, "now": now, "capacity": capacity, "reason": reason, "changed_by": by})


def to_person(row: Sequence[Any]) -> Person:
    """The value of a row of ``PERSON``."""
    return Person(to_registration(row), *row[WIDTH:])


def _person(row: Sequence[Any] | None) -> Person | None:
    return None if row is None else to_person(row)
