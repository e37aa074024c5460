"""What people sign in with: passkeys (WebAuthn level 3), links of invitations, and signing in: rules and use cases.

A passkey verifies its user (biometrics or a PIN) and is discoverable: no one types a name. It is asked for no
attestation. A challenge is random, is kept in a signed cookie for ten minutes, and is used once.

webauthn is imported where it is used: it takes 8 MB of memory, and most web processes never see a passkey.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import Connection

from services.registration.access import store
from services.registration.access.model import Granted
from services.registration.access.service import KIND, AccessContext, end_of_holder, give_key, publish, replace_sign_in
from services.registration.access.store import MAX_PASSKEYS, KnownPasskey, ListedPasskey, NewPasskey
from shared.http.holders import Holder
from shared.http.sign_in import holder_in
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_token, token_hash
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sessions import find_by_id

CHALLENGE_S = 10 * 60
MAX_CREDENTIAL = 16 * 1024
"""Characters of what a browser sends; attestation objects without attestation are far smaller."""


class PasskeyRefused(Exception):
    """The browser's response is not a valid proof; the message states the reason in plain language."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of a WebAuthn ceremony.

    Attributes:
        value: the 32 random bytes that the browser signs.
        cookie: the value that the same browser has to send back.
    """

    value: bytes
    cookie: str


class RelyingParty:
    """The console as a relying party of WebAuthn.

    Args:
        console_url: the URL of the console; its host is the relying party's id. An IP address has no passkeys.
        signing_keys: the keys of the console's cookies, newest first.
        name: the name that browsers and password managers show.
    """

    def __init__(self, console_url: str, signing_keys: Sequence[bytes], name: str) -> None:
        address = urlsplit(console_url)
        self.host = address.hostname or ""
        self.origin = f"{address.scheme}://{address.netloc}"
        self.name = name
        self._serializer = URLSafeTimedSerializer(list(reversed(signing_keys)), salt="passkey challenge")

    @property
    def has_passkeys(self) -> bool:
        """Whether browsers make passkeys for its address."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.origin.startswith("https://") or self.host == "localhost"
        return False

    def is_at(self, host: str) -> bool:
        """Whether a request to ``host`` (with its port) came to the console's own address."""
        return self.origin.partition("://")[2] == host

    def new_challenge(self, purpose: str) -> Challenge:
        """A challenge for one ``purpose``."""
        token = new_token()
        return Challenge(_from_base64url(token), self._serializer.dumps([purpose, token]))

    def challenge_in(self, cookie: str, purpose: str) -> bytes:
        """The challenge in the cookie.

        Raises:
            PasskeyRefused: it is not ours, too old, or of another purpose.
        """
        try:
            found = self._serializer.loads(cookie, max_age=CHALLENGE_S)
        except BadSignature:
            raise PasskeyRefused("That took too long. Please try again.") from None
        if not (isinstance(found, list) and len(found) == 2 and found[0] == purpose):
            raise PasskeyRefused("This request was made for another page. Please try again.")
        return _from_base64url(found[1])

    def sign_in_options(self, challenge: Challenge) -> str:
        """The options of a sign-in for the browser, as JSON."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        return options_to_json(
            generate_authentication_options(
                rp_id=self.host,
                challenge=challenge.value,
                user_verification=UserVerificationRequirement.REQUIRED,
            )
        )

    def making_options(self, challenge: Challenge, holder_id: str, name: str, present: Sequence[bytes]) -> str:
        """The options of a new passkey for the browser, as JSON; an authenticator makes no second one."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        return options_to_json(
            generate_registration_options(
                rp_id=self.host,
                rp_name=self.name,
                user_id=UUID(holder_id).bytes,
                user_name=name,
                user_display_name=name,
                challenge=challenge.value,
                authenticator_selection=AuthenticatorSelectionCriteria(
                    resident_key=ResidentKeyRequirement.REQUIRED,
                    require_resident_key=True,
                    user_verification=UserVerificationRequirement.REQUIRED,
                ),
                exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey_id) for passkey_id in present],
            )
        )

    def made(self, credential: str, challenge: bytes) -> NewPasskey:
        """The passkey that the browser has made.

        Raises:
            PasskeyRefused: it is not for this challenge, this origin or this host, or its user was not verified.
        """
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            found = verify_registration_response(
                credential=_checked(credential),
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise PasskeyRefused("The passkey could not be checked. Please try again.") from None
        return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)

    def signed(self, credential: str, challenge: bytes, known: KnownPasskey) -> int:
        """The passkey's new signature count.

        Raises:
            PasskeyRefused: it was not signed by ``known``, for this challenge, origin and host, by a verified user; or
                its count went back, as that of a copied authenticator does.
        """
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            found = verify_authentication_response(
                credential=_checked(credential),
                expected_challenge=challenge,
                expected_rp_id=self.host,
                expected_origin=self.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise PasskeyRefused("The passkey could not be checked. Please try again.") from None
        return found.new_sign_count


def credential_id_of(credential: str) -> bytes:
    """The id of the credential that a browser names; it is not verified yet.

    Raises:
        PasskeyRefused: it names none.
    """
    try:
        return _from_base64url(str(_checked(credential)["rawId"]))
    except (ValueError, KeyError):
        raise PasskeyRefused("The passkey could not be checked. Please try again.") from None


def _from_base64url(text: str) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    return base64url_to_bytes(text)


def _checked(credential: str) -> dict[str, Any]:
    if len(credential) > MAX_CREDENTIAL:
        raise ValueError("too long")
    found = json.loads(credential)
    if not isinstance(found, dict):
        raise ValueError("not a credential")
    return found


UNKNOWN_PASSKEY = "This passkey is not known. It may have been removed; ask an administrator for a new link."
REPEATED = "This request has already been used. Please try again."


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that can be used now.

    Attributes:
        granted: the access of the invited person.
        by: the name of the person who sent it.
        purpose: ``invited`` or ``recovery``.
    """

    granted: Granted
    by: str
    purpose: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """The response of a browser: the credential as JSON, and the challenge that it received."""

    credential: str
    challenge: bytes


class InvitationEnded(Exception):
    """The link is not valid: ``reason`` is ``unknown``, ``used``, ``withdrawn`` or ``expired``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def show_invitation(context: AccessContext, token: str) -> Invitation:
    """What the holder of the link is invited to.

    Raises:
        InvitationEnded: it cannot be used (any longer).
    """
    with context.work.transaction() as connection:
        return _usable(connection, token, context.clock())


def accept_with_key(context: AccessContext, token: str) -> tuple[str, str]:
    """Use the link up for a key; returns the holder's name and the key, which is shown once and kept nowhere.

    Raises:
        InvitationEnded: it cannot be used (any longer).
    """
    with context.work.transaction() as connection:
        now = context.clock()
        name, holder_id = _use(connection, token, now)
        key = give_key(connection, holder_id, now)
        add_audit_record(connection, AuditRecord(name, "invitation-used", KIND, holder_id, {"with": "key"}), now)
        return name, key


def accept_with_passkey(
    context: AccessContext, party: RelyingParty, token: str, label: str, answer: PasskeyAnswer
) -> Holder:
    """Use the link up for a passkey; returns the holder, to be signed in.

    Raises:
        InvitationEnded: it cannot be used (any longer).
        PasskeyRefused: the browser's answer proves nothing; the link can be used again.
    """
    with context.work.transaction() as connection:
        now = context.clock()
        name, holder_id = _use(connection, token, now)
        _add(connection, party, holder_id, label, answer, now)
        publish(connection, holder_id)
        add_audit_record(connection, AuditRecord(name, "invitation-used", KIND, holder_id, {"with": "passkey"}), now)
        row = find_by_id(connection, holder_id)
        if row is None:
            raise InvitationEnded("withdrawn")
        return holder_in(row)


def add_own_passkey(
    context: AccessContext, party: RelyingParty, holder: Holder, label: str, answer: PasskeyAnswer
) -> None:
    """Store one more passkey of a person who is signed in.

    Raises:
        DomainError: ``not-allowed``: their entry is in the access file; ``too-many-passkeys``.
        PasskeyRefused: the browser's answer proves nothing.
    """
    holder_id = own_id(holder)
    with context.work.transaction() as connection:
        now = context.clock()
        if len(store.list_passkeys(connection, holder_id)) >= MAX_PASSKEYS:
            raise DomainError("too-many-passkeys", f"you already have {MAX_PASSKEYS} passkeys: remove one first")
        _add(connection, party, holder_id, label, answer, now)
        add_audit_record(connection, AuditRecord(holder.name, "passkey-added", KIND, holder_id, {"name": label}), now)


def remove_own_passkey(context: AccessContext, holder: Holder, passkey_id: str) -> None:
    """Delete a passkey of a person who is signed in, and end their sessions: one of them may be a thief's.

    Raises:
        DomainError: ``not-found``; ``not-allowed``: they could no longer sign in.
    """
    holder_id = own_id(holder)
    with context.work.transaction() as connection:
        now = context.clock()
        store.lock_access(connection)
        granted = store.list_access(connection, holder_id)
        if not granted or passkey_id not in {passkey.id for passkey in store.list_passkeys(connection, holder_id)}:
            raise DomainError("not-found")
        if granted[0].keys + granted[0].passkeys == 1:
            raise DomainError("not-allowed", "it is your only way to sign in: add another passkey first")
        store.remove_passkeys(connection, holder_id, bytes.fromhex(passkey_id))
        end_of_holder(connection, holder_id, now)
        add_audit_record(connection, AuditRecord(holder.name, "passkey-removed", KIND, holder_id), now)


def own_passkeys(context: AccessContext, holder: Holder) -> list[ListedPasskey]:
    """The passkeys of a person who is signed in; none for an entry of the access file."""
    if holder.id is None:
        return []
    with context.work.transaction() as connection:
        return store.list_passkeys(connection, holder.id)


def sign_in_by_passkey(context: AccessContext, party: RelyingParty, answer: PasskeyAnswer) -> Holder:
    """Return the person whose passkey signed the challenge.

    Raises:
        PasskeyRefused: no one whose access is live.
    """
    credential_id = credential_id_of(answer.credential)
    with context.work.transaction() as connection:
        now = context.clock()
        known = store.lock_passkey(connection, credential_id)
        if known is None:
            raise PasskeyRefused(UNKNOWN_PASSKEY)
        count = party.signed(answer.credential, answer.challenge, known)
        if not store.use_challenge(connection, answer.challenge, now):
            raise PasskeyRefused(REPEATED)
        store.record_use(connection, credential_id, count, now)
        row = find_by_id(connection, known.holder_id)
        if row is None or (row.until is not None and now >= row.until):
            raise PasskeyRefused("Your access has ended. Ask an administrator.")
        return holder_in(row)


def own_id(holder: Holder) -> str:
    """The id of a person who is signed in.

    Raises:
        DomainError: ``not-allowed``: their entry is in the access file, which only an operator changes.
    """
    if holder.id is None:
        raise DomainError("not-allowed", "your access is in the access file, which only an operator can change")
    return holder.id


def _use(connection: Connection, token: str, now: datetime) -> tuple[str, str]:
    """Name and id of the holder, whose former keys, passkeys and sessions have ended."""
    store.lock_access(connection)
    invitation = _usable(connection, token, now)
    if store.use_invitation(connection, token_hash(token), now) is None:
        raise InvitationEnded("withdrawn")
    replace_sign_in(connection, invitation.granted.id, now)
    return invitation.granted.name, invitation.granted.id


def _usable(connection: Connection, token: str, now: datetime) -> Invitation:
    found = store.find_invitation(connection, token_hash(token))
    if found is None:
        raise InvitationEnded("unknown")
    if found.used_at is not None:
        raise InvitationEnded("used")
    granted = store.list_access(connection, found.holder_id)
    if found.withdrawn_at is not None or not granted:
        raise InvitationEnded("withdrawn")
    if now >= found.expires_at or granted[0].state(now) == "expired":
        raise InvitationEnded("expired")
    return Invitation(granted[0], found.invited_by, found.purpose, found.expires_at)


def _add(
    connection: Connection, party: RelyingParty, holder_id: str, label: str, answer: PasskeyAnswer, now: datetime
) -> None:
    passkey = party.made(answer.credential, answer.challenge)
    if not store.use_challenge(connection, answer.challenge, now):
        raise PasskeyRefused(REPEATED)
    if not store.add_passkey(connection, holder_id, label, passkey, now):
        raise PasskeyRefused("This passkey is already in use.")
