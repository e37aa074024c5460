"""Giving, changing and ending access: use cases with one transaction each, every one in the audit log.

Sessions of the console are kept here, where people sign in: who, since when, last seen, and their end. No client
address is stored: for a browser, only its family.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.access import store
from services.registration.access.model import (
    ADMINISTRATOR,
    INVITED_FOR,
    NEW_FOR,
    Grant,
    Granted,
    appearance,
    faults_of,
    grant_obstacle,
)
from services.registration.access.store import (
    InvitationMail,
    access_message,
    invitation_message,
    remove_passkeys,
    session_message,
)
from shared.db.unit_of_work import UnitOfWork
from shared.http.holders import AccessFile, Holder
from shared.messaging import outbox
from shared.messaging.contracts.payloads import ROLES
from shared.public_forms.fields import folded
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id, new_token, token_hash
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sessions import MAX_SESSION_AGE, end_session, is_ended

SEEN_EVERY = timedelta(minutes=5)
REFUSALS_WITHIN = timedelta(minutes=15)
MAX_REFUSALS = 10
"""Wrong keys of one client network within that time; then it waits, with right ones too."""

_BEGIN = text("""
    INSERT INTO console_session (session, holder_ref, holder_id, name, method, browser, since, last_seen_at)
    VALUES (:session, :ref, CAST(:holder_id AS uuid), :name, :method, :browser, :now, :now)
""")
_SEEN = text("UPDATE console_session SET last_seen_at = :now WHERE session = :session AND last_seen_at < :before")
_LIVE = text("""
    SELECT encode(s.session, 'hex'), s.name, s.method, s.browser, s.since, s.last_seen_at
    FROM console_session s
    WHERE s.since > :since AND NOT EXISTS (SELECT FROM ended_session e WHERE e.session = s.session)
        AND (CAST(:name AS text) IS NULL OR s.name = :name)
    ORDER BY s.last_seen_at DESC, s.session
""")
_OF_HOLDER = text("""
    SELECT session FROM console_session WHERE holder_id = CAST(:holder_id AS uuid) AND since > :since
""")
_NAME_OF = text("SELECT name FROM console_session WHERE session = :session")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:network, 'hex'), 1))")
_REFUSALS = text("""
    SELECT count(*), min(refused_at) FROM refused_sign_in WHERE network = :network AND refused_at > :since
""")
_REFUSE = text("INSERT INTO refused_sign_in (network, refused_at) VALUES (:network, :now)")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session of the console that has not ended.

    Attributes:
        id: the SHA-256 of the cookie's value, hexadecimal.
        method: ``key`` or ``passkey``.
        browser: the family of the browser.
    """

    id: str
    name: str
    method: str
    browser: str
    since: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ConsoleSessions:
    """The sessions of the console, in the service's database.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
    """

    work: UnitOfWork
    clock: Clock

    def begin(self, session: str, holder: Holder, browser: str, former: str = "") -> None:
        """Store a new session; ``former``, which the same browser had before, ends with it."""
        values = {"ref": holder.ref, "holder_id": holder.id, "name": holder.name, "browser": browser}
        with self.work.transaction() as connection:
            now = self.clock()
            method = "key" if holder.key_hash else "passkey"
            connection.execute(_BEGIN, {**values, "session": token_hash(session), "method": method, "now": now})
            add_audit_record(connection, AuditRecord(holder.name, "signed-in", detail={"with": method}), now)
            outbox.add(connection, [session_message(store.SESSION_BEGUN, token_hash(session), now)])
            if former:
                end_everywhere(connection, [token_hash(former)], now)

    def end(self, session: str, who: str) -> None:
        """Invalidate the cookie of ``session`` in every service; doing it again changes nothing.

        Raises:
            Unavailable: the database is down; it has not ended.
        """
        with self.work.transaction() as connection:
            now = self.clock()
            if end_everywhere(connection, [token_hash(session)], now):
                add_audit_record(connection, AuditRecord(who, "signed-out"), now)

    def has_ended(self, session: str, age_s: float) -> bool:
        """Whether ``session`` was ended before its time or never began; notes now and then that it is in use.

        Raises:
            Unavailable: the database is down: then no one may sign in.
        """
        with self.work.transaction() as connection:
            now, hashed = self.clock(), token_hash(session)
            if connection.execute(_NAME_OF, {"session": hashed}).scalar() is None or is_ended(connection, hashed):
                return True
            connection.execute(_SEEN, {"session": hashed, "now": now, "before": now - SEEN_EVERY})
            return False

    def live(self, name: str | None = None) -> list[LiveSession]:
        """Sessions that have not ended, last seen first; only those of ``name``, unless it is None."""
        with self.work.transaction() as connection:
            values = {"since": self.clock() - MAX_SESSION_AGE, "name": name}
            return [LiveSession(*row) for row in connection.execute(_LIVE, values)]

    def end_one(self, session_id: str, by: str, *, only_own: bool) -> bool:
        """End the session with this id; False if there is none (of ``by``, where only own ones may be ended)."""
        with self.work.transaction() as connection:
            now, hashed = self.clock(), bytes.fromhex(session_id)
            name = connection.execute(_NAME_OF, {"session": hashed}).scalar()
            if name is None or (only_own and name != by) or not end_everywhere(connection, [hashed], now):
                return False
            add_audit_record(connection, AuditRecord(by, "session-ended", "holder", detail={"of": name}), now)
            return True

    def admit(self, network: bytes, *, known: bool) -> float:
        """Count a try to sign in.

        Args:
            network: the keyed hash of the client network of the attempt, 32 bytes.
            known: whether the key or passkey belongs to a holder.

        Returns:
            seconds to wait because there were too many refusals; 0 if it counts. One network's tries wait for each
            other, so the limit is exact however many come at once.
        """
        with self.work.transaction() as connection:
            connection.execute(_LOCK, {"network": network})
            now = self.clock()
            since = now - REFUSALS_WITHIN
            refusals, oldest = connection.execute(_REFUSALS, {"network": network, "since": since}).one()
            if refusals >= MAX_REFUSALS:
                return max(1.0, float((oldest - since).total_seconds()))
            if not known:
                connection.execute(_REFUSE, {"network": network, "now": now})
            return 0.0


def end_everywhere(connection: Connection, sessions: Sequence[bytes], now: datetime) -> int:
    """End sessions here and, by a message, in the other services; returns how many had not ended before."""
    ended = [session for session in sessions if end_session(connection, session, now)]
    outbox.add(connection, [session_message(store.SESSION_ENDED, session, now) for session in ended])
    return len(ended)


def end_of_holder(connection: Connection, holder_id: str, now: datetime) -> int:
    """End every session of a holder, because what they signed in with has ended."""
    values = {"holder_id": holder_id, "since": now - MAX_SESSION_AGE}
    return end_everywhere(connection, list(connection.execute(_OF_HOLDER, values).scalars()), now)


KIND = "holder"
"""What an entry of the audit log about access is about."""


@dataclass(frozen=True, slots=True)
class NewColleague:
    """The invited person: their name, their address (which is not kept), the language of the mail, and to what."""

    name: str
    email: str
    language: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class AccessContext:
    """Dependencies of the use cases about access.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        file: the entries that the console does not change; they count as administrators.
        notifications_key: the public key to which addresses and links are encrypted.
        console_url: the base URL of the links in invitations, without a slash at its end.
    """

    work: UnitOfWork
    clock: Clock
    file: AccessFile
    notifications_key: bytes
    console_url: str

    def granted(self) -> list[Granted]:
        """All whose access is not revoked, by name."""
        with self.work.transaction() as connection:
            return store.list_access(connection)

    def one(self, holder_id: str) -> Granted:
        """The access with this id (a UUID).

        Raises:
            DomainError: ``not-found``.
        """
        with self.work.transaction() as connection:
            return _found(connection, holder_id)


def invite(context: AccessContext, by: Holder, new: NewColleague) -> str:
    """Invite a colleague; the mail leaves with the transaction. Returns the holder's id.

    Raises:
        DomainError: ``not-allowed``: it reaches further than ``by`` does; ``already-exists``: the name is taken, or
            looks like one that is; ``invalid-access``: the grant makes no sense.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        _refuse(by, new.grant, now)
        store.lock_access(connection)
        holder_id = new_id()
        names = [
            *(holder.name for holder in context.file.holders()),
            *(grant.name for grant in store.list_access(connection)),
        ]
        taken = any({same(new.name)} & set(map(same, names)) for same in (folded, appearance))
        if taken or not store.add_holder(connection, holder_id, new.name, new.grant, now):
            raise DomainError(
                "already-exists", "a colleague whose name is the same, or looks the same, already has access"
            )
        publish(connection, holder_id)
        _send(context, connection, by, holder_id, InvitationMail("invited", new.email, new.language, by.name))
        detail = {"name": new.name, "roles": sorted(new.grant.roles)}
        add_audit_record(connection, AuditRecord(by.name, "colleague-invited", KIND, holder_id, detail), now)
        return holder_id


def invite_again(context: AccessContext, by: Holder, holder_id: str, email: str, language: str) -> None:
    """Send a new link to a holder: it ends the earlier one, and using it replaces their credentials.

    Raises:
        DomainError: ``not-found``, ``not-allowed``.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        store.lock_access(connection)
        granted = _found(connection, holder_id)
        _refuse_beyond(by, granted.grant)
        store.withdraw_invitations(connection, holder_id, now)
        purpose = "recovery" if granted.keys or granted.passkeys else "invited"
        _send(context, connection, by, holder_id, InvitationMail(purpose, email, language, by.name))
        add_audit_record(
            connection, AuditRecord(by.name, "invitation-sent-again", KIND, holder_id, {"name": granted.name}), now
        )


def withdraw(context: AccessContext, by: Holder, holder_id: str) -> None:
    """End the invitation of a holder that has not been used.

    Raises:
        DomainError: ``not-found``: there is none; ``not-allowed``.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        store.lock_access(connection)
        granted = _found(connection, holder_id)
        _refuse_beyond(by, granted.grant)
        if not store.withdraw_invitations(connection, holder_id, now):
            raise DomainError("not-found", "there is no pending invitation")
        add_audit_record(
            connection, AuditRecord(by.name, "invitation-withdrawn", KIND, holder_id, {"name": granted.name}), now
        )


def change(context: AccessContext, by: Holder, holder_id: str, grant: Grant, seen: int) -> None:
    """Change what a person may do.

    Raises:
        DomainError: ``not-found``, ``not-allowed``, ``invalid-access``, ``edit-conflict``, ``last-administrator``.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        store.lock_access(connection)
        before = _found(connection, holder_id)
        if before.revision != seen:
            raise DomainError("edit-conflict", "this access was changed by another person")
        _refuse_beyond(by, before.grant)
        _refuse(by, grant, now)
        store.change_grant(connection, holder_id, grant, now)
        _refuse_without_administrator(context, connection, now)
        publish(connection, holder_id)
        detail = {"name": before.name, "before": sorted(before.grant.roles), "after": sorted(grant.roles)}
        add_audit_record(connection, AuditRecord(by.name, "access-changed", KIND, holder_id, detail), now)


def revoke(context: AccessContext, by: Holder, holder_id: str) -> None:
    """End an access permanently, with its keys, passkeys, sessions and invitations.

    Raises:
        DomainError: ``not-found``, ``not-allowed``, ``last-administrator``.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        store.lock_access(connection)
        granted = _found(connection, holder_id)
        _refuse_beyond(by, granted.grant)
        store.revoke(connection, holder_id, now)
        store.withdraw_invitations(connection, holder_id, now)
        remove_passkeys(connection, holder_id)
        end_of_holder(connection, holder_id, now)
        _refuse_without_administrator(context, connection, now)
        publish(connection, holder_id)
        add_audit_record(
            connection, AuditRecord(by.name, "access-revoked", KIND, holder_id, {"name": granted.name}), now
        )


def replace_sign_in(connection: Connection, holder_id: str, now: datetime) -> None:
    """End everything a holder signed in with, and their sessions: a new link replaces it."""
    remove_passkeys(connection, holder_id)
    store.set_keys(connection, holder_id, [], now)
    end_of_holder(connection, holder_id, now)


def give_key(connection: Connection, holder_id: str, now: datetime) -> str:
    """A new key in place of all that the holder had; returned once and kept nowhere."""
    key = new_token()
    store.set_keys(connection, holder_id, [token_hash(key).hex()], now)
    publish(connection, holder_id)
    return key


def publish(connection: Connection, holder_id: str) -> None:
    """Publish to the other services what a holder may do now."""
    outbox.add(connection, [access_message(store.public_state(connection, holder_id))])


def any_is_new(connection: Connection, names: Collection[str], now: datetime) -> bool:
    """Whether the access of any of these is new, or its sign-in was replaced lately.

    One person could have made it up, or taken it over, to be a second person; also ended access: names are free again.
    """
    return store.has_used_link(connection, names, now - NEW_FOR)


def grant_of(holder: Holder) -> Grant:
    """What a signed-in holder may do themselves."""
    return Grant(holder.roles, holder.forms, holder.partner, holder.until)


def _found(connection: Connection, holder_id: str) -> Granted:
    found: Sequence[Granted] = store.list_access(connection, holder_id)
    if not found:
        raise DomainError("not-found")
    return found[0]


def _refuse(by: Holder, grant: Grant, now: datetime) -> None:
    for fault in faults_of(grant, ROLES, now).values():
        raise DomainError("invalid-access", fault)
    _refuse_beyond(by, grant)


def _refuse_beyond(by: Holder, grant: Grant) -> None:
    reason = grant_obstacle(grant_of(by), grant)
    if reason:
        raise DomainError("not-allowed", reason)


def _refuse_without_administrator(context: AccessContext, connection: Connection, now: datetime) -> None:
    """Raise after the change, so that the transaction is rolled back."""
    if any(ADMINISTRATOR in holder.roles for holder in context.file.holders()):
        return
    if not any(grant.is_administrator(now) for grant in store.list_access(connection)):
        raise DomainError("last-administrator", "no administrator would remain")


def _send(context: AccessContext, connection: Connection, by: Holder, holder_id: str, mail: InvitationMail) -> None:
    token, now, identity = new_token(), context.clock(), new_id()
    values = {"id": identity, "token_hash": token_hash(token), "holder_id": holder_id, "purpose": mail.purpose}
    store.add_invitation(connection, {**values, "by": by.name, "now": now, "expires_at": now + INVITED_FOR})
    link = f"{context.console_url}/console/invitation/{token}"
    sent = invitation_message(identity, mail, link, now, now + INVITED_FOR, context.notifications_key)
    outbox.add(connection, [sent])
