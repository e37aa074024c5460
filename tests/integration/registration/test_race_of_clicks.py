"""Owners confirm their addresses late while newcomers register: real processes, real concurrency."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.support.clients import REGISTRATIONS, all_at_once, answers, rows
from tests.support.installation import TestInstallation
from tests.support.mailed import opened_boxes
from tests.support.processes import ProcessGroup
from tests.support.web import start_web

SEATS = 30
EARLY = 60
NEWCOMERS = 60
CLIENTS = 24
WORKERS = 4
SHARE = CLIENTS // WORKERS + 2
"""The most connections that one worker takes at once: so several race, and never one alone."""


@pytest.mark.parametrize(("lock", "oversold"), [("locked", False), ("unlocked", True)])
def test_late_clicks_and_newcomers_share_what_there_is(
    processes: ProcessGroup, installation: TestInstallation, lock: str, oversold: bool
) -> None:
    """Confirmed and held together are the capacity; without the lock (negative control) they are more."""
    url = installation.urls["registration"]
    rows(url, "UPDATE form SET verification = 'email'; UPDATE seat SET capacity = 30")
    slow = f"tests.support.slow_seats {lock}"
    web = start_web(processes, installation, workers=WORKERS, connections=SHARE, arguments=slow, name=lock)
    given = all_at_once(web.url, [(answers(n), {}) for n in range(EARLY)], CLIENTS)
    assert [answer.body["status"] for answer in given] == ["unverified"] * EARLY
    rows(url, "UPDATE registration SET hold_until = accepted_at WHERE hold_until IS NOT NULL")

    pages = [f"{web.url}/v/{content['verify']}" for content in opened_boxes(installation)]
    clicks = [(page, {"data": {"action": "verify"}}) for page in pages]
    arrivals = [(web.url + REGISTRATIONS, {"json": answers(EARLY + n)}) for n in range(NEWCOMERS)]
    mixed = [request for pair in zip(clicks, arrivals, strict=True) for request in pair]
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = list(pool.map(ask_until_there_is_room, mixed))
    assert statuses == [200, 201] * EARLY

    taken = rows(url, "SELECT count(*) FROM registration WHERE status = 'confirmed' OR hold_until > now()")[0][0]
    assert taken > SEATS if oversold else taken == SEATS
    if not oversold:
        seats = rows(url, "SELECT confirmed, waiting, last_position FROM seat")[0]
        assert seats[0] + seats[1] == EARLY
        waiting = "SELECT position FROM registration WHERE status = 'waitlisted' ORDER BY position"
        assert [row[0] for row in rows(url, waiting)] == list(range(1, seats[1] + 1))


def ask_until_there_is_room(request: tuple[str, dict[str, Any]]) -> int:
    """The status of the answer. A service that is too busy says so, and when to come again: a person does."""
    while True:
        answer = requests.post(request[0], timeout=30, allow_redirects=False, **request[1])
        if answer.status_code != 503:
            return answer.status_code
        time.sleep(float(answer.headers["Retry-After"]))
