"""Registrations that have ended, on forms whose definition says that they need not be kept."""

from datetime import datetime

from sqlalchemy import Connection, text

_FORGET = text("""
    WITH ended AS (
        SELECT r.id FROM form f JOIN registration r ON r.form = f.slug
        WHERE f.keep_days IS NOT NULL AND r.status IN ('cancelled', 'expired')
            AND r.accepted_at < :now - f.keep_days * interval '1 day'
            AND (SELECT max(c.changed_at) FROM registration_change c WHERE c.registration_id = r.id)
                < :now - f.keep_days * interval '1 day'
        ORDER BY r.accepted_at LIMIT :most FOR UPDATE OF r SKIP LOCKED
    ), histories AS (
        DELETE FROM registration_change c USING ended WHERE c.registration_id = ended.id
    )
    DELETE FROM registration r USING ended WHERE r.id = ended.id
""")
"""The day of arrival is asked first, by index: nothing ends before it has begun."""


def forget_ended(connection: Connection, now: datetime, most: int) -> int:
    """Delete up to ``most`` registrations, with their histories, that ended ``keep_days`` of their form before ``now``.

    Forms without ``keep_days`` keep a record of everybody. Returns how many were deleted.
    """
    return connection.execute(_FORGET, {"now": now, "most": most}).rowcount
