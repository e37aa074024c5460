"""The decider is killed, frozen, started twice, and crashed by a submission: all others are decided once."""

import time
from pathlib import Path

import pytest

from deploy.shape import worker_name
from services.registration.intake.queue import BATCH_BY_ATTEMPTS, MAX_ATTEMPTS, replay_parked
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from tests.support.arrivals import Arrivals
from tests.support.installation import make_installation
from tests.support.launching.parts import DEADLY
from tests.support.participants import Participant, SinkLinks
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rig import Rig
from tests.support.stack import Stack, assert_reconciled, settle

DECIDE = worker_name("registration", "decide")
RATE = 10
BETWEEN_S = 2.0
TIMES = 5
FROZEN_S = 4.0
PEOPLE, DEADLY_ONE = 5, 2
PARKED_WITHIN_S = 90.0
_STATES = "SELECT state, attempts FROM submission WHERE kind = 'submission' ORDER BY id"
_PARKED = "SELECT count(*)::int FROM submission WHERE state = 'parked'"


@pytest.mark.timeout(300)
def test_deciders_killed_frozen_and_started_twice(embedded_stack: Stack) -> None:
    """One of two is on standby: one decides at a time, and nothing is decided twice or tried until it is parked."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    environment = {**embedded_stack.environment("registration", "decide"), "TROIKA_METRICS_PORT": "0"}
    second = embedded_stack.processes.start("second-decider", "services.registration decide", env=environment)
    first = embedded_stack.programs[DECIDE]
    people = Arrivals(embedded_stack.web.url, RATE, embedded_stack.mail_folder)
    arriving = people.during(TIMES * (2 * BETWEEN_S + FROZEN_S))
    for _ in range(TIMES):
        time.sleep(BETWEEN_S)  # while people come
        first.kill()
        first.start_again()
        time.sleep(BETWEEN_S)
        second.suspend()
        time.sleep(FROZEN_S)  # in which the other one decides alone
        second.resume()
    arriving.join()
    assert (people.refused, people.lost) == ({}, [])
    settle(embedded_stack, len(people.receipts))
    assert embedded_stack.sql("registration", _PARKED) == [(0,)]
    assert_reconciled(embedded_stack, people.receipts)


@pytest.fixture
def rig(postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> Rig:
    """A started system on the embedded bus, under orders."""
    made = Rig(Stack(processes, make_installation(postgres, tmp_path)), tmp_path)
    made.start()
    return made


@pytest.mark.timeout(300)
def test_submission_that_kills_the_decider_is_parked_alone(rig: Rig) -> None:
    """After five attempts, in smaller and smaller batches; its neighbours are decided, and so is it once replayed."""
    stack, links = rig.stack, SinkLinks(rig.stack.mail_folder)
    rig.restart(DECIDE, ["deadly"])
    stack.programs[DECIDE].suspend()  # all of them are to be in one batch
    people = [Participant(rig.people.url, links, number) for number in range(PEOPLE)]
    for one in people:
        name = DEADLY if one.number == DEADLY_ONE else f"Participant {one.number}"
        assert one.submit(f"person-number-{one.number:06}", name=name).status == 202
    stack.programs[DECIDE].resume()
    others = [one for one in people if one.number != DEADLY_ONE]
    rig.wait_until(lambda: stack.sql("registration", _PARKED) == [(1,)], PARKED_WITHIN_S, "the deadly one is parked")
    rig.wait_until(lambda: all(one.confirm() for one in others), PARKED_WITHIN_S, "the others have confirmed")
    states = stack.sql("registration", _STATES)
    assert states[DEADLY_ONE] == ("parked", MAX_ATTEMPTS)
    assert {state for state, _attempts in states[:DEADLY_ONE] + states[DEADLY_ONE + 1 :]} == {"decided"}
    assert all(int(str(attempts)) < len(BATCH_BY_ATTEMPTS) for state, attempts in states if state == "decided")
    rig.restart(DECIDE, [])
    _replay(stack)
    rig.wait_until(people[DEADLY_ONE].confirm, PARKED_WITHIN_S, "it is decided and confirmed once it kills no process")
    settle(stack, PEOPLE)
    for one in people:
        one.line.close()


def _replay(stack: Stack) -> None:
    """As an operator does, once the bug is mended."""
    engine = open_engine(stack.installation.urls["registration"])
    with UnitOfWork(engine, "registration").transaction() as connection:
        assert len(replay_parked(connection, None)) == 1
    engine.dispose()
