"""Registrations as bytes, ready to be sent."""

import itertools
import json
from collections.abc import Iterator

from tests.support.clients import SUBMISSIONS, answers


def submissions(first: int = 0) -> Iterator[bytes]:
    """One registration after another, without end, each of another participant, from number ``first`` on."""
    for number in itertools.count(first):
        body = json.dumps(answers(number, access_needs="Step-free access, please.")).encode()
        head = (
            f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{number:09}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body
