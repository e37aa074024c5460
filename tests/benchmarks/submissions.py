"""Submissions as bytes, ready to send."""

import itertools
import json
from collections.abc import Iterator

from tests.benchmarks.intake_adapter import PATH, proofs
from tests.support.clients import answers
from tests.support.installation import TestInstallation


def submissions(first: int = 0) -> Iterator[bytes]:
    """One submission after another, without end, each of another participant, from number ``first`` on."""
    return map(submission, itertools.count(first))


def proven_submissions(installation: TestInstallation, first: int = 0) -> Iterator[bytes]:
    """The same, each with a proof of work for the form of ``installation``."""
    for number, proof in zip(itertools.count(first), proofs(installation), strict=False):
        yield submission(number, altcha=proof)


def submission(number: int, *headers: str, **others: str) -> bytes:
    """That of the participant with this number, with further ``headers`` and ``others`` among its fields."""
    body = json.dumps(answers(number, access_needs="Step-free access, please.", **others)).encode()
    lines = (
        f"POST {PATH} HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        f"Idempotency-Key: bench-{number:09}",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
