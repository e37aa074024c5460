"""What partners are to be told and what came of it: queued with the cause, claimed under a lease, settled once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_QUEUE = text("""
    INSERT INTO webhook_delivery (id, webhook_id, type, registration_id, revision, form, status, occurred_at, state,
        due_at, created_at, traceparent)
    SELECT gen_random_uuid(), w.id, t.type, t.registration_id, t.revision, t.form, t.status, t.occurred_at, 'queued',
        :now, :now, t.traceparent
    FROM unnest(CAST(:types AS text[]), CAST(:partners AS text[]), CAST(:registrations AS uuid[]),
        CAST(:revisions AS integer[]), CAST(:forms AS text[]), CAST(:statuses AS text[]),
        CAST(:moments AS timestamptz[]), CAST(:traces AS text[]))
        AS t (type, partner, registration_id, revision, form, status, occurred_at, traceparent)
    JOIN webhook w ON w.partner = t.partner AND w.off_at IS NULL
    ON CONFLICT (webhook_id, registration_id, revision) DO NOTHING
""")
_CLAIM = text("""
    WITH free AS (
        SELECT w.id FROM webhook w
        WHERE w.off_at IS NULL
            AND NOT EXISTS (SELECT FROM webhook_delivery c
                WHERE c.webhook_id = w.id AND c.state = 'claimed' AND c.lease_until > :now)
            AND EXISTS (SELECT FROM webhook_delivery d
                WHERE d.webhook_id = w.id AND d.state IN ('queued', 'claimed') AND d.due_at <= :now)
        ORDER BY random() LIMIT :most FOR UPDATE SKIP LOCKED),
    due AS (
        SELECT d.id FROM free CROSS JOIN LATERAL (
            SELECT id FROM webhook_delivery
            WHERE webhook_id = free.id AND state IN ('queued', 'claimed') AND due_at <= :now
            ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS d)
    UPDATE webhook_delivery d SET state = 'claimed', fence = fence + 1, attempts = attempts + 1,
        lease_until = :lease_until
    FROM due, webhook w WHERE d.id = due.id AND w.id = d.webhook_id
    RETURNING d.id::text, d.webhook_id::text, d.type, d.registration_id::text, d.form, d.status, d.occurred_at,
        d.attempts, d.fence, w.url, w.secret, CASE WHEN w.before_until > :now THEN w.secret_before END,
        w.failing_since, d.traceparent
""")
_SETTLE = text("""
    UPDATE webhook_delivery SET state = :state, due_at = CAST(:due_at AS timestamptz), lease_until = NULL,
        answer = :answer, reason = :reason,
        ended_at = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN CAST(:now AS timestamptz) END
    WHERE id = CAST(:id AS uuid) AND fence = :fence AND state = 'claimed'
""")
_LIST = text("""
    SELECT id::text, type, registration_id::text, form, status, occurred_at, state, attempts, answer, reason, due_at,
        ended_at, created_at
    FROM webhook_delivery WHERE webhook_id = CAST(:webhook AS uuid)
        AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, CAST(:id AS uuid)))
    ORDER BY created_at DESC, webhook_delivery.id DESC LIMIT :most
""")
_OLDEST = text("SELECT min(due_at) FROM webhook_delivery WHERE state IN ('queued', 'claimed') AND due_at <= :now")


@dataclass(frozen=True, slots=True)
class Happening:
    """What a partner is told: of which registration, at which of its revisions. Nothing of this is about a person."""

    type: str
    partner: str
    registration_id: str
    revision: int
    form: str
    status: str
    occurred_at: datetime
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One in a deliverer's hands, under ``fence``; ``secret`` and ``secret_before`` are closed."""

    id: str
    webhook_id: str
    type: str
    registration_id: str
    form: str
    status: str
    occurred_at: datetime
    attempts: int
    fence: int
    url: str
    secret: bytes
    secret_before: bytes | None
    failing_since: datetime | None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """What came of one, for whoever looks."""

    id: str
    type: str
    registration_id: str
    form: str
    status: str
    occurred_at: datetime
    state: str
    attempts: int
    answer: int | None
    reason: str
    due_at: datetime | None
    ended_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed delivery: its ``state``, when it is ``due_at`` again, the ``answer`` and ``reason``."""

    state: str
    due_at: datetime | None
    answer: int | None
    reason: str


def queue(connection: Connection, happenings: Sequence[Happening], now: datetime) -> None:
    """Tell each partner's addresses of what happened, once; an address that is called no more is not told."""
    columns = {
        "types": [one.type for one in happenings],
        "partners": [one.partner for one in happenings],
        "registrations": [one.registration_id for one in happenings],
        "revisions": [one.revision for one in happenings],
        "forms": [one.form for one in happenings],
        "statuses": [one.status for one in happenings],
        "moments": [one.occurred_at for one in happenings],
        "traces": [one.traceparent for one in happenings],
    }
    connection.execute(_QUEUE, {**columns, "now": now})


def claim(connection: Connection, most: int, now: datetime, lease_until: datetime) -> Sequence[ClaimedDelivery]:
    """Up to ``most`` due deliveries, each of another address, none of one that somebody is calling already."""
    rows = connection.execute(_CLAIM, {"most": most, "now": now, "lease_until": lease_until})
    return [ClaimedDelivery(*row) for row in rows]


def settle(connection: Connection, claimed: ClaimedDelivery, settlement: Settlement, now: datetime) -> bool:
    """Store what came of a call; returns False if the delivery is in somebody else's hands, or called off, by now."""
    values = {"id": claimed.id, "fence": claimed.fence, "state": settlement.state, "due_at": settlement.due_at}
    more = {"answer": settlement.answer, "reason": settlement.reason, "now": now}
    return connection.execute(_SETTLE, values | more).rowcount == 1


def list_deliveries(
    connection: Connection, webhook_id: str, before: tuple[datetime, str] | None, most: int
) -> Sequence[DeliveryLine]:
    """What an address was told, newest first; ``before`` names the last of the page before."""
    moment, last = before or (None, None)
    rows = connection.execute(_LIST, {"webhook": webhook_id, "before": moment, "id": last, "most": most})
    return [DeliveryLine(*row) for row in rows]


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when the oldest of those that are due has waited."""
    found: datetime | None = connection.execute(_OLDEST, {"now": now}).scalar()
    return found
