"""Answers leave at whole steps after their request had come in, however long they took."""

import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from deploy.specs import applications
from shared.contracts.registry import SERVICES
from shared.web.in_steps import BEGAN, STEP_S, InSteps
from tests.support.processes import PROJECT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Application:
    """Needs a while for reading a request and another for its answer, by a clock of its own."""

    def __init__(self, reads_s: float, takes_s: float) -> None:
        self.now_s, self.left_s = 1000.0, 0.0
        self._reads_s, self._takes_s = reads_s, takes_s

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.now_s += self._reads_s
        if environ["REQUEST_METHOD"] == "POST":
            environ[BEGAN] = self.now_s
        self.now_s += self._takes_s
        start_response("201 Created", [])
        return [b"taken"]

    def wait_until(self, moment_s: float) -> None:
        """The clock says ``moment_s``."""
        self.now_s = self.left_s = moment_s

    def client(self) -> Client:
        """Somebody who asks it."""
        return Client(InSteps(self, clock=lambda: self.now_s, wait_until=self.wait_until))


@pytest.mark.parametrize(
    ("takes_s", "steps"), [(0.0001, 1), (0.0023, 1), (0.0099, 1), (0.0101, 2), (0.0332, 4)], ids=str
)
@pytest.mark.parametrize("reads_s", [0.0, 0.0098], ids=str)
def test_answer_leaves_at_the_end_of_its_step(reads_s: float, takes_s: float, steps: int) -> None:
    """Counted from when reading was over, which a sender can make as long as they like."""
    inner = Application(reads_s, takes_s)
    answer = inner.client().post("/")
    assert (answer.status_code, answer.get_data()) == (201, b"taken")
    assert inner.left_s - 1000 == pytest.approx(reads_s + steps * STEP_S)


def test_answer_without_a_step_leaves_at_once() -> None:
    inner = Application(0.0, 0.0023)
    assert inner.client().get("/").status_code == 201
    assert inner.left_s == 0


@pytest.mark.parametrize("service", SERVICES)
def test_wait_stands_around_all_that_an_application_is_made_of(service: str) -> None:
    """Around its door too: whoever waits holds no place."""
    assert isinstance(applications()[service].wsgi_app, InSteps)


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
other = gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(100)])
fine = shortest(sleep_until)
coarse = shortest(lambda until: gevent.sleep(until - time.monotonic()))
sleep_until(time.monotonic() - 1)
assert other.ready()
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
    with gevent.Timeout(0.005 if name == "impatient" else None, False):
        sleep_until(began + after_s)
        woken.append((name, time.monotonic() >= began + after_s))

began = time.monotonic()
waits = {"last": 0.7, "impatient": 0.4, "first": 0.3, "second": 0.5, "past": -1.0}
gevent.joinall([gevent.spawn(sleeper, *wait) for wait in waits.items()], raise_error=True)
sleep_until(time.monotonic() + 0.001)
print(*(name for name, _ in woken), all(in_time for _, in_time in woken))
"""


NOTHING_LEFT = """
from gevent import monkey
monkey.patch_all()
import resource
import time
from gevent import get_hub
from shared.web.in_steps import InSteps

application = InSteps(lambda environ, start_response: [])
get_hub()
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
began = time.monotonic()
application({"troika.step_began_s": began}, None)
print(time.monotonic() - began >= 0.01)
"""


def test_sleep_ends_at_a_moment_and_not_after_whole_milliseconds() -> None:
    """Where gevent's own does, in a process in which others go on meanwhile. What has passed is not waited for."""
    assert _printed(FINE) == ["True", "True", "True", "100"]


def test_each_of_several_sleepers_is_woken_in_time() -> None:
    """In order, by one timer; one that gives up before does no harm."""
    assert _printed(SEVERAL) == ["past", "first", "second", "last", "True"]


def test_timer_is_there_before_anything_is_stored() -> None:
    """A process that may open no further file answers whoever it has registered all the same."""
    assert _printed(NOTHING_LEFT) == ["True"]


def _printed(program: str) -> list[str]:
    """The words that a process of its own prints: the patches of gevent are for good."""
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    return found.stdout.split()
