"""A14: rows contain what they contained when they were written, and each registration can be opened by its links.

The databases compare: a view lists the rows whose digest is not that of their contents. The audit reads ids alone. Rows
from before there were digests have none and are not asked about (ADR 51).
"""

from deploy.operations.audit.checks import Alone, Equation

_DIFFERING = "SELECT kind || ' ' || subject, 'as it was written', 'another content' FROM content_difference"
_LINKS = """
    SELECT r.id::text, 'links of revision ' || r.revision, 'none' FROM registration r
    JOIN registration_change c ON c.registration_id = r.id AND c.revision = r.revision
    WHERE r.status <> 'cancelled' AND r.erased_at IS NULL AND NOT starts_with(c.reason, 'restored: ')
        AND (NOT EXISTS (SELECT FROM limited_link l WHERE l.registration_id = r.id AND l.purpose = 'view'
                AND l.minted_at >= c.changed_at)
            OR NOT EXISTS (SELECT FROM managing_link m WHERE m.registration_id = r.id AND m.minted_at >= c.changed_at)
                AND NOT EXISTS (SELECT FROM mail_log l
                    WHERE l.registration_id = r.id AND l.outcome IN ('bounced', 'suppressed')))
"""
"""A managing link that was mailed to an address that does not exist is ended."""

A14 = Equation(
    "A14",
    "rows contain what they contained when they were written; live registrations have the links that were mailed",
    (
        *(
            Alone(database, f"rows of {database} contain what was written", _DIFFERING)
            for database in ("registration", "events", "notifications")
        ),
        Alone("registration", "each live registration has the links of its newest revision", _LINKS),
    ),
)
COUNTED = "SELECT sum(digested)::bigint, sum(undigested)::bigint FROM content_count"
"""How many rows have a digest, and how many have none."""
