"""Clocks in the matrix: each worker's, and the whole host's, is wrong while people act; nothing is lost."""

import time
from functools import partial
from pathlib import Path

import pytest

from deploy.shape import SERVICES
from tests.chaos.matrix.actions import ACTIONS, People
from tests.chaos.matrix.clocks import WHOLE_HOST, ClockCell, ClockedStack, Clocks, all_clock_cells
from tests.chaos.matrix.participants import ParticipantPool
from tests.chaos.matrix.reconciliation import assert_reconciled, settle
from tests.chaos.matrix.table import Cell
from tests.support.audit_checks import assert_soon_clean, differences
from tests.support.clock import JUMPS
from tests.support.installation import make_installation
from tests.support.journal import Journal
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.waiting import poll_until

ACTED = ("register", "cancel", "confirm")
_GONE = "SELECT count(*)::int FROM registration WHERE erased_at IS NOT NULL"
_OLDEST = "SELECT min(id)::int FROM outbox"
_PEOPLE = """
    SELECT (SELECT count(*) FROM candidate)::int, (SELECT count(*) FROM confirmation_link)::int,
        (SELECT count(*) FROM submission)::int
"""
_RUNS, _HELD = "SELECT seen_at IS NOT NULL FROM highest_time", "SELECT jumped_to IS NOT NULL FROM highest_time"
_RECEIVED = "SELECT count(*)::int FROM inbox"


@pytest.mark.timeout(1800)
def test_wrong_clocks(processes: ProcessGroup, postgres: PostgresServer, tmp_path: Path) -> None:
    """No one is erased, no candidate expires, no message is pruned, no mail is given up, and each goes once."""
    cells = list(all_clock_cells())
    stack = ClockedStack(processes, make_installation(postgres, tmp_path), clocks=Clocks(tmp_path))
    with stack:
        began_s = time.monotonic()
        stack.start()
        journal = Journal(tmp_path / "journal.jsonl")
        people = People(stack, journal)
        pool = ParticipantPool(people)
        pool.make([Cell(action, cell.process, cell.fault) for cell in cells for action in ACTED])
        oldest = {service: stack.sql(service, _OLDEST) for service in SERVICES}
        faults = [fault for cell in cells for fault in _play(stack, people, pool, cell)]
        print(f"\nclocks: {len(cells)} cells run, {time.monotonic() - began_s:.0f} s")
        assert faults == []
        settle(stack, pool)
        assert_reconciled(stack, pool, journal)
        assert {service: stack.sql(service, _OLDEST) for service in SERVICES} == oldest
        assert_soon_clean(partial(differences, stack.installation, journal.read().receipts, stack.copies()))


@pytest.mark.timeout(600)
def test_jump_of_the_whole_host(processes: ProcessGroup, postgres: PostgresServer, tmp_path: Path) -> None:
    """Databases and workers are eight days ahead together for seconds: no one is deleted, and all is held."""
    stack = ClockedStack(processes, make_installation(postgres, tmp_path), clocks=Clocks(tmp_path), follow=JUMPS)
    with stack:
        stack.start()
        journal = Journal(tmp_path / "journal.jsonl")
        people = People(stack, journal)
        pool = ParticipantPool(people)
        pool.make([Cell(action, WHOLE_HOST, "ahead") for action in ACTED for _ in range(4)])
        poll_until(lambda: _seen(stack, _RUNS), 60, what="each service has seen the time")
        before = _kept(stack)

        def held() -> None:
            poll_until(lambda: _seen(stack, _HELD), 60, what="each service holds what is final")
            assert _kept(stack) == before

        stack.clocks.jump(held)
        poll_until(lambda: not any(stack.sql(one, _HELD) == [(True,)] for one in SERVICES), 60, what="the wait ends")
        assert _kept(stack) == before
        settle(stack, pool)
        assert_reconciled(stack, pool, journal)


def _kept(stack: ClockedStack) -> list[object]:
    return [stack.sql("registration", _PEOPLE), *(stack.sql(service, _OLDEST) for service in SERVICES)]


def _seen(stack: ClockedStack, question: str) -> bool:
    return all(stack.sql(service, question) == [(True,)] for service in SERVICES)


def _play(stack: ClockedStack, people: People, pool: ParticipantPool, cell: ClockCell) -> list[str]:
    """What was not answered right while a clock was wrong, and what was gone afterwards."""
    before = {service: stack.sql(service, _RECEIVED) for service in SERVICES}
    wrong: list[str] = []

    def act() -> None:
        for action in (ACTIONS[name] for name in ACTED):
            answer = people.ask(action, pool.take(action))
            if answer.status != action.right:
                wrong.append(f"{action.name} while the clock of {cell.process} is {cell.fault}: {answer.status}")

    stack.clocks.play(cell, act)
    if stack.sql("registration", _GONE) != [(0,)]:
        wrong.append(f"{cell.process} {cell.fault}: someone was erased")
    if any(stack.sql(service, _RECEIVED) < before[service] for service in SERVICES):
        wrong.append(f"{cell.process} {cell.fault}: an inbox was pruned")
    return wrong
