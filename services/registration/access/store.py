"""Tables of access: holders, invitations by the hash of their token, passkeys, and the messages about changes.

Also the entries of the audit log that the other services publish.
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.access.model import Grant, Granted
from services.registration.forms.messages import make_message
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import rfc3339
from shared.runtime.logs import correlation_id, traceparent
from shared.security.sealing import seal_to

MAX_PASSKEYS = 10

_ADD_PASSKEY = text("""
    INSERT INTO passkey (credential_id, holder_id, name, public_key, sign_count, created_at)
    VALUES (:credential_id, CAST(:holder_id AS uuid), :name, :public_key, :sign_count, :now)
    ON CONFLICT DO NOTHING
""")
_FIND = text("""
    SELECT credential_id, holder_id::text, public_key, sign_count FROM passkey
    WHERE credential_id = :credential_id FOR UPDATE
""")
_USED = text("UPDATE passkey SET sign_count = :count, last_used_at = :now WHERE credential_id = :credential_id")
_LIST_PASSKEYS = text("""
    SELECT encode(credential_id, 'hex'), name, created_at, last_used_at FROM passkey
    WHERE holder_id = CAST(:holder_id AS uuid) ORDER BY created_at, credential_id
""")
_REMOVE = text("""
    DELETE FROM passkey WHERE holder_id = CAST(:holder_id AS uuid)
        AND (CAST(:credential_id AS bytea) IS NULL OR credential_id = :credential_id)
""")
_USE_CHALLENGE = text("""
    INSERT INTO used_passkey_challenge (challenge, used_at) VALUES (:challenge, :now) ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A new passkey, as a browser made it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """A stored passkey, with the id of its holder (a UUID)."""

    credential_id: bytes
    holder_id: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class ListedPasskey:
    """A passkey as its owner sees it; ``id`` is its credential id, hexadecimal."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def add_passkey(connection: Connection, holder_id: str, name: str, passkey: NewPasskey, now: datetime) -> bool:
    """Store a passkey; False if it is stored already."""
    values = {"holder_id": holder_id, "name": name, "now": now}
    values |= {"credential_id": passkey.credential_id, "public_key": passkey.public_key}
    return connection.execute(_ADD_PASSKEY, {**values, "sign_count": passkey.sign_count}).rowcount == 1


def lock_passkey(connection: Connection, credential_id: bytes) -> KnownPasskey | None:
    """The stored passkey; its row stays locked, so that of two uses at once each sees the other's count."""
    row = connection.execute(_FIND, {"credential_id": credential_id}).one_or_none()
    return None if row is None else KnownPasskey(*row)


def record_use(connection: Connection, credential_id: bytes, sign_count: int, now: datetime) -> None:
    """Store the passkey's new count, and when it was used."""
    connection.execute(_USED, {"credential_id": credential_id, "count": sign_count, "now": now})


def list_passkeys(connection: Connection, holder_id: str) -> list[ListedPasskey]:
    """The passkeys of a holder, oldest first."""
    return [ListedPasskey(*row) for row in connection.execute(_LIST_PASSKEYS, {"holder_id": holder_id})]


def remove_passkeys(connection: Connection, holder_id: str, credential_id: bytes | None = None) -> int:
    """Delete one passkey of a holder, or all; returns how many there were."""
    return connection.execute(_REMOVE, {"holder_id": holder_id, "credential_id": credential_id}).rowcount


def use_challenge(connection: Connection, challenge: bytes, now: datetime) -> bool:
    """Use a challenge up; False if it was used before."""
    return connection.execute(_USE_CHALLENGE, {"challenge": challenge, "now": now}).rowcount == 1


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
        WHERE h.name = ANY(:names) AND i.used_at > :since)
""")
_USE = text("""
    UPDATE invitation SET used_at = :now
    WHERE token_hash = :token_hash AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > :now
    RETURNING holder_id::text
""")


def lock_access(connection: Connection) -> None:
    """Serialise changes of access: rules about several holders stay exact."""
    connection.execute(_LOCK)


def list_access(connection: Connection, holder_id: str | None = None) -> list[Granted]:
    """Everyone whose access is not revoked, by name; only ``holder_id`` (a UUID), unless it is None."""
    return [_granted(row) for row in connection.execute(_LIST, {"id": holder_id})]


def _granted(row: Any) -> Granted:
    identity, name, roles, forms, partner, until, revision, *counted = row
    grant = Grant(frozenset(roles), None if forms is None else frozenset(forms), partner, until)
    return Granted(identity, name, grant, revision, *counted)


def add_holder(connection: Connection, holder_id: str, name: str, grant: Grant, now: datetime) -> bool:
    """Store a new holder; False if a person has the name already."""
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
    """The state of a holder that the other services store."""
    return dict(connection.execute(_PUBLIC, {"id": holder_id}).mappings().one())


def add_invitation(connection: Connection, values: Mapping[str, Any]) -> None:
    """Store an invitation: ``id``, ``token_hash``, ``holder_id``, ``purpose``, ``by``, ``now``, ``expires_at``."""
    connection.execute(_INVITE, dict(values))


def withdraw_invitations(connection: Connection, holder_id: str, now: datetime) -> int:
    """End every unused invitation of a holder; returns how many there were."""
    return connection.execute(_WITHDRAW, {"holder_id": holder_id, "now": now}).rowcount


def find_invitation(connection: Connection, token_hash: bytes) -> Any | None:
    """The invitation with this token, in any state."""
    return connection.execute(_INVITATION, {"token_hash": token_hash}).one_or_none()


def has_used_link(connection: Connection, names: Collection[str], since: datetime) -> bool:
    """Whether a person of these names has used an invitation, or a new link, since then; ended access counts too."""
    return bool(connection.execute(_NEW, {"names": list(names), "since": since}).scalar())


def use_invitation(connection: Connection, token_hash: bytes, now: datetime) -> str | None:
    """Use the invitation up; returns its holder, or None if it cannot be used (any longer)."""
    found: str | None = connection.execute(_USE, {"token_hash": token_hash, "now": now}).scalar()
    return found


def _columns(grant: Grant) -> dict[str, Any]:
    forms = None if grant.forms is None else sorted(grant.forms)
    return {"roles": sorted(grant.roles), "forms": forms, "partner": grant.partner, "until": grant.until}


ACCESS_CHANGED = "access.changed.v1"
INVITATION_CREATED = "invitation.created.v1"
SESSION_BEGUN, SESSION_ENDED = "session.begun.v1", "session.ended.v1"


@dataclass(frozen=True, slots=True)
class InvitationMail:
    """A mail that invites a person to sign in.

    Attributes:
        purpose: ``invited``, or ``recovery`` for a holder who has signed in before.
        email: the address of the person; notifications stores it until the mail has ended, and nothing else stores it.
        language: the language of the mail.
        by: the name of the person who invites.
    """

    purpose: str
    email: str
    language: str
    by: str


def access_message(state: Mapping[str, Any]) -> Message:
    """What a holder may do, for the copies of the other services."""
    at: datetime = state["occurred_at"]
    until = state["until"]
    data = {**state, "occurred_at": rfc3339(at), "until": None if until is None else rfc3339(until)}
    return make_message(ACCESS_CHANGED, state["holder_id"], at, data, (correlation_id(), traceparent()))


def invitation_message(
    identity: str, mail: InvitationMail, link: str, now: datetime, expires_at: datetime, notifications_key: bytes
) -> Message:
    """The invitation with this id, whose ``link`` and address only notifications can read."""
    sealed = seal_to(notifications_key, {"address": mail.email, "title": mail.by, "token": link})
    data = {
        "invitation_id": identity,
        "purpose": mail.purpose,
        "language": mail.language,
        "expires_at": rfc3339(expires_at),
        "occurred_at": rfc3339(now),
        "sealed": base64.b64encode(sealed).decode(),
    }
    return make_message(INVITATION_CREATED, identity, now, data, (correlation_id(), traceparent()))


def session_message(key: str, session: bytes, now: datetime) -> Message:
    """That the session with this hash has begun, or ended."""
    data = {"session": session.hex(), "occurred_at": rfc3339(now)}
    return make_message(key, session.hex(), now, data, (correlation_id(), traceparent()))


_ADD_ENTRY = text("""
    INSERT INTO audit_entry (entry_id, service, at, who, act, kind, subject, detail)
    VALUES (CAST(:entry_id AS uuid), :service, :occurred_at, :who, :act, :kind, :subject, CAST(:detail AS jsonb))
    ON CONFLICT DO NOTHING
""")


def store_entry(service: str, connection: Connection, data: Mapping[str, Any]) -> None:
    """Store an entry that ``service`` has published; the same one again changes nothing."""
    connection.execute(_ADD_ENTRY, {**data, "service": service, "detail": json.dumps(data["detail"])})
