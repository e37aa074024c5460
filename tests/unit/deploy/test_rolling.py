"""An old worker waits for its successors, and for nothing else."""

import os
import signal

import gevent
import pytest

from deploy import rolling
from deploy.rolling import Generations, RollingWorker, SpareRoom


def test_old_workers_wait_until_all_younger_ones_can_answer() -> None:
    generations = Generations()
    for age in (1, 2):
        generations.forked(age)
        generations.settled(age)
    assert [generations.younger_ones_start(age) for age in (1, 2)] == [False, False]
    generations.forked(3)
    generations.forked(4)
    generations.settled(3)
    assert [generations.younger_ones_start(age) for age in (1, 2, 3, 4)] == [True, True, True, False]
    generations.settled(4)
    assert [generations.younger_ones_start(age) for age in (1, 2, 3, 4)] == [False] * 4


def test_report_of_a_worker_is_seen_by_the_others() -> None:
    generations = Generations()
    generations.forked(7)
    child = os.fork()
    if child == 0:
        generations.settled(7)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not generations.younger_ones_start(6)


def test_stopping_worker_continues_until_its_successors_can_answer() -> None:
    old: RollingWorker = RollingWorker.__new__(RollingWorker)
    old.age, old.alive, old.generations = 1, True, Generations()
    old.generations.forked(2)
    old.handle_exit(signal.SIGTERM, None)
    gevent.sleep(0.3)
    assert old.alive
    old.generations.settled(2)
    with gevent.Timeout(5):
        while old.alive:
            gevent.sleep(0.01)


def test_worker_stopped_with_the_service_waits_for_no_one() -> None:
    last: RollingWorker = RollingWorker.__new__(RollingWorker)
    last.age, last.alive, last.generations = 2, True, Generations()
    last.generations.forked(2)
    last.handle_exit(signal.SIGTERM, None)
    with gevent.Timeout(5):
        while last.alive:
            gevent.sleep(0.01)


def test_room_is_somewhere_as_long_as_one_worker_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    room = SpareRoom()
    assert not room.anywhere()
    child = os.fork()
    if child == 0:
        room.report(1, has_room=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    room.report(2, has_room=False)
    assert room.anywhere()
    room.report(1, has_room=False)
    assert not room.anywhere()
    room.report(2, has_room=True)
    monkeypatch.setattr(rolling, "ROOM_KNOWN_FOR_S", 0.0)
    assert not room.anywhere(), "an outdated report counts as nothing"
