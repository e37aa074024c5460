"""More people open their links at once than can be served: as many are served as without the others."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.chaos.overload.requests import reading
from tests.chaos.overload.throttled_service import read_counter
from tests.support.clients import rows
from tests.support.open_loop import fire, percentile_s
from tests.support.participants import CONFIRMATION, Participant, SinkLinks
from tests.support.schedules import steady
from tests.support.stack import Stack
from tests.support.waiting import poll_until

CLIENTS, CALM_S = 8, 5.0
TIMES, DURING_S = 5, 20.0
MAX_LATENCY_S = 10.0
"""Until a refusal, on a machine that does much else; the line is left after 2 s."""


@pytest.mark.timeout(200)
def test_five_times_as_many_as_can_be_served_open_their_links(embedded_stack: Stack) -> None:
    """The others are refused at admission: a request that waits in vain for the database costs what an answer costs."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    url = embedded_stack.web.url
    path = f"/c/{_link_of_one(embedded_stack, url)}"
    capacity = _closed_loop(url + path)
    load = fire(url, steady(capacity * TIMES, DURING_S), lambda _number: reading(path)(0))
    served, refused = load.answered(200), load.answered(503)
    goodput = len(served) / max(shot.ended_s for shot in served)
    print(f"alone {capacity:.0f} a second, among {TIMES} times as many {goodput:.0f}; {dict(load.statuses())}")
    for name, shots in (("200", served), ("503", refused)):
        latencies = [shot.latency_s for shot in shots]
        print(f"{name}: p50 {statistics.median(latencies):.2f} s, p99 {percentile_s(latencies, 0.99):.2f} s")
    assert set(load.statuses()) <= {0, 200, 503}
    assert refused
    assert max(shot.latency_s for shot in refused) < MAX_LATENCY_S
    timeouts = [value for labels, value in read_counter(url, "troika_db_errors_total") if labels["kind"] == "timeout"]
    assert sum(timeouts) == 0
    assert goodput >= capacity / 3
    assert rows(embedded_stack.installation.urls["registration"], "SELECT count(*)::int FROM registration") == [(0,)]


def _link_of_one(stack: Stack, url: str) -> str:
    """The token of a link behind which something waits."""
    person = Participant(url, SinkLinks(stack.mail_folder), 1)
    with person.line:
        assert person.submit("one-person-with-a-link").status == 202
    poll_until(lambda: person.links.newest(person.address, CONFIRMATION), 30, what="the mail has come")
    return person.links.newest(person.address, CONFIRMATION)


def _closed_loop(url: str) -> float:
    """Pages a second, with a few clients that each wait for their answer."""
    until = time.monotonic() + CALM_S

    def read(_client: int) -> int:
        pages = 0
        with requests.Session() as line:
            while time.monotonic() < until:
                answer = line.get(url, timeout=20)
                assert answer.status_code == 200, answer.status_code
                pages += 1
        return pages

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(read, range(CLIENTS))) / CALM_S
