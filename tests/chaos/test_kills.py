"""``kill -9`` of each process while people register; a supervisor starts it again at once."""

import os
import signal
import time

import psutil
import pytest

from tests.support.arrivals import Arrivals
from tests.support.stack import Stack, assert_reconciled, settle

RATE = 20


@pytest.mark.timeout(200)
def test_relay_and_sender_killed(stack: Stack) -> None:
    """Published twice is one effect; a mail is sent twice only where its handover is recorded as unknown."""
    stack.start()
    assert stack.web is not None
    people = Arrivals(stack.web.url, RATE)
    arriving = people.during(16.0)
    for _ in range(4):
        time.sleep(3.5)  # between two kills
        stack.kill("registration-relay")
        stack.kill("notifications-send")
        stack.kill("notifications-relay")
    arriving.join()
    assert (len(people.ids), people.refused, people.lost) == (RATE * 16, {}, [])
    settle(stack, len(people.ids), within_s=120)
    assert_reconciled(stack, people.ids)


@pytest.mark.timeout(200)
def test_web_workers_killed(embedded_stack: Stack) -> None:
    """Who got no answer asks again with the same key and is there once: a 201 is never lost, a repetition no second."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    people = Arrivals(embedded_stack.web.url, RATE)
    arriving = people.during(15.0)
    for _ in range(5):
        time.sleep(2.5)  # between two kills
        workers = psutil.Process(embedded_stack.web.program.pid).children()
        os.kill(workers[0].pid, signal.SIGKILL)
    arriving.join()
    assert (len(people.ids), people.lost) == (RATE * 15, [])
    settle(embedded_stack, len(people.ids))
    assert_reconciled(embedded_stack, people.ids)
