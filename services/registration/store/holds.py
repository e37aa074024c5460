"""Unverified registrations whose time is over, their seats first, then they themselves; and seats left free."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.domain.registration import Registration
from services.registration.store.forms import HELD
from services.registration.store.rows import REGISTRATION_COLUMNS, to_registration

_RUN_OUT = """
    EXISTS (SELECT 1 FROM registration r WHERE r.form = s.form AND r.status = 'unverified' AND r.hold_until <= :now)
"""
_OVER = """
    EXISTS (SELECT 1 FROM registration r WHERE r.form = s.form AND r.status = 'unverified' AND r.expires_at <= :now)
"""
_DUE = text(f"""
    SELECT s.form, {_RUN_OUT}, {_OVER} FROM seat s
    WHERE {_RUN_OUT} OR {_OVER}
        OR (s.waiting > 0 AND (s.capacity IS NULL OR s.capacity > s.confirmed + {HELD.format(now=":now")}))
    ORDER BY s.form
""")  # noqa: S608 - constants
_RELEASE = text("""
    UPDATE registration SET hold_until = NULL WHERE form = :form AND status = 'unverified' AND hold_until <= :now
""")
_OVERDUE = text(f"""
    SELECT {REGISTRATION_COLUMNS} FROM registration r JOIN form f ON f.slug = r.form
    WHERE r.form = :form AND r.status = 'unverified' AND r.expires_at <= :now
    ORDER BY r.expires_at LIMIT :most FOR UPDATE OF r
""")  # noqa: S608 - a constant list of columns
_EXPIRE = text("""
    WITH expired AS (
        UPDATE registration SET status = 'expired', revision = revision + 1, hold_until = NULL, expires_at = NULL
        WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id, revision, status
    )
    INSERT INTO registration_change (registration_id, revision, status, changed_at, reason)
    SELECT id, revision, status, :now, 'the address was not confirmed in time' FROM expired
""")
_HELD = text("""
    SELECT count(*) FROM registration WHERE form = :form AND status = 'unverified' AND hold_until > :now
""")


@dataclass(frozen=True, slots=True)
class DueForm:
    """A form with something to give up, or to give.

    Attributes:
        has_run_out: it still names holds whose time is over. If not, people wait although a seat is free, or
        is_overdue: some of its registrations are to be given up.
    """

    slug: str
    has_run_out: bool
    is_overdue: bool


def due_forms(connection: Connection, now: datetime) -> list[DueForm]:
    """Forms whose holds have run out, whose registrations are overdue, or where people wait although a seat is free."""
    return [DueForm(*row) for row in connection.execute(_DUE, {"now": now})]


def count_held(connection: Connection, form: str, now: datetime) -> int:
    """Holds of ``form`` that have not run out; also while it has no limit, when nobody else counts them."""
    held: int = connection.execute(_HELD, {"form": form, "now": now}).scalar_one()
    return held


def release_holds(connection: Connection, form: str, now: datetime) -> None:
    """Forget the holds of ``form`` that have run out; they counted for nothing any more."""
    connection.execute(_RELEASE, {"form": form, "now": now})


def lock_overdue(connection: Connection, form: str, now: datetime, most: int) -> list[Registration]:
    """Up to ``most`` unverified registrations on ``form`` that are given up by ``now``, locked.

    Lock the form's seats first, as everybody does: whoever registers again meanwhile would be taken for known.
    """
    return [to_registration(row) for row in connection.execute(_OVERDUE, {"form": form, "now": now, "most": most})]


def store_expired(connection: Connection, registrations: list[Registration], now: datetime) -> None:
    """Give them up, each with a line of the audit trail, in one statement: everybody waits for the seats meanwhile."""
    connection.execute(_EXPIRE, {"ids": [registration.id for registration in registrations], "now": now})
