"""Proof of work by the ALTCHA protocol: a small task for the browser, which costs a program that sends thousands.

Making and checking are the library's. Ours is what it leaves open: a challenge is good for one form alone and asks for
more work while a form is in a rush. It keeps nothing, so any process checks what any other has made; that a challenge
is used once is for the database that stores what came with it.

PBKDF2, since browsers have it built in: whoever works with native code is hardly faster. The number to be found is
drawn here, and the key that it leads to is signed, so checking costs two HMACs and not the work once more.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from altcha import Payload, create_challenge, verify_solution

from shared.core.sealing import keyed_hash
from shared.public_forms.work_asked import LIFETIME, tries_at

ALGORITHM = "PBKDF2/SHA-256"
COST = 1000
"""Iterations of one try: 0.2 ms of a desktop's browser, 0.15 ms here to make a challenge (measured)."""
LONGEST_PAYLOAD = 4096
NONCE_BYTES = 16


class ProofRefused(Exception):
    """What was sent solves nothing. ``reason``: ``unreadable``, ``altered``, ``unsolved``, ``expired``, ``foreign``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProofKeys:
    """Keys of challenges, as (key of the challenge, key of the solution), newest first: the first signs."""

    pairs: tuple[tuple[bytes, bytes], ...]


def proof_keys(signing_keys: Sequence[bytes], service: str) -> ProofKeys:
    """The keys of a service's challenges, made from ``signing_keys`` (newest first), which all its web processes have.

    No challenge of one service is good for another, and nothing that is signed for another purpose passes for one.
    """
    purposes = ("challenge", "solution")
    return ProofKeys(
        tuple(tuple(keyed_hash(key, f"proof of work: {one}", service) for one in purposes) for key in signing_keys)  # type: ignore[misc]  # two of them
    )


def new_challenge(keys: ProofKeys, form: str, solved_lately: int, now: datetime) -> dict[str, Any]:
    """A challenge for ``form``, as the protocol has it: ``parameters`` and ``signature``."""
    tries = tries_at(solved_lately)
    challenge_key, solution_key = keys.pairs[0]
    challenge = create_challenge(
        ALGORITHM,
        COST,
        counter=secrets.randbelow(tries),
        expires_at=now + LIFETIME,
        data={"form": form, "tries": tries},
        hmac_secret=challenge_key,
        hmac_key_secret=solution_key,
    )
    return challenge.to_dict()


def check_proof(keys: ProofKeys, form: str, payload: object, now: datetime) -> bytes:
    """The id (16 bytes) of the challenge that ``payload`` (base64 of JSON, from a client) has solved for ``form``.

    The library compares with the machine's clock; ``now`` is asked as well, for it can be moved.

    Raises:
        ProofRefused: with the reason.
    """
    read = _read(payload)
    for challenge_key, solution_key in keys.pairs:
        result = verify_solution(read, challenge_key, hmac_key_secret=solution_key)
        if result.expired or not result.invalid_signature:
            break
    parameters = read.challenge.parameters
    if result.expired:
        raise ProofRefused("expired")
    if result.invalid_signature:
        raise ProofRefused("altered")
    if not result.verified:
        raise ProofRefused("unsolved")
    if parameters.expires_at is None or parameters.expires_at <= now.timestamp():
        raise ProofRefused("expired")
    if (parameters.data or {}).get("form") != form:
        raise ProofRefused("foreign")
    return bytes.fromhex(parameters.nonce)


def _read(payload: object) -> Payload:
    if not isinstance(payload, str) or len(payload) > LONGEST_PAYLOAD:
        raise ProofRefused("unreadable")
    try:
        return Payload.from_base64(payload)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProofRefused("unreadable") from None
