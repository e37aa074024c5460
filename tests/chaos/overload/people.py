"""The bytes of those who come: people who register, coordinators who ask."""

import json
from collections.abc import Callable

from tests.support.clients import SUBMISSIONS, answers


def person(number: int) -> bytes:
    """The request of the person with this number, with an address and a key of their own."""
    body = json.dumps(answers(number)).encode()
    head = (
        f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: troika\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: person-{number:09}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def asking(path: str, key: str, accept: str = "application/json") -> Callable[[int], bytes]:
    """A coordinator's query, always the same."""
    head = f"GET {path} HTTP/1.1\r\nHost: troika\r\nAuthorization: Bearer {key}\r\nAccept: {accept}\r\n\r\n".encode()
    return lambda _number: head


def reading(path: str) -> Callable[[int], bytes]:
    """A visitor's look at a page."""
    head = f"GET {path} HTTP/1.1\r\nHost: troika\r\nAccept: text/html,*/*\r\n\r\n".encode()
    return lambda _number: head
