"""Many clients at once against one address: each with its own thread and connection, each answer recorded."""

import http.client
import json
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import make_url

from tests.support.database_queries import query

WEBINAR = "upr-webinar-10"
SUBMISSIONS = f"/v1/forms/{WEBINAR}/submissions"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: no one answered."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


MAILBOXES_A_DOMAIN = 50
"""As many as one client network may cause confirmation mails to in a day."""


def address_of(number: int) -> str:
    """The address of the participant with this number; quotas count mails by registrable domain."""
    domain = number // MAILBOXES_A_DOMAIN
    return f"participant-{number}@{f'domain-{domain}.example' if domain else 'example.org'}"


def answers(number: int, **others: Any) -> dict[str, Any]:
    """A filled webinar form of the participant with this number."""
    return {
        "name": f"Participant {number}",
        "email": address_of(number),
        "organisation": f"Organisation {number % 20}",
        "country": "CH",
        "time_zone": "Europe/Zurich",
        "language": "en",
        "questions": "What is the next step?",
        "consent": True,
        **others,
    }


def submissions_path(form: str) -> str:
    """Where a form is submitted."""
    return f"/v1/forms/{form}/submissions"


def post(connection: http.client.HTTPConnection, path: str, content: Any, headers: dict[str, str]) -> Answer:
    """One POST of JSON on a kept connection; a lost connection is status 0."""
    try:
        connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Answer(0, {}, {})
    return Answer(response.status, json.loads(body), dict(response.getheaders()))


def all_at_once(
    url: str, requests: Sequence[tuple[Any, dict[str, str]]], clients: int, path: str = SUBMISSIONS
) -> list[Answer]:
    """Send all ``requests`` (content, headers) from ``clients`` threads; answers in the order of the requests."""
    place, idle = urlsplit(url), queue.SimpleQueue[http.client.HTTPConnection]()
    for _ in range(clients):
        idle.put(http.client.HTTPConnection(str(place.hostname), place.port, timeout=30))

    def send(request: tuple[Any, dict[str, str]]) -> Answer:
        connection = idle.get()
        answer = post(connection, path, *request)
        idle.put(connection)
        return answer

    with ThreadPoolExecutor(clients) as pool:
        given = list(pool.map(send, requests))
    for _ in range(clients):
        idle.get().close()
    return given


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work(0) … work(count - 1)`` in threads that start at the same time."""
    barrier = threading.Barrier(count)

    def start(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


COPY_KEY = "INSERT INTO form_key (form, public_key, created_at) SELECT %s, public_key, created_at FROM form_key"
"""Gives a form, whose short name is the parameter, the public key of the only form that has one."""


def rows(url: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of one statement, which is its own transaction."""
    return query(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), statement, values)
