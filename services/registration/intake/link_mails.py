"""Managing links requested by a read-only link: mailed within the spacing of the mailbox, never dropped.

Anybody may hold a read-only link, so it must not cause more mail to a mailbox than a submission with its address. The
oldest request goes first, so that neither kind of mail starves the other.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.intake.facts import LiveRegistration
from services.registration.intake.spacing import next_mail_at
from services.registration.people.model import AddressRefs
from services.registration.people.store import as_parameter

_WANT = text("""
    WITH new AS MATERIALIZED (
        SELECT registration, decode(mailbox, 'hex') AS mailbox, decode(domain, 'hex') AS domain
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (registration uuid, mailbox text, domain text)
    ), boxes AS (
        INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at) SELECT DISTINCT mailbox, domain, :now FROM new
        ON CONFLICT (mailbox_ref) DO UPDATE SET domain_ref = excluded.domain_ref RETURNING mailbox_ref
    )
    INSERT INTO waiting_link (registration_id, mailbox_ref, since)
    SELECT DISTINCT registration, mailbox, CAST(:now AS timestamptz) FROM new WHERE EXISTS (SELECT FROM boxes)
    ON CONFLICT (registration_id) DO NOTHING
""")
_TAKE = text("""
    WITH due AS (
        SELECT DISTINCT ON (w.mailbox_ref) w.registration_id, w.mailbox_ref, m.step
        FROM waiting_link w JOIN mailbox m ON m.mailbox_ref = w.mailbox_ref
        WHERE m.next_mail_at <= :now
            AND (m.waiting_since IS NULL OR m.muted_at IS NOT NULL OR w.since <= m.waiting_since)
        ORDER BY w.mailbox_ref, w.since, w.registration_id LIMIT :limit
    ), taken AS (DELETE FROM waiting_link w USING due WHERE w.registration_id = due.registration_id)
    SELECT registration_id::text, mailbox_ref, step FROM due
""")
_SENT = text("""
    UPDATE mailbox m SET step = m.step + 1, last_mail_at = :now, next_mail_at = new.next_mail_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (mailbox text, next_mail_at timestamptz)
    WHERE m.mailbox_ref = decode(new.mailbox, 'hex')
""")


def want_links(connection: Connection, wanted: Sequence[tuple[LiveRegistration, AddressRefs]], now: datetime) -> None:
    """Record that the managing link of each registration is to be mailed; one that is wanted already waits on."""
    if wanted:
        rows = [
            {"registration": live.id, "mailbox": address.mailbox, "domain": address.domain} for live, address in wanted
        ]
        connection.execute(_WANT, {"rows": as_parameter(rows), "now": now})


def take_due_links(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Take up to ``limit`` registrations whose link may be mailed now, and put off the next mail to each mailbox.

    Args:
        connection: of a transaction that leads: no other process takes mails meanwhile.
        now: the time.
        limit: mails of one transaction.
    """
    due = connection.execute(_TAKE, {"now": now, "limit": limit}).fetchall()
    if due:
        rows = [{"mailbox": mailbox, "next_mail_at": next_mail_at(step + 1, now)} for _, mailbox, step in due]
        connection.execute(_SENT, {"rows": as_parameter(rows), "now": now})
    return [str(registration) for registration, _, _ in due]
