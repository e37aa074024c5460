"""Answers leave at whole steps after their request had come in, however long they took."""

import subprocess
import sys
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from deploy.specs import applications
from shared.web.in_steps import STEP_S, InSteps
from tests.support.processes import PROJECT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATHS = {
    "registration": "/v1/forms/upr-webinar-10/registrations",
    "events": "/v1/proposals",
}
"""Where anybody may type anybody's address, by service."""


class Application:
    """Takes ``takes_s`` for an answer, by a clock of its own."""

    def __init__(self, takes_s: float) -> None:
        self.now_s, self.takes_s, self.left_s = 1000.0, takes_s, 0.0

    def __call__(self, _environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.now_s += self.takes_s
        start_response("201 Created", [])
        return [b"taken"]

    def clock(self) -> float:
        """Seconds."""
        return self.now_s

    def wait_until(self, moment_s: float) -> None:
        """The clock says ``moment_s``."""
        self.now_s = self.left_s = moment_s


def _held(inner: Application) -> InSteps:
    return InSteps(
        inner, lambda environ: environ["REQUEST_METHOD"] == "POST", clock=inner.clock, wait_until=inner.wait_until
    )


@pytest.mark.parametrize(
    ("takes_s", "steps"), [(0.0001, 1), (0.0023, 1), (0.0024, 1), (0.0099, 1), (0.0101, 2), (0.0332, 4)]
)
def test_answer_leaves_at_the_end_of_its_step(takes_s: float, steps: int) -> None:
    inner = Application(takes_s)
    answer = Client(_held(inner)).post("/")
    assert (answer.status_code, answer.get_data()) == (201, b"taken")
    assert inner.left_s - 1000 == pytest.approx(steps * STEP_S)


def test_what_is_not_chosen_leaves_at_once() -> None:
    inner = Application(0.0023)
    assert Client(_held(inner)).get("/").status_code == 201
    assert inner.left_s == 0


class Sent(BytesIO):
    """A body as it comes from a socket."""


@pytest.mark.parametrize("service", PATHS)
def test_services_hold_answers_to_what_anybody_may_type(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever came of them (here the database is away), and from when the body had come: whoever sends it slowly would
    else choose what lies on which side of a step's end."""
    held: list[str] = []
    unread: list[object] = []

    def called(self: InSteps, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if self._chosen(environ):
            held.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            unread.append(environ["wsgi.input"])
        return self._inner(environ, start_response)

    monkeypatch.setattr(InSteps, "__call__", called)
    client = applications()[service].test_client()
    client.post(PATHS[service], input_stream=Sent(b"{}"), content_length=2, content_type="application/json")
    client.get(PATHS[service])
    client.post("/console/sign-in")
    assert held == [f"POST {PATHS[service]}"]
    assert [body for body in unread if isinstance(body, Sent)] == []


FINE = """
from gevent import monkey
monkey.patch_all()
import time
import gevent
from shared.web.fine_sleep import sleep_until

def shortest(sleep):
    times = []
    for _ in range(50):
        began = time.monotonic()
        sleep(began + 0.0003)
        times.append(time.monotonic() - began)
    return min(times)

turns = []
other = gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(1000)])
fine = shortest(sleep_until)
coarse = shortest(lambda until: gevent.sleep(until - time.monotonic()))
sleep_until(time.monotonic() - 1)
print(fine >= 0.0003, fine < 0.0009, coarse > 0.0009, len(turns))
"""


SEVERAL = """
from gevent import monkey
monkey.patch_all()
import time
import gevent
from shared.web.fine_sleep import sleep_until

woken = []

def sleeper(name, after_s):
    with gevent.Timeout(0.02 if name == "impatient" else None, False):
        sleep_until(began + after_s)
        woken.append((name, time.monotonic() >= began + after_s))

began = time.monotonic()
waits = {"last": 0.07, "impatient": 0.04, "first": 0.03, "second": 0.05, "past": -1.0}
gevent.joinall([gevent.spawn(sleeper, *wait) for wait in waits.items()], raise_error=True)
sleep_until(time.monotonic() + 0.001)
print(*(name for name, _ in woken), all(in_time for _, in_time in woken))
"""


def test_sleep_ends_at_a_moment_and_not_after_whole_milliseconds() -> None:
    """Where gevent's own does, in a process in which others go on meanwhile. What has passed is not waited for."""
    assert _printed(FINE) == ["True", "True", "True", "1000"]


def test_each_of_several_sleepers_is_woken_in_time() -> None:
    """In order, by one timer; one that gives up before does no harm."""
    assert _printed(SEVERAL) == ["past", "first", "second", "last", "True"]


def _printed(program: str) -> list[str]:
    """The words that a process of its own prints: the patches of gevent are for good."""
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    return found.stdout.split()
