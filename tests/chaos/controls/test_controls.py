"""Negative controls: without a guard, the check that depends on it must fail.

The guards are taken out by the launcher of the tests; production code has no switch for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.sources import text_of
from tests.chaos.controls.bus_scenarios import MESSAGES, innocents_parked, messages_lost_by_a_restart
from tests.chaos.controls.conftest import Table
from tests.chaos.controls.scenarios import (
    Place,
    Scenario,
    broken_messages,
    killed_at,
    killed_in_a_batch,
    topology_broken,
)
from tests.support.installation import make_installation
from tests.support.launching.controls import CONTROLS
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode


@dataclass(frozen=True, slots=True)
class Control:
    """Attributes:
    part: what is taken out.
    program: where.
    scenario: what is done then.
    fails: the checks that find something.
    """

    part: str
    program: str
    scenario: Scenario
    fails: Sequence[str]


SYSTEM = (
    Control("ack-before-commit", "events-consume", killed_in_a_batch("inbox.applied"), ["is counted"]),
    Control("marked-before-confirm", "registration-relay", killed_at("publisher.sent"), ["is registered"]),
    Control("inbox-off", "events-consume", killed_at("inbox.committed"), ["effect once"]),
    Control("confirms-off", "registration-relay", topology_broken, ["is counted", "is mailed"]),
    Control("random-message-id", "registration-relay", killed_at("relay.published"), ["effect once"]),
    Control("default-on-decode-error", "events-consume", broken_messages, ["is parked"]),
    Control("random-mail-id", "notifications-send", killed_at("smtp.dot"), ["one Message-ID"]),
)
OF_THE_BUS = ("transient-queues", "prefetch-100")
SEAT_LOCK = (
    "tests/integration/registration/test_race.py",
    "test_seats_are_kept_by_their_lock",
    'ids=["locked", "unlocked"]',
)


def test_every_control_has_a_check() -> None:
    assert sorted([*(control.part for control in SYSTEM), *OF_THE_BUS]) == sorted(CONTROLS)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("control", SYSTEM, ids=lambda control: control.part)
def test_check_fails_without_its_guard(control: Control, place: Place, table: Table) -> None:
    sound = control.scenario(place, control.program, [])
    broken = control.scenario(place, control.program, [control.part])
    place.rig.restart(control.program, [])
    assert sound == {}
    assert set(control.fails) <= set(broken)
    found = ", ".join(f"{check}: {len(broken[check])}" for check in control.fails)
    table.append((control.part, ", ".join(control.fails), "nothing", found))


@pytest.mark.timeout(120)
def test_restart_loses_messages_of_transient_queues(
    own_rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path, table: Table
) -> None:
    installation = make_installation(postgres, tmp_path)
    lost = messages_lost_by_a_restart(own_rabbit, installation, processes, tmp_path, ["", "transient-queues"])
    assert lost == {"": 0, "transient-queues": MESSAGES}
    table.append(("transient-queues", "restart loses none", "0 lost", f"{MESSAGES} lost"))


@pytest.mark.timeout(240)
def test_death_parks_neighbours_of_a_large_prefetch(
    rabbit: RabbitNode, processes: ProcessGroup, tmp_path: Path, table: Table
) -> None:
    assert innocents_parked(rabbit, processes, tmp_path, []) == 0
    innocents = innocents_parked(rabbit, processes, tmp_path, ["prefetch-100"])
    assert innocents > 0
    table.append(("prefetch-100", "neighbours go on", "0 parked", f"{innocents} parked"))


def test_seat_lock_has_its_control_elsewhere(table: Table) -> None:
    file, name, case = SEAT_LOCK
    assert f"def {name}(" in text_of(Path(file))
    assert case in text_of(Path(file))
    table.append(("seat-lock-off", "capacity is exact", "exact", f"oversold, see {Path(file).name}"))
