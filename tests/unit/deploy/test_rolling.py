"""An old worker waits for its successors, and for nobody else."""

import os

from deploy.rolling import Generations


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


def test_what_a_worker_says_is_seen_by_the_others() -> None:
    generations = Generations()
    generations.forked(7)
    child = os.fork()
    if child == 0:
        generations.settled(7)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not generations.younger_ones_start(6)
