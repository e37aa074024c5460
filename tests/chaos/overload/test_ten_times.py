"""Ten times as many as can be served, and those who ask again and again."""

import statistics
import threading
from pathlib import Path

import pytest

from tests.chaos.overload.people import asking, person
from tests.chaos.overload.throttled import Site, assert_told_the_truth, let_in_at_last, report, start_site
from tests.support.installation import TestInstallation, make_installation
from tests.support.open_loop import Load, fire, percentile_s
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.schedules import rush, steady, step

TIMES = 10
QUERIES_PER_S = 5
BEFORE_S, AFTER_S = 3.0, 5.0


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Databases and secrets."""
    return make_installation(postgres, tmp_path)


@pytest.fixture
def capacity_per_s(chaos_full: bool) -> int:
    """What the database stores: few in the short pass, so that the machine itself has room for ten times as many."""
    return 100 if chaos_full else 40


@pytest.fixture
def site(processes: ProcessGroup, installation: TestInstallation, capacity_per_s: int) -> Site:
    """A service with a slow database."""
    return start_site(processes, installation, capacity_per_s)


@pytest.mark.timeout(300)
def test_ten_times_as_many_as_can_be_served(
    site: Site, installation: TestInstallation, capacity_per_s: int, chaos_full: bool
) -> None:
    """As many are served as without the others, quickly; the others are told at once; afterwards all is as before."""
    during_s = 60.0 if chaos_full else 10.0
    calm = capacity_per_s / 2
    queries: list[Load] = []
    asks = asking("/v1/registrations?form=upr-webinar-10&limit=20", installation.secrets.coordinator_key)
    idle = fire(site.url, steady(QUERIES_PER_S, BEFORE_S), asks)
    asked = steady(QUERIES_PER_S, during_s, BEFORE_S)
    coordinator = threading.Thread(target=lambda: queries.append(fire(site.url, asked, asks)))
    coordinator.start()
    spent_s = -site.cpu_s()
    load = fire(site.url, step(calm, capacity_per_s * TIMES / calm, BEFORE_S, during_s, AFTER_S), person)
    coordinator.join()
    spent_s += site.cpu_s()
    print(report("ten times", load), f"; {spent_s / len(load.shots) * 1000:.2f} ms of the web processes each")
    print(_compared(idle, queries[0]))
    assert_told_the_truth(site, load)
    good = load.goodput()
    busy = good[int(BEFORE_S) + 1 : int(BEFORE_S + during_s)]
    print(f"goodput {min(busy)} to {max(busy)} a second, mean {statistics.mean(busy):.0f}")
    assert statistics.mean(busy) >= max(busy) / 2
    afterwards = [shot for shot in load.shots if shot.due_s >= BEFORE_S + during_s + AFTER_S - 1]
    assert {shot.status for shot in afterwards} == {201}
    assert set(queries[0].statuses()) == {200}


@pytest.mark.timeout(200)
def test_everybody_who_is_refused_asks_again_at_once(site: Site, capacity_per_s: int, chaos_full: bool) -> None:
    """Five times each, with their key; and once more when it is calm: then all are in, each once."""
    load = fire(site.url, steady(capacity_per_s * 3, 20.0 if chaos_full else 4.0), person, retries=5)
    print(report("retry storm", load))
    assert len(load.answered(503)) > 0
    loads = let_in_at_last(site, load, capacity_per_s / 2)
    assert_told_the_truth(site, *loads)
    assert len(site.stored()) == len({shot.number for shot in load.shots})


@pytest.mark.timeout(200)
def test_rush_is_served(processes: ProcessGroup, installation: TestInstallation, chaos_full: bool) -> None:
    """970 people in 17 seconds, or three times as many, on one form: whom the machine has no time for comes again."""
    site = start_site(processes, installation)
    load = fire(site.url, rush(3 if chaos_full else 1), person)
    print(report("rush", load))
    loads = let_in_at_last(site, load, 20)
    assert_told_the_truth(site, *loads)
    assert len(site.stored()) == len(load.shots)


def _compared(idle: Load, busy: Load) -> str:
    def shown(load: Load) -> str:
        latencies = [shot.latency_s for shot in load.shots]
        return f"p50 {percentile_s(latencies, 0.5) * 1000:.0f} p99 {percentile_s(latencies, 0.99) * 1000:.0f} ms"

    return f"coordinators' queries: idle {shown(idle)}; meanwhile {shown(busy)}"
