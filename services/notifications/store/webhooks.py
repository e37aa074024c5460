"""Addresses that partners want to be called at, with their secrets, which stand here closed only."""

# ruff: noqa: S608 - a constant list of columns

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

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
_TURN_ON = text("""
    UPDATE webhook SET off_at = NULL, off_reason = NULL, failing_since = NULL WHERE id = CAST(:id AS uuid)
""")
_TURN_OFF = text("""
    UPDATE webhook SET off_at = :now, off_reason = :reason WHERE id = CAST(:id AS uuid) AND off_at IS NULL
""")
_NOTE_HEALTH = text("""
    UPDATE webhook SET failing_since = CASE WHEN :well THEN NULL ELSE coalesce(failing_since, :now) END
    WHERE id = CAST(:id AS uuid) AND (failing_since IS NULL) <> :well
""")
_DELETE = text("DELETE FROM webhook WHERE id = CAST(:id AS uuid)")
_CALL_OFF = text("""
    UPDATE webhook_delivery SET state = 'called_off', due_at = NULL, lease_until = NULL, ended_at = :now,
        reason = 'switched off'
    WHERE webhook_id = CAST(:id AS uuid) AND state IN ('queued', 'claimed')
""")
_OFF = text("SELECT count(*) FROM webhook WHERE off_reason IN ('gone', 'failing')")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address.

    Attributes:
        partner: slug: registrations that came through it are told.
        off_at: since when it is called no more; None if it is.
        off_reason: ``gone``, ``failing`` or ``by hand``.
        failing_since: since when every call has failed; None if the last one did not.
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
    """One to be stored; ``secret`` is closed, bound to the id."""

    id: str
    partner: str
    url: str
    secret: bytes
    who: str


def add_webhook(connection: Connection, new: NewWebhook, now: datetime) -> None:
    """Store an address."""
    values = {"id": new.id, "partner": new.partner, "url": new.url, "secret": new.secret, "who": new.who}
    connection.execute(_ADD, {**values, "now": now})


def list_webhooks(connection: Connection) -> Sequence[Webhook]:
    """All of them, by partner."""
    return [Webhook(*row) for row in connection.execute(_LIST)]


def find_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """One of them."""
    return _one(connection, _READ, webhook_id)


def lock_webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """One of them, with everybody else kept from changing it until the transaction ends."""
    return _one(connection, _LOCK, webhook_id)


def count_of(connection: Connection, partner: str) -> int:
    """How many a partner has."""
    return int(connection.execute(_COUNT, {"partner": partner}).scalar_one())


def rotate(connection: Connection, webhook_id: str, secret: bytes, until: datetime) -> None:
    """Sign with another secret, and with the one before as well until ``until``."""
    connection.execute(_ROTATE, {"id": webhook_id, "secret": secret, "until": until})


def turn_on(connection: Connection, webhook_id: str) -> None:
    """Call it again, as if it had never failed."""
    connection.execute(_TURN_ON, {"id": webhook_id})


def turn_off(connection: Connection, webhook_id: str, reason: str, now: datetime) -> bool:
    """Call it no more, nor for what waits; returns False if so already."""
    if not connection.execute(_TURN_OFF, {"id": webhook_id, "reason": reason, "now": now}).rowcount:
        return False
    connection.execute(_CALL_OFF, {"id": webhook_id, "now": now})
    return True


def note_health(connection: Connection, webhook_id: str, well: bool, now: datetime) -> None:
    """The last call went well, or it did not."""
    connection.execute(_NOTE_HEALTH, {"id": webhook_id, "well": well, "now": now})


def delete_webhook(connection: Connection, webhook_id: str) -> None:
    """Forget it, its secrets, and all that it was told or was to be."""
    connection.execute(_DELETE, {"id": webhook_id})


def count_dead(connection: Connection) -> int:
    """How many are called no more because they did not work."""
    return int(connection.execute(_OFF).scalar_one())


def _one(connection: Connection, statement: Any, webhook_id: str) -> Webhook | None:
    row = connection.execute(statement, {"id": webhook_id}).fetchone()
    return Webhook(*row) if row else None
