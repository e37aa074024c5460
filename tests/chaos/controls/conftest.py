"""One system for all controls: only the program under test is restarted, with its guard and without."""

from collections.abc import Iterator

import pytest

from tests.chaos.controls.scenarios import Place
from tests.chaos.points.work import work_for
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.proof import Proof
from tests.support.rabbitmq import RabbitNode
from tests.support.rig import Rig
from tests.support.run_folder import RunFolder
from tests.support.stack import Stack

CONFIRM_WITHIN_S = 30.0
"""Some mails are lost without a guard, and no one waits for those for long."""

Table = list[tuple[str, str, str, str]]
"""Control, check, what was found with the guard, and without it."""


@pytest.fixture(scope="module")
def place(
    run_folder: RunFolder, postgres: PostgresServer, rabbit: RabbitNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A started system on RabbitMQ, and the checks of it."""
    folder, group = tmp_path_factory.mktemp("controls"), ProcessGroup(run_folder)
    rig = Rig(Stack(group, make_installation(postgres, folder), (rabbit.fresh_vhost(),)), folder)
    try:
        rig.start()
        rig.people.confirm_within_s = CONFIRM_WITHIN_S
        proof = Proof(rig.stack)
        with work_for(rig.stack) as work:
            yield Place(rig, proof, work)
        proof.close()
    finally:
        group.end()


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Filled by the tests, printed after them."""
    lines: Table = []
    yield lines
    print(f"\n\nnegative controls: {len(lines)} of 10")
    for control, check, with_guard, without in lines:
        print(f"  {control:26} {check:18} with its guard: {with_guard:12} without: {without}")
