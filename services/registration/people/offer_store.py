"""Stores offers of seats: until when one is held for somebody who waits, and what became of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.people.model import Registration
from services.registration.people.store import PERSON, Person, as_parameter, to_person

_OFFER = text("""
    UPDATE registration SET revision = revision + 1, offer_expires_at = :expires_at, offer_passed = :passed
    WHERE id = CAST(:id AS uuid)
""")
_ANSWERED = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision int, status text, capacity int,
            reason text)
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason)
        SELECT id, revision, status, :now, capacity, reason FROM new
    )
    UPDATE registration r SET revision = greatest(r.revision, new.revision), status = new.status,
        offer_expires_at = NULL, offer_passed = new.status = 'waitlisted',
        confirmed_at = CASE WHEN new.status = 'confirmed' THEN :now ELSE r.confirmed_at END,
        capacity_then = CASE WHEN new.status = 'confirmed' THEN new.capacity ELSE r.capacity_then END
    FROM new WHERE r.id = new.id
""")
_EXPIRED_FORMS = text("SELECT DISTINCT form FROM registration WHERE offer_expires_at <= :now ORDER BY form")
_EXPIRED = text(PERSON + "WHERE r.form = :form AND r.offer_expires_at <= :now ORDER BY r.id FOR UPDATE OF r")


def store_offer(connection: Connection, registration: Registration) -> None:
    """Store the offer of somebody who waits as ``registration`` has it, or that it has ended."""
    values = {"expires_at": registration.offer_expires_at, "passed": registration.offer_passed}
    connection.execute(_OFFER, {"id": registration.id, **values})


def store_answers(connection: Connection, rows: Sequence[object], now: datetime) -> None:
    """Store what people have answered to their offers.

    Args:
        rows: each with ``id``, ``revision``, ``status`` (``confirmed`` or ``waitlisted``), ``capacity`` and ``reason``.
    """
    if rows:
        connection.execute(_ANSWERED, {"rows": as_parameter(rows), "now": now})


def forms_with_expired_offers(connection: Connection, now: datetime) -> list[str]:
    """Slugs of the forms on which an offer has expired."""
    return list(connection.execute(_EXPIRED_FORMS, {"now": now}).scalars())


def expired_offers(connection: Connection, form: str, now: datetime) -> list[Person]:
    """Everybody on a form whose offer has expired, locked."""
    return [to_person(row) for row in connection.execute(_EXPIRED, {"form": form, "now": now})]
