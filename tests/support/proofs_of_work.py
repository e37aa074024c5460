"""Proofs of work, solved as a client does, or made without work by the holder of the keys."""

from datetime import datetime
from typing import Any

from altcha import Challenge, Payload, create_challenge, solve_challenge

from shared.public_forms.proof_of_work import ALGORITHM, COST, LIFETIME, TRIES, ProofKeys, proof_keys
from shared.security.sealing import read_keys
from tests.support.installation import TestInstallation


def worked(challenge: dict[str, Any]) -> str:
    """What a client that has done the work of ``challenge`` sends along."""
    return _solved(Challenge.from_dict(challenge))


def keys_of(installation: TestInstallation) -> ProofKeys:
    """The keys of the registration service's challenges."""
    return proof_keys(read_keys(installation.secrets.folder / "intake.key"), "registration")


def minted(keys: ProofKeys, form: str, now: datetime) -> str:
    """A valid proof for ``form`` that costs one try: the answer to its challenge is chosen as the first one."""
    challenge_key, solution_key = keys.pairs[0]
    challenge = create_challenge(
        ALGORITHM,
        COST,
        counter=0,
        expires_at=now + LIFETIME,
        data={"form": form, "tries": TRIES},
        hmac_secret=challenge_key,
        hmac_key_secret=solution_key,
    )
    return _solved(challenge)


def _solved(challenge: Challenge) -> str:
    solution = solve_challenge(challenge)
    assert solution is not None
    return Payload(challenge, solution).to_base64()
