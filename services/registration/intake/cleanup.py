"""Deletes what the intake has kept long enough: receipts, candidates, addresses, links, mailboxes, counts, networks."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from shared.public_forms.used_challenges import forget_challenges
from shared.store.sessions import forget_sessions

RECEIPT_KEPT = timedelta(days=8)
CANDIDATE_AFTER_MAIL = timedelta(days=7)
CANDIDATE_AT_MOST = timedelta(days=14)
NETWORK_KEPT = timedelta(days=1)
MAILBOX_QUIET = timedelta(days=1)
COUNTS_KEPT = timedelta(days=1, minutes=20)
"""The longest window of a quota."""
MUTE_LASTS = timedelta(days=90)
"""Nobody is locked out for good by a switch that they cannot find again."""
ERASED_KEPT = timedelta(days=1)
UNDECIDED_AT_MOST = timedelta(days=1)
"""How long a command that came in time may wait for a decider before what it is about is deleted."""
BATCH = 2000

CleanupStep = Callable[[Connection, datetime], object]
"""Deletes a batch of what is due."""

_RECEIPTS = """
    DELETE FROM submission WHERE id IN (SELECT id FROM submission
        WHERE received_at < :before AND state = 'decided' ORDER BY received_at LIMIT :limit)
"""
_CANDIDATES = """
    DELETE FROM candidate WHERE id IN (SELECT id FROM candidate
        WHERE mailed_at < :mailed_before OR received_at < :before LIMIT :limit)
"""
_ADDRESS_CHANGES = """
    DELETE FROM address_change WHERE id IN (SELECT id FROM address_change
        WHERE mailed_at < :mailed_before OR received_at < :before LIMIT :limit)
"""
_FORMER_ADDRESSES = """
    DELETE FROM former_address WHERE id IN (SELECT id FROM former_address WHERE expires_at <= :before LIMIT :limit)
"""
_NETWORKS = {
    "submission": "UPDATE submission SET network = NULL WHERE network IS NOT NULL AND received_at < :before",
    "candidate": "UPDATE candidate SET network = NULL WHERE network IS NOT NULL AND received_at < :before",
    "waiting_address": "UPDATE waiting_address SET network = NULL WHERE network IS NOT NULL AND since < :before",
}
_LINKS = """
    DELETE FROM confirmation_link WHERE id IN (
        SELECT id FROM confirmation_link WHERE expires_at < :before LIMIT :limit)
"""
_ADDRESSES = """
    DELETE FROM waiting_address w WHERE NOT EXISTS (SELECT FROM candidate c WHERE c.address_ref = w.address_ref)
        AND NOT EXISTS (SELECT FROM address_change a WHERE a.address_ref = w.address_ref)
        AND (since < :long_before OR since < :before AND NOT EXISTS (SELECT FROM registration r
            WHERE r.person_ref = w.address_ref AND r.status <> 'cancelled' AND r.erased_at IS NULL))
"""
"""Without a candidate an address waits for the list of its registrations, as long as a candidate would."""
_WAITING = """
    UPDATE mailbox m SET waiting_since = NULL WHERE waiting_since IS NOT NULL
        AND NOT EXISTS (SELECT FROM waiting_address w WHERE w.mailbox_ref = m.mailbox_ref)
"""
_MAILBOXES = """
    DELETE FROM mailbox WHERE mailbox_ref IN (SELECT m.mailbox_ref FROM mailbox m
        WHERE m.waiting_since IS NULL AND m.muted_at IS NULL AND coalesce(m.last_mail_at, m.next_mail_at) < :before
            AND NOT EXISTS (SELECT FROM candidate c WHERE c.mailbox_ref = m.mailbox_ref)
            AND NOT EXISTS (SELECT FROM address_change a WHERE a.mailbox_ref = m.mailbox_ref)
            AND NOT EXISTS (SELECT FROM registration r WHERE r.mailbox_ref = m.mailbox_ref AND r.erased_at IS NULL)
        LIMIT :limit)
"""
_MUTED = "UPDATE mailbox SET muted_at = NULL WHERE muted_at < :before"
_COUNTS = "DELETE FROM mail_count WHERE began_at < :before"
_ERASED = """
    DELETE FROM erased_address e WHERE erased_at < :before AND NOT EXISTS (
        SELECT FROM submission s WHERE s.state IN ('received', 'parked') AND s.id <= e.before_number)
"""


def _step(statement: str, kept: timedelta) -> CleanupStep:
    prepared = text(statement)

    def run(connection: Connection, now: datetime) -> int:
        values = {"before": now - kept, "mailed_before": now - CANDIDATE_AFTER_MAIL, "limit": BATCH}
        values["long_before"] = now - CANDIDATE_AT_MOST
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        return connection.execute(prepared, used).rowcount

    return run


def cleanup_steps() -> list[CleanupStep]:
    """Return every step, in an order in which each finds what the one before has left over."""
    return [
        _step(_RECEIPTS, RECEIPT_KEPT),
        _step(_CANDIDATES, CANDIDATE_AT_MOST),
        _step(_ADDRESS_CHANGES, CANDIDATE_AT_MOST),
        _step(_FORMER_ADDRESSES, UNDECIDED_AT_MOST),
        *(_step(statement, NETWORK_KEPT) for statement in _NETWORKS.values()),
        _step(_LINKS, timedelta()),
        _step(_ADDRESSES, timedelta(hours=1)),
        _step(_WAITING, timedelta()),
        _step(_MUTED, MUTE_LASTS),
        _step(_MAILBOXES, MAILBOX_QUIET),
        _step(_COUNTS, COUNTS_KEPT),
        _step(_ERASED, ERASED_KEPT),
        forget_challenges,
        forget_sessions,
    ]
