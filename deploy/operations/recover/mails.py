"""Mails after a restore of notifications: those that were sent are marked as sent, those that may have been as unknown.

A mail that is made again has its old id, so records of other services and of the mail relay still match it. Nothing is
sent here, and no mail whose outcome is unknown is queued: an operator reviews those and requeues them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, text

from deploy.operations.recover.databases import EVENTS, NOTIFICATIONS, REGISTRATION, ComparedDatabases
from services.notifications.bulletins.dispatch import send_due
from services.notifications.mails.kinds import KINDS, MAILED_ONCE
from services.notifications.mails.model import ClaimedMail, HandoverOutcome
from services.notifications.recipients.store import delete_mailed
from services.notifications.rules.service import announce_some, decide_news, plan_reminders
from services.notifications.sending.service import store_outcomes
from services.notifications.sending.store import leave_unknown
from shared.db.readiness import CheckedClock
from shared.runtime.clock import Clock

CHUNK = 200
"""Mails of one transaction."""

IN_DOUBT = "restored from a backup: handed over or not is unknown, and it was not sent again"
LEADS_NOWHERE = "restored from a backup: what its link was about is lost"
NEEDLESS = "restored from a backup: nothing waits for this confirmation any more"
LATER = timedelta(minutes=10)
"""News of events are gathered for a few minutes; here they are decided on at once."""

_LOGGED = re.compile(r"message-id=(<[^<>\s]+@[^<>\s]+>)", re.IGNORECASE)
_ALONE = re.compile(r"^\s*(<[^<>\s]+@[^<>\s]+>)\s*$")

_CONTACTS = "SELECT mail_id::text, sent_at FROM mail_contact"
_LOG = "SELECT mail_id::text, occurred_at FROM mail_log WHERE outcome = 'sent'"
_LINKS = """
    SELECT l.id::text, max(c.mailed_at) FROM confirmation_link l JOIN candidate c ON c.address_ref = l.address_ref
    WHERE c.mailed_at IS NOT NULL AND c.received_at <= l.minted_at + interval '2 seconds' GROUP BY l.id
"""
_USED_LINKS = """
    SELECT l.id::text, max(r.verified_at) FROM confirmation_link l JOIN registration r ON r.person_ref = l.address_ref
    WHERE r.verified_at >= l.minted_at GROUP BY l.id
"""
"""Of people who have confirmed since: only the mail holds the link."""

_WAITING = """
    SELECT l.id::text FROM confirmation_link l
    WHERE EXISTS (SELECT FROM candidate c WHERE c.address_ref = l.address_ref)
        OR EXISTS (SELECT FROM address_change a WHERE a.address_ref = l.address_ref)
"""
_KNOWN_LINKS = "SELECT id::text FROM confirmation_link"
_UNSENT_LINKS = """
    SELECT m.subject::text, m.id::text FROM mail m JOIN recipient r ON r.subject = m.subject
    WHERE m.kind = 'verification' AND m.state IN ('queued', 'deferred', 'claimed', 'unknown')
        AND r.about = 'confirmation' AND r.closed IS NOT NULL
"""
_SENT_HERE = "SELECT id::text FROM mail WHERE state IN ('sent', 'bounced', 'failed', 'suppressed')"
_PENDING = """
    SELECT id::text, kind, subject::text, message_id,
        CASE WHEN created_at >= :since THEN lane <> 'reminder' OR due_at <= :since ELSE due_at <= :since END
    FROM mail WHERE recipient IS NOT NULL
        AND (state IN ('queued', 'deferred', 'claimed') OR (state = 'unknown' AND due_at IS NOT NULL))
"""
"""A mail made during the quarantine is about an earlier change, since no change is accepted in quarantine. So it may
have been sent already, except reminders that are not due yet."""

_CLAIM = text("""
    WITH claimed AS (
        UPDATE mail m SET state = 'claimed', phase = 'data', fence = fence + 1, lease_until = :until, reason = NULL,
            due_at = coalesce(due_at, :now),
            event_revision = (SELECT e.revision FROM event_copy e WHERE e.id = m.event)
        WHERE id = ANY(CAST(:ids AS uuid[])) AND recipient IS NOT NULL
            AND (state IN ('queued', 'deferred', 'claimed') OR (state = 'unknown' AND due_at IS NOT NULL))
        RETURNING m.*),
    closed AS (
        UPDATE mail_attempt a SET ended_at = :now, outcome = 'released' FROM claimed
        WHERE a.mail_id = claimed.id AND a.ended_at IS NULL AND a.number < claimed.fence),
    opened AS (
        INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at)
        SELECT id, fence, message_id, 'data', :now FROM claimed)
    SELECT id::text, kind, subject::text, revision, event, message_id, fence, attempts, unknowns, lease_until, cause_at,
        coalesce(requeued_at, created_at), correlation_id, traceparent FROM claimed
""")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of mails that are to be recorded.

    Attributes:
        sent: when each was sent, by id.
        unknown: ids of those that may have been sent.
        needless: ids of those with a confirmation link that nothing waits for any more.
        lost: ids of those with a link whose submissions are lost.
    """

    sent: Mapping[str, datetime] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    needless: Sequence[str] = ()
    lost: Sequence[str] = ()


def read_sent(lines: Iterable[str]) -> frozenset[str]:
    """Message-IDs in a mail relay's log (Postfix: ``message-id=<…>``), or in a list with one on each line."""
    found = set()
    for line in lines:
        found.update(_LOGGED.findall(line))
        if alone := _ALONE.match(line):
            found.add(alone[1])
    return frozenset(found)


def sent_elsewhere(databases: ComparedDatabases) -> dict[str, datetime]:
    """When mails were sent, by id, as recorded by events and registration."""
    known = databases.rows(EVENTS, _CONTACTS) + databases.rows(REGISTRATION, _LOG)
    return dict(known)


def unknown_to_notifications(databases: ComparedDatabases) -> frozenset[str]:
    """Ids of mails that other services record as sent and notifications does not: its backup is older."""
    here = {row[0] for row in databases.rows(NOTIFICATIONS, _SENT_HERE)}
    return frozenset(sent_elsewhere(databases).keys() - here)


def lost_links(databases: ComparedDatabases) -> dict[str, str]:
    """The mails that wait with a confirmation link that registration does not know, by link.

    What waited behind the link is lost. Its people were told that a mail follows, and only that mail has their address.
    """
    known = {row[0] for row in databases.rows(REGISTRATION, _KNOWN_LINKS)}
    return {link: mail for link, mail in databases.rows(NOTIFICATIONS, _UNSENT_LINKS) if link not in known}


def find_outcomes(databases: ComparedDatabases, since: datetime, sent: frozenset[str] | None) -> Outcomes:
    """The outcome of each mail that waits in a restored database of notifications.

    Args:
        databases: the databases to read.
        since: when the quarantine began: a mail that was due later cannot have been sent.
        sent: Message-IDs that the mail relay has accepted, complete since the backup; None if there is no list.
    """
    known = sent_elsewhere(databases)
    links = dict(databases.rows(REGISTRATION, _USED_LINKS) + databases.rows(REGISTRATION, _LINKS))
    gone: dict[str, datetime] = {}
    unknown: list[str] = []
    needless: list[str] = []
    waiting = {row[0] for row in databases.rows(REGISTRATION, _WAITING)}
    for identity, kind, subject, message_id, in_doubt in databases.rows(NOTIFICATIONS, _PENDING, since=since):
        if at := known.get(identity):
            gone[identity] = at
        elif kind == "verification" and subject in links:
            gone[identity] = links[subject]
        elif sent is not None and message_id in sent:
            gone[identity] = since
        elif in_doubt and kind == "verification" and subject not in waiting:
            needless.append(identity)
        elif in_doubt and sent is None:
            unknown.append(identity)
    return Outcomes(gone, tuple(unknown), tuple(needless))


def make_mails(databases: ComparedDatabases, clock: Clock, mail_domain: str) -> None:
    """Make the mails that the scheduler would make next, so that they get an outcome too."""
    work = databases.work(NOTIFICATIONS)
    checked = CheckedClock(clock, work, NOTIFICATIONS, database_time=lambda _connection: clock())
    while send_due(work, checked) or decide_news(work, lambda: clock() + LATER):
        pass
    while announce_some(work, checked, mail_domain) is not None:
        pass
    plan_reminders(work, clock(), mail_domain)


def mark(databases: ComparedDatabases, outcomes: Outcomes, now: datetime) -> int:
    """Record outcomes; repeating it changes nothing. Returns the number of mails."""
    done = 0
    for ids in _chunks([*outcomes.sent]):
        done += _mark(
            databases, ids, now, lambda mail: HandoverOutcome(mail, "sent", outcomes.sent[mail.id], tried=True)
        )
    for unsent, reason in ((outcomes.unknown, IN_DOUBT), (outcomes.needless, NEEDLESS), (outcomes.lost, LEADS_NOWHERE)):
        for ids in _chunks(unsent):
            done += _mark(
                databases, ids, now, partial(HandoverOutcome, result="unknown", at=now, reason=reason, tried=True)
            )
    return done


def _mark(databases: ComparedDatabases, ids: Sequence[str], now: datetime, outcome: Any) -> int:
    with databases.work(NOTIFICATIONS).transaction() as connection:
        rows = connection.execute(_CLAIM, {"ids": list(ids), "now": now, "until": now + LATER})
        found = [outcome(ClaimedMail(*row)) for row in rows]
        store_outcomes(connection, found)
        _leave(connection, [outcome for outcome in found if outcome.result == "unknown"], now)
    return len(found)


def _leave(connection: Connection, found: Sequence[HandoverOutcome], now: datetime) -> None:
    """They are in the operators' list of people who were not notified, and are sent again only by an operator.

    Those about a confirmation link are in no list: the address goes with the mail.
    """
    for outcome in found:
        leave_unknown(connection, outcome.mail.id, outcome.reason or IN_DOUBT, now)
    once = [outcome.mail.subject for outcome in found if KINDS[outcome.mail.kind].about in MAILED_ONCE]
    delete_mailed(connection, once)


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
