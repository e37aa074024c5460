"""Tables of access: holders, invitations by the hash of their token, and what a change of them publishes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.access.model import Grant, Granted

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('access', 0))")
_LIST = text("""
    SELECT h.id::text, h.name, h.roles, h.forms, h.partner, h.until, h.revision, cardinality(h.key_hashes),
        (SELECT count(*) FROM passkey p WHERE p.holder_id = h.id),
        (SELECT max(i.expires_at) FROM invitation i WHERE i.holder_id = h.id AND i.used_at IS NULL
            AND i.withdrawn_at IS NULL),
        (SELECT i.invited_by FROM invitation i WHERE i.holder_id = h.id ORDER BY i.created_at DESC LIMIT 1)
    FROM access_holder h
    WHERE NOT h.revoked AND (CAST(:id AS uuid) IS NULL OR h.id = CAST(:id AS uuid))
    ORDER BY lower(h.name), h.id
""")
_ADD = text("""
    INSERT INTO access_holder (id, name, roles, forms, partner, until, key_hashes, revoked, revision, changed_at)
    VALUES (CAST(:id AS uuid), :name, :roles, :forms, :partner, :until, '{}', false, 1, :now)
    ON CONFLICT DO NOTHING
""")
_CHANGE = text("""
    UPDATE access_holder SET roles = :roles, forms = :forms, partner = :partner, until = :until,
        revision = revision + 1, changed_at = :now
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_KEYS = text("""
    UPDATE access_holder SET key_hashes = :key_hashes, revision = revision + 1, changed_at = :now
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_REVOKE = text("""
    UPDATE access_holder SET revoked = true, key_hashes = '{}', revision = revision + 1, changed_at = :now
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_PUBLIC = text("""
    SELECT id::text AS holder_id, revision, name, roles, forms, partner, until, key_hashes, revoked,
        changed_at AS occurred_at FROM access_holder WHERE id = CAST(:id AS uuid)
""")
_INVITE = text("""
    INSERT INTO invitation (id, token_hash, holder_id, purpose, invited_by, created_at, expires_at)
    VALUES (CAST(:id AS uuid), :token_hash, CAST(:holder_id AS uuid), :purpose, :by, :now, :expires_at)
""")
_WITHDRAW = text("""
    UPDATE invitation SET withdrawn_at = :now
    WHERE holder_id = CAST(:holder_id AS uuid) AND used_at IS NULL AND withdrawn_at IS NULL
""")
_INVITATION = text("""
    SELECT i.id::text, i.holder_id::text, i.purpose, i.invited_by, i.expires_at, i.used_at, i.withdrawn_at, h.revoked
    FROM invitation i JOIN access_holder h ON h.id = i.holder_id WHERE i.token_hash = :token_hash
""")
_NEW = text("""
    SELECT EXISTS (SELECT FROM invitation i JOIN access_holder h ON h.id = i.holder_id
        WHERE h.name = ANY(:names) AND NOT h.revoked AND i.used_at > :since)
""")
_USE = text("""
    UPDATE invitation SET used_at = :now
    WHERE token_hash = :token_hash AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > :now
    RETURNING holder_id::text
""")


def lock_access(connection: Connection) -> None:
    """Let one change of access wait for another: rules about several holders stay exact."""
    connection.execute(_LOCK)


def list_access(connection: Connection, holder_id: str | None = None) -> list[Granted]:
    """Everybody whose access is not revoked, by name; only ``holder_id`` (a UUID) if it is given."""
    return [_granted(row) for row in connection.execute(_LIST, {"id": holder_id})]


def _granted(row: Any) -> Granted:
    identity, name, roles, forms, partner, until, revision, *counted = row
    grant = Grant(frozenset(roles), None if forms is None else frozenset(forms), partner, until)
    return Granted(identity, name, grant, revision, *counted)


def add_holder(connection: Connection, holder_id: str, name: str, grant: Grant, now: datetime) -> bool:
    """Store a new holder; False if somebody has the name already."""
    values = {"id": holder_id, "name": name, "now": now, **_columns(grant)}
    return connection.execute(_ADD, values).rowcount == 1


def change_grant(connection: Connection, holder_id: str, grant: Grant, now: datetime) -> None:
    """Store what a holder may do from now on."""
    connection.execute(_CHANGE, {"id": holder_id, "now": now, **_columns(grant)})


def set_keys(connection: Connection, holder_id: str, key_hashes: list[str], now: datetime) -> None:
    """Store the hashes of all keys of a holder; an empty list ends them."""
    connection.execute(_KEYS, {"id": holder_id, "key_hashes": key_hashes, "now": now})


def revoke(connection: Connection, holder_id: str, now: datetime) -> None:
    """End an access for good."""
    connection.execute(_REVOKE, {"id": holder_id, "now": now})


def public_state(connection: Connection, holder_id: str) -> Mapping[str, Any]:
    """What the other services keep of a holder."""
    return dict(connection.execute(_PUBLIC, {"id": holder_id}).mappings().one())


def add_invitation(connection: Connection, values: Mapping[str, Any]) -> None:
    """Store an invitation: ``id``, ``token_hash``, ``holder_id``, ``purpose``, ``by``, ``now``, ``expires_at``."""
    connection.execute(_INVITE, dict(values))


def withdraw_invitations(connection: Connection, holder_id: str, now: datetime) -> int:
    """End every unused invitation of a holder; returns how many there were."""
    return connection.execute(_WITHDRAW, {"holder_id": holder_id, "now": now}).rowcount


def find_invitation(connection: Connection, token_hash: bytes) -> Any | None:
    """The invitation with this token, whatever became of it."""
    return connection.execute(_INVITATION, {"token_hash": token_hash}).one_or_none()


def has_used_link(connection: Connection, names: Collection[str], since: datetime) -> bool:
    """Whether somebody of these names has used an invitation, or a new link, since then."""
    return bool(connection.execute(_NEW, {"names": list(names), "since": since}).scalar())


def use_invitation(connection: Connection, token_hash: bytes, now: datetime) -> str | None:
    """Use the invitation up; returns its holder, or None if it cannot be used (any more)."""
    found: str | None = connection.execute(_USE, {"token_hash": token_hash, "now": now}).scalar()
    return found


def _columns(grant: Grant) -> dict[str, Any]:
    forms = None if grant.forms is None else sorted(grant.forms)
    return {"roles": sorted(grant.roles), "forms": forms, "partner": grant.partner, "until": grant.until}
