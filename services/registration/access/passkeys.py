"""Passkeys (WebAuthn level 3): what browsers are asked for, and what their answers prove.

Every passkey verifies its user (biometrics or a PIN) and is discoverable, so nobody types a name to sign in.
Attestation is not asked for: the maker of an authenticator is nobody's business here. A challenge is random, lives in a
signed cookie for ten minutes, and is used once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.registration.access.passkey_store import KnownPasskey, NewPasskey
from shared.core.ids import new_token

CHALLENGE_S = 10 * 60
MAX_CREDENTIAL = 16 * 1024
"""Characters of what a browser sends; attestation objects without attestation are far smaller."""


class PasskeyRefused(Exception):
    """What the browser sent proves nothing; the message says why, in words for people."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Attributes:
    value: 32 random bytes as the browser signs them.
    cookie: what the same browser has to bring back.
    """

    value: bytes
    cookie: str


class RelyingParty:
    """The console as passkeys know it.

    Args:
        console_url: its address; the host is the relying party's id. An IP address has no passkeys.
        signing_keys: newest first, of the console's cookies.
        name: shown by browsers and password managers.
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
        return Challenge(base64url_to_bytes(token), self._serializer.dumps([purpose, token]))

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
            raise PasskeyRefused("This request belongs to another page. Please try again.")
        return base64url_to_bytes(found[1])

    def sign_in_options(self, challenge: Challenge) -> str:
        """What the browser is asked for at sign-in, as JSON."""
        return options_to_json(
            generate_authentication_options(
                rp_id=self.host,
                challenge=challenge.value,
                user_verification=UserVerificationRequirement.REQUIRED,
            )
        )

    def making_options(self, challenge: Challenge, holder_id: str, name: str, present: Sequence[bytes]) -> str:
        """What the browser is asked for when a passkey is made, as JSON; none twice in one authenticator."""
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
                exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in present],
            )
        )

    def made(self, credential: str, challenge: bytes) -> NewPasskey:
        """The passkey that the browser has made.

        Raises:
            PasskeyRefused: it is not for this challenge, this origin or this host, or its user was not verified.
        """
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
    """The id of the credential that a browser names, which proves nothing yet.

    Raises:
        PasskeyRefused: it names none.
    """
    try:
        return base64url_to_bytes(str(_checked(credential)["rawId"]))
    except (ValueError, KeyError):
        raise PasskeyRefused("The passkey could not be checked. Please try again.") from None


def _checked(credential: str) -> dict[str, Any]:
    if len(credential) > MAX_CREDENTIAL:
        raise ValueError("too long")
    found = json.loads(credential)
    if not isinstance(found, dict):
        raise ValueError("not a credential")
    return found
