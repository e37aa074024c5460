"""``kill -9`` of each process while people register; a supervisor restarts it at once."""

import os
import signal
import time

import psutil
import pytest

from tests.support.arrivals import Arrivals
from tests.support.stack import Stack, assert_reconciled, settle

RATE = 10
RELAYS_EVERY_S, WORKERS_EVERY_S = 3.5, 2.5
TIMES = 6
"""How often each is killed."""


@pytest.mark.timeout(200)
def test_relay_and_sender_killed(stack: Stack) -> None:
    """Published twice is one effect; a mail is sent twice only where its handover is recorded as unknown."""
    stack.start()
    assert stack.web is not None
    people = Arrivals(stack.web.url, RATE, stack.mail_folder)
    arriving = people.during(RELAYS_EVERY_S * (TIMES + 1))
    for _ in range(TIMES):
        time.sleep(RELAYS_EVERY_S)  # between two kills
        stack.kill("registration-relay")
        stack.kill("notifications-send")
        stack.kill("notifications-relay")
    arriving.join()
    assert (len(people.receipts), people.refused, people.lost) == (RATE * RELAYS_EVERY_S * (TIMES + 1), {}, [])
    settle(stack, len(people.receipts), within_s=120)
    assert_reconciled(stack, people.receipts)


@pytest.mark.timeout(200)
def test_web_workers_killed(embedded_stack: Stack) -> None:
    """Who got no answer asks again with the same key and is there once: a 202 is never lost, a repetition no second."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    people = Arrivals(embedded_stack.web.url, RATE, embedded_stack.mail_folder)
    arriving = people.during(WORKERS_EVERY_S * (TIMES + 1))
    for _ in range(TIMES):
        time.sleep(WORKERS_EVERY_S)  # between two kills
        workers = psutil.Process(embedded_stack.web.program.pid).children()
        os.kill(workers[0].pid, signal.SIGKILL)
    arriving.join()
    assert (len(people.receipts), people.lost) == (RATE * WORKERS_EVERY_S * (TIMES + 1), [])
    settle(embedded_stack, len(people.receipts))
    assert_reconciled(embedded_stack, people.receipts)
