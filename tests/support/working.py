"""Proofs of work, as a client does them."""

from typing import Any

from altcha import Challenge, Payload, solve_challenge


def worked(challenge: dict[str, Any]) -> str:
    """What a client that has done the work of ``challenge`` sends along."""
    read = Challenge.from_dict(challenge)
    solution = solve_challenge(read)
    assert solution is not None
    return Payload(read, solution).to_base64()
