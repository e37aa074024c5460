"""Proof of work by the ALTCHA protocol: a small task for the browser, which costs a program that sends thousands.

Making and checking are the library's. Ours is what it leaves open: a challenge is valid for one form only, and requires
more work while a form has a peak of submissions. It stores nothing, so any process checks what any other has made; that
a challenge is used once is for the database that stores the submission.

PBKDF2, since browsers have it built in: native code is hardly faster. The number to be found is drawn here, and the
key derived from it is signed, so checking costs two HMACs instead of repeating the work.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import marshmallow as ma
from altcha import Payload, create_challenge, verify_solution

from shared.runtime.ids import keyed_hash

TRIES = 1000
"""How many tries a challenge takes at most without a peak, half of them on average: 0.1 s on a desktop with
one worker (measured: 5,000 tries a second), a second or two on a slow phone."""
MAX_DOUBLINGS = 3
CALM = 60
"""This number of solved challenges of one form in ``RUSH_WINDOW`` doubles the work.

Each doubling of them doubles it again.
"""
RUSH_WINDOW = timedelta(minutes=1)
MAX_COUNTED = CALM * 2 ** (MAX_DOUBLINGS - 1)
"""More need not be counted: the work does not rise any further."""

LIFETIME = timedelta(minutes=10)
KEPT = 2 * LIFETIME
"""How long it is remembered that a challenge was used: past its end, and past every wait of a request."""


def tries_at(solved_lately: int) -> int:
    """The work of a new challenge, given the number solved in the last ``RUSH_WINDOW``: at most this many tries."""
    doublings = min((solved_lately // CALM).bit_length(), MAX_DOUBLINGS)
    return TRIES * int(2**doublings)


ALGORITHM = "PBKDF2/SHA-256"
COST = 1000
"""Iterations of one try: 0.2 ms of a desktop's browser, 0.15 ms here to make a challenge (measured)."""
MAX_PAYLOAD_LENGTH = 4096


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
    return ProofKeys(
        tuple(
            (
                keyed_hash(key, "proof of work: challenge", service),
                keyed_hash(key, "proof of work: solution", service),
            )
            for key in signing_keys
        )
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
    if not isinstance(payload, str) or len(payload) > MAX_PAYLOAD_LENGTH:
        raise ProofRefused("unreadable")
    try:
        return Payload.from_base64(payload)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProofRefused("unreadable") from None


class ChallengeSchema(ma.Schema):
    """A challenge of the ALTCHA protocol; its widgets and libraries can solve it directly."""

    parameters = ma.fields.Dict(
        keys=ma.fields.String(),
        required=True,
        metadata={
            "description": "`algorithm`, `cost`, `keyLength`, `keyPrefix`, `nonce`, `salt`, `expiresAt` (Unix time, "
            "seconds), `keySignature`, and `data` with the `form` and the most `tries` it takes"
        },
    )
    signature = ma.fields.String(required=True, metadata={"description": "Send it back as it is"})
