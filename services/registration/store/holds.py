"""Unverified registrations whose time is over, their seats first, then they themselves; and seats left free."""

from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.domain.registration import Registration
from services.registration.store.forms import HELD
from services.registration.store.rows import REGISTRATION_COLUMNS, to_registration

_SEATS = text(f"""
    SELECT s.form, EXISTS (SELECT 1 FROM registration r
        WHERE r.form = s.form AND r.status = 'unverified' AND r.hold_until <= :now) AS run_out
    FROM seat s
    WHERE EXISTS (SELECT 1 FROM registration r
            WHERE r.form = s.form AND r.status = 'unverified' AND r.hold_until <= :now)
        OR (s.waiting > 0 AND (s.capacity IS NULL OR s.capacity > s.confirmed + {HELD.format(now=":now")}))
    ORDER BY s.form
""")  # noqa: S608 - constants
_RELEASE = text("""
    UPDATE registration SET hold_until = NULL WHERE form = :form AND status = 'unverified' AND hold_until <= :now
""")
_OVERDUE = text(f"""
    SELECT {REGISTRATION_COLUMNS} FROM registration r JOIN form f ON f.slug = r.form
    WHERE r.status = 'unverified' AND r.expires_at <= :now
    ORDER BY r.expires_at LIMIT :most FOR UPDATE OF r SKIP LOCKED
""")  # noqa: S608 - a constant list of columns
_EXPIRE = text("""
    UPDATE registration SET status = 'expired', revision = revision + 1, hold_until = NULL, expires_at = NULL
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


def forms_with_seats_to_give(connection: Connection, now: datetime) -> list[tuple[str, bool]]:
    """Forms that still name holds which have run out (True), or where people wait although a seat is free (False).

    In the order in which everybody locks seats.
    """
    return [(row[0], row[1]) for row in connection.execute(_SEATS, {"now": now})]


def release_holds(connection: Connection, form: str, now: datetime) -> None:
    """Forget the holds of ``form`` that have run out; they counted for nothing any more."""
    connection.execute(_RELEASE, {"form": form, "now": now})


def lock_overdue(connection: Connection, now: datetime, most: int) -> list[Registration]:
    """Up to ``most`` unverified registrations that are given up by ``now``, locked; those in use are left out."""
    return [to_registration(row) for row in connection.execute(_OVERDUE, {"now": now, "most": most})]


def store_expired(connection: Connection, registrations: list[Registration]) -> None:
    """Give them up."""
    connection.execute(_EXPIRE, {"ids": [registration.id for registration in registrations]})
