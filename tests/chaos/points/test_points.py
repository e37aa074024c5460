"""Every fail point, broken in every way: an answered 202 is decided, counted and mailed once after any crash.

In `make test` each point is killed once; `make chaos` tries all cells. A fault must be shown to have happened, and a
point that no one has listed fails.
"""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from tests.chaos.points.driver import Driver
from tests.chaos.points.table import APART, BUSES, TABLE, Bus, Cell, all_cells, short_cells, waves
from tests.support.fail_points import POINTS
from tests.support.rig import PROGRAMS
from tests.support.stack import Stack, assert_audited

FULL_PEOPLE = 60
PARKED_WITHIN_S = 30.0


def test_every_point_is_listed() -> None:
    assert {name: set(point.roles) for name, point in POINTS.items()} == {
        name: set(row.roles) for name, row in TABLE.items()
    }


def test_short_pass_has_every_point() -> None:
    assert {cell.point for cell in short_cells()} == set(POINTS)
    assert set(short_cells()) <= set(all_cells())


def test_waves_hold_each_cell_once_and_each_program_once_a_wave() -> None:
    for cells in (all_cells(), short_cells()):
        made = [wave for bus in BUSES for wave in waves([cell for cell in cells if cell.bus == bus])]
        assert sorted(map(str, cells)) == sorted(str(cell) for wave in made for cell in wave)
        assert all(len({cell.program for cell in wave}) == len(wave) for wave in made)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("driver", "bus"), [(bus, bus) for bus in BUSES], indirect=["driver"], ids=BUSES)
def test_nothing_is_lost_and_nothing_doubled(driver: Driver, bus: Bus, chaos_full: bool, covered: set[str]) -> None:
    listed = [cell for cell in (all_cells() if chaos_full else short_cells()) if cell.bus == bus]
    driver.people = FULL_PEOPLE if chaos_full else driver.people
    began_s, quiet = time.monotonic(), True
    planned = waves(listed)
    for number, wave in enumerate(planned, start=1):
        apart = all(cell.program in APART for cell in wave)
        if not apart and not quiet:
            driver.be_quiet()
        quiet = not apart
        driver.try_wave(wave)
        covered |= {cell.point for cell in wave}
        faults = ", ".join(str(cell).partition("/")[2] for cell in wave)
        print(f"{bus} {number} of {len(planned)}, {driver.tally.waves_s[-1]:.1f} s: {faults}")
    assert sorted(map(str, driver.tally.cells)) == sorted(map(str, listed))
    driver.rig.wait_until(lambda: driver.work.parked() == driver.work.all_parked(), PARKED_WITHIN_S, "what is parked")
    driver.work.drop_parked()
    assert_audited(driver.rig.stack, driver.rig.people.receipts)
    assert driver.rig.calls() == _allowed_calls(driver.rig.stack)
    _report(driver, bus, listed, time.monotonic() - began_s)


def _allowed_calls(stack: Stack) -> dict[str, set[str]]:
    """Whom each process may call beside its database: relays and consumers the broker, the sender the mail relay."""
    brokers = {urlsplit(url).netloc.rpartition("@")[2] for url in stack.broker_urls}
    speaking = [name for name in PROGRAMS if brokers and name.rpartition("-")[2] in ("relay", "consume")]
    return {**dict.fromkeys(speaking, brokers), "notifications-send": {f"127.0.0.1:{stack.ports['smtp']}"}}


def _report(driver: Driver, bus: Bus, listed: Sequence[Cell], took_s: float) -> None:
    covered, there = {cell.point for cell in driver.tally.cells}, {cell.point for cell in listed}
    print(
        f"\n{bus}: cells run {len(driver.tally.cells)} = cells listed {len(listed)}; points {len(covered)} of "
        f"{len(there)} on this bus ({len(POINTS)} in all); registrations {len(driver.rig.people.receipts)}, "
        f"lost {len(driver.rig.people.lost)}, doubled 0; {took_s:.0f} s in {len(driver.tally.waves_s)} waves"
    )
