"""SQL on webhooks and their deliveries. Secrets are stored encrypted only.

A delivery is queued in the transaction of its cause, claimed under a lease, and its outcome is stored once. As with
mails, a lease ends by a checked time only: a deliverer with a wrong clock takes no delivery of another one.
"""

# ruff: noqa: S608 - a constant list of columns

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.notifications.webhooks.model import DeliveryOutcome

_COLUMNS = "w.id::text, w.partner, w.url, w.created_at, w.created_by, w.off_at, w.off_reason, w.failing_since"
_ADD = text("""
    INSERT INTO webhook (id, partner, url, secret, created_at, created_by)
    VALUES (CAST(:id AS uuid), :partner, :url, :secret, :now, :who)
""")
_LIST = text(f"SELECT {_COLUMNS} FROM webhook w ORDER BY w.partner, w.id")
_LOCK = text(f"SELECT {_COLUMNS} FROM webhook w WHERE w.id = CAST(:id AS uuid) FOR UPDATE")
_READ = text(f"SELECT {_COLUMNS} FROM webhook w WHERE w.id = CAST(:id AS uuid)")
_COUNT = text("SELECT count(*) FROM webhook WHERE partner = :partner")
_ROTATE = text("""
    UPDATE webhook SET secret_before = secret, before_until = :until, secret = :secret WHERE id = CAST(:id AS uuid)
""")
_SWITCH_ON = text("""
    UPDATE webhook SET off_at = NULL, off_reason = NULL, failing_since = NULL WHERE id = CAST(:id AS uuid)
""")
_SWITCH_OFF = text("""
    UPDATE webhook SET off_at = :now, off_reason = :reason WHERE id = CAST(:id AS uuid) AND off_at IS NULL
""")
_UPDATE_HEALTH = text("""
    UPDATE webhook SET failing_since = CASE WHEN :well THEN NULL ELSE coalesce(failing_since, :now) END
    WHERE id = CAST(:id AS uuid) AND (failing_since IS NULL) <> :well
""")
_DELETE = text("DELETE FROM webhook WHERE id = CAST(:id AS uuid)")
_CANCEL = text("""
    UPDATE webhook_delivery SET state = 'cancelled', due_at = NULL, lease_until = NULL, ended_at = :now,
        reason = 'switched off'
    WHERE webhook_id = CAST(:id AS uuid) AND state IN ('queued', 'claimed')
""")
_OFF = text("SELECT count(*) FROM webhook WHERE off_reason IN ('gone', 'failing')")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook.

    Attributes:
        partner: slug of the partner whose registrations are reported.
        off_at: the time since which it is switched off; None if it is on.
        off_reason: ``gone``, ``failing`` or ``by hand``.
        failing_since: the time since which every call has failed; None if the last one succeeded.
    """

    id: str
    partner: str
    url: str
    created_at: datetime
    created_by: str
    off_at: datetime | None
    off_reason: str | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A new webhook; ``secret`` is encrypted and bound to the id."""

    id: str
    partner: str
    url: str
    secret: bytes
    who: str


def add_webhook(connection: Connection, new: NewWebhook, now: datetime) -> None:
    """Store a webhook."""
    values = {"id": new.id, "partner": new.partner, "url": new.url, "secret": new.secret, "who": new.who}
    connection.execute(_ADD, {**values, "now": now})


def list_webhooks(connection: Connection) -> Sequence[Webhook]:
    """Return all webhooks, by partner."""
    return [Webhook(*row) for row in connection.execute(_LIST)]


def find_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """Return a webhook, if there is one with this id."""
    return _one(connection, _READ, webhook_id)


def lock_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """Lock and return a webhook, if there is one with this id."""
    return _one(connection, _LOCK, webhook_id)


def count_webhooks(connection: Connection, partner: str) -> int:
    """Return the number of webhooks of a partner."""
    return int(connection.execute(_COUNT, {"partner": partner}).scalar_one())


def rotate_secret(connection: Connection, webhook_id: str, secret: bytes, until: datetime) -> None:
    """Store a new secret; the previous one signs as well until ``until``."""
    connection.execute(_ROTATE, {"id": webhook_id, "secret": secret, "until": until})


def switch_on(connection: Connection, webhook_id: str) -> None:
    """Switch a webhook on, as if it had never failed."""
    connection.execute(_SWITCH_ON, {"id": webhook_id})


def switch_off(connection: Connection, webhook_id: str, reason: str, now: datetime) -> bool:
    """Switch a webhook off and cancel its deliveries; returns False if it is off already."""
    if not connection.execute(_SWITCH_OFF, {"id": webhook_id, "reason": reason, "now": now}).rowcount:
        return False
    connection.execute(_CANCEL, {"id": webhook_id, "now": now})
    return True


def update_health(connection: Connection, webhook_id: str, well: bool, now: datetime) -> None:
    """Store whether the last call succeeded."""
    connection.execute(_UPDATE_HEALTH, {"id": webhook_id, "well": well, "now": now})


def delete_webhook(connection: Connection, webhook_id: str) -> None:
    """Delete a webhook with its secrets and deliveries."""
    connection.execute(_DELETE, {"id": webhook_id})


def count_dead(connection: Connection) -> int:
    """Return the number of webhooks that were switched off because they failed."""
    return int(connection.execute(_OFF).scalar_one())


def _one(connection: Connection, statement: Any, webhook_id: str) -> Webhook | None:
    row = connection.execute(statement, {"id": webhook_id}).fetchone()
    return Webhook(*row) if row else None


_QUEUE = text("""
    INSERT INTO webhook_delivery (id, webhook_id, type, registration_id, revision, form, status, occurred_at, state,
        due_at, created_at, traceparent)
    SELECT gen_random_uuid(), w.id, t.type, t.registration_id, t.revision, t.form, t.status, t.occurred_at, 'queued',
        :now, :now, t.traceparent
    FROM unnest(CAST(:types AS text[]), CAST(:partners AS text[]), CAST(:registrations AS uuid[]),
        CAST(:revisions AS integer[]), CAST(:forms AS text[]), CAST(:statuses AS text[]),
        CAST(:occurred AS timestamptz[]), CAST(:traces AS text[]))
        AS t (type, partner, registration_id, revision, form, status, occurred_at, traceparent)
    JOIN webhook w ON w.partner = t.partner AND w.off_at IS NULL
    ON CONFLICT (webhook_id, registration_id, revision) DO NOTHING
""")
_CLAIM = text("""
    WITH free AS (
        SELECT w.id FROM webhook w
        WHERE w.off_at IS NULL
            AND NOT EXISTS (SELECT FROM webhook_delivery c
                WHERE c.webhook_id = w.id AND c.state = 'claimed')
            AND EXISTS (SELECT FROM webhook_delivery d
                WHERE d.webhook_id = w.id AND d.state = 'queued' AND d.due_at <= :now)
        ORDER BY random() LIMIT :most FOR UPDATE SKIP LOCKED),
    due AS (
        SELECT d.id FROM free CROSS JOIN LATERAL (
            SELECT id FROM webhook_delivery
            WHERE webhook_id = free.id AND state = 'queued' AND due_at <= :now
            ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS d)
    UPDATE webhook_delivery d SET state = 'claimed', fence = fence + 1, attempts = attempts + 1,
        lease_until = :lease_until
    FROM due, webhook w WHERE d.id = due.id AND w.id = d.webhook_id
    RETURNING d.id::text, d.webhook_id::text, d.type, d.registration_id::text, d.form, d.status, d.occurred_at,
        d.attempts, d.fence, w.url, w.secret, CASE WHEN w.before_until > :now THEN w.secret_before END,
        w.failing_since, d.traceparent
""")
_STORE_DELIVERY = text("""
    UPDATE webhook_delivery SET state = :state, due_at = CAST(:due_at AS timestamptz), lease_until = NULL,
        answer = :answer, reason = :reason,
        ended_at = CASE WHEN CAST(:due_at AS timestamptz) IS NULL THEN CAST(:now AS timestamptz) END
    WHERE id = CAST(:id AS uuid) AND fence = :fence AND state = 'claimed'
""")
_REQUEUE_EXPIRED = text("""
    UPDATE webhook_delivery SET state = 'queued', lease_until = NULL WHERE id IN (
        SELECT id FROM webhook_delivery WHERE state = 'claimed' AND (lease_until <= :now OR lease_until > :latest)
        LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_MAKE_DUE = text("""
    UPDATE webhook_delivery SET due_at = :now WHERE id IN (
        SELECT id FROM webhook_delivery WHERE state = 'queued' AND due_at > :latest LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_LIST_DELIVERIES = text("""
    SELECT id::text, type, registration_id::text, form, status, occurred_at, state, attempts, answer, reason, due_at,
        ended_at, created_at
    FROM webhook_delivery WHERE webhook_id = CAST(:webhook AS uuid)
        AND (CAST(:before AS timestamptz) IS NULL OR (created_at, id) < (:before, CAST(:id AS uuid)))
    ORDER BY created_at DESC, webhook_delivery.id DESC LIMIT :most
""")
_OLDEST = text("SELECT min(due_at) FROM webhook_delivery WHERE state IN ('queued', 'claimed') AND due_at <= :now")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event for partners: a registration at one revision, without personal data."""

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
    """A delivery that a deliverer has claimed under ``fence``; ``secret`` and ``secret_before`` are encrypted."""

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
class DeliveryRow:
    """A delivery as coordinators see it."""

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


def queue_deliveries(connection: Connection, events: Sequence[WebhookEvent], now: datetime) -> None:
    """Queue a delivery of each event to each webhook of its partner, once. Webhooks that are off get none."""
    columns = {
        "types": [event.type for event in events],
        "partners": [event.partner for event in events],
        "registrations": [event.registration_id for event in events],
        "revisions": [event.revision for event in events],
        "forms": [event.form for event in events],
        "statuses": [event.status for event in events],
        "occurred": [event.occurred_at for event in events],
        "traces": [event.traceparent for event in events],
    }
    connection.execute(_QUEUE, {**columns, "now": now})


def claim_deliveries(
    connection: Connection, limit: int, now: datetime, lease_until: datetime
) -> Sequence[ClaimedDelivery]:
    """Claim up to ``limit`` due deliveries, each of another webhook, none of a webhook that is being called."""
    rows = connection.execute(_CLAIM, {"most": limit, "now": now, "lease_until": lease_until})
    return [ClaimedDelivery(*row) for row in rows]


MAX_ROWS = 100
"""Rows of one clean-up, so that no transaction is long."""


def requeue_expired(connection: Connection, now: datetime, latest: datetime) -> int:
    """Requeue deliveries whose lease has expired; returns their number.

    Args:
        connection: the connection of the caller's transaction.
        now: a checked time.
        latest: a lease that ends later was set by a wrong clock.
    """
    return connection.execute(_REQUEUE_EXPIRED, {"now": now, "latest": latest, "most": MAX_ROWS}).rowcount


def make_due(connection: Connection, now: datetime, latest: datetime) -> int:
    """Make deliveries due now that a wrong clock has delayed beyond any backoff; returns their number.

    Args:
        connection: the connection of the caller's transaction.
        now: a checked time.
        latest: no delivery waits longer.
    """
    return connection.execute(_MAKE_DUE, {"now": now, "latest": latest, "most": MAX_ROWS}).rowcount


def store_delivery(
    connection: Connection, claimed: ClaimedDelivery, outcome: DeliveryOutcome, answer: int | None, now: datetime
) -> bool:
    """Store the outcome of a call; returns False if another deliverer has the delivery, or it was cancelled."""
    row = {
        "id": claimed.id,
        "fence": claimed.fence,
        "state": outcome.state,
        "due_at": outcome.due_at,
        "answer": answer,
        "reason": outcome.reason,
        "now": now,
    }
    return connection.execute(_STORE_DELIVERY, row).rowcount == 1


def list_deliveries(
    connection: Connection, webhook_id: str, before: tuple[datetime, str] | None, limit: int
) -> Sequence[DeliveryRow]:
    """Return the deliveries of a webhook, newest first; ``before`` is the last one of the previous page."""
    last_at, last = before or (None, None)
    rows = connection.execute(_LIST_DELIVERIES, {"webhook": webhook_id, "before": last_at, "id": last, "most": limit})
    return [DeliveryRow(*row) for row in rows]


def oldest_due_delivery(connection: Connection, now: datetime) -> datetime | None:
    """Return since when the oldest due delivery waits; None if none is due."""
    found: datetime | None = connection.execute(_OLDEST, {"now": now}).scalar()
    return found
