"""Requests of visitors who submit a form and of coordinators who query, as bytes."""

import json
from collections.abc import Callable

from shared.runtime.clock import system_clock
from tests.support.clients import SUBMISSIONS, WEBINAR, answers
from tests.support.installation import TestInstallation
from tests.support.proofs_of_work import keys_of, minted


def person(number: int, **others: str) -> bytes:
    """The request of the person with this number, with their own address and key.

    Args:
        number: of the participant.
        others: fields beside the usual ones.
    """
    body = json.dumps(answers(number, **others)).encode()
    head = (
        f"POST {SUBMISSIONS} HTTP/1.1\r\nHost: troika\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: person-{number:09}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def proven(installation: TestInstallation) -> Callable[[int], bytes]:
    """The same with a proof of work: on a form that confirms no addresses they are registered at once."""
    keys = keys_of(installation)
    return lambda number: person(number, altcha=minted(keys, WEBINAR, system_clock()))


def asking(path: str, key: str, accept: str = "application/json") -> Callable[[int], bytes]:
    """A coordinator's query, always the same."""
    head = f"GET {path} HTTP/1.1\r\nHost: troika\r\nAuthorization: Bearer {key}\r\nAccept: {accept}\r\n\r\n".encode()
    return lambda _number: head


def reading(path: str) -> Callable[[int], bytes]:
    """A visitor's request for a page."""
    head = f"GET {path} HTTP/1.1\r\nHost: troika\r\nAccept: text/html,*/*\r\n\r\n".encode()
    return lambda _number: head
