"""Unasked mails of the last day, by keyed hashes of addresses: who may cause another is decided here, exactly."""

from datetime import datetime

from sqlalchemy import Connection, text

from services.notifications.domain.allowance import MOST, MOST_ASKING, WITHIN, Unasked

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('unasked', 0) # hashtextextended(encode(:ref, 'hex'), 0))")
_TAKE = text("""
    INSERT INTO unasked_mail (mail_id, address_ref, form, asks, at)
    SELECT CAST(:mail_id AS uuid), :ref, :form, :asks, :now
    WHERE EXISTS (SELECT FROM unasked_mail WHERE mail_id = CAST(:mail_id AS uuid)) OR (
        (SELECT count(*) FROM unasked_mail WHERE address_ref = :ref AND at > :since) < :most
        AND (NOT :asks OR (SELECT count(*) FROM unasked_mail
            WHERE address_ref = :ref AND at > :since AND form = :form AND asks) < :most_asking))
    ON CONFLICT (mail_id) DO UPDATE SET at = excluded.at
""")
_FORGET = text("DELETE FROM unasked_mail WHERE at <= :before")


def take_allowance(connection: Connection, mail_id: str, unasked: Unasked, now: datetime) -> bool:
    """Count ``mail_id`` among the day's unasked mails of its address; False if there were enough.

    A mail that was counted before may go again: nobody knows whether it went. Two at once wait for each other.
    """
    connection.execute(_LOCK, {"ref": unasked.address_ref})
    values = {"mail_id": mail_id, "ref": unasked.address_ref, "form": unasked.form, "asks": unasked.asks}
    limits = {"now": now, "since": now - WITHIN, "most": MOST, "most_asking": MOST_ASKING}
    return connection.execute(_TAKE, {**values, **limits}).rowcount == 1


def forget_unasked(connection: Connection, now: datetime) -> None:
    """Forget those that count no more."""
    connection.execute(_FORGET, {"before": now - WITHIN})
