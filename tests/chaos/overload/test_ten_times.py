"""Ten times the load that can be served, with clients that keep retrying.

A timing is no timed test: the figures are printed, and what is asserted holds on a machine that does much else too.
"""

import statistics
import threading
from pathlib import Path

import pytest

from tests.chaos.overload.requests import asking, person
from tests.chaos.overload.throttled_service import Site, assert_answers_true, let_in_at_last, report, start_site
from tests.support.installation import TestInstallation, make_installation
from tests.support.open_loop import Load, fire, percentile_s
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.schedules import steady, step

TIMES = 10
CAPACITY_PER_S = 100
"""What the database stores."""
QUERIES_PER_S = 5
BEFORE_S, DURING_S, AFTER_S = 3.0, 60.0, 10.0
MAX_LATENCY_S = 10.0
"""Until a refusal, on a machine that does much else; the pool gives up after 2 s."""


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Databases and secrets."""
    return make_installation(postgres, tmp_path)


@pytest.fixture
def site(processes: ProcessGroup, installation: TestInstallation) -> Site:
    """A service with a slow database."""
    return start_site(processes, installation, CAPACITY_PER_S)


@pytest.mark.timeout(300)
def test_ten_times_as_many_as_can_be_served(site: Site, installation: TestInstallation) -> None:
    """As many are served as without the others, quickly; the others are refused at once; then all is as before."""
    calm = CAPACITY_PER_S / 2
    queries: list[Load] = []
    asks = asking("/v1/registrations?form=upr-webinar-10&limit=20", installation.secrets.coordinator_key)
    idle = fire(site.url, steady(QUERIES_PER_S, BEFORE_S), asks)
    asked = steady(QUERIES_PER_S, DURING_S, BEFORE_S)
    coordinator = threading.Thread(target=lambda: queries.append(fire(site.url, asked, asks)))
    coordinator.start()
    spent_s = -site.cpu_s()
    load = fire(site.url, step(calm, CAPACITY_PER_S * TIMES / calm, BEFORE_S, DURING_S, AFTER_S), person)
    coordinator.join()
    spent_s += site.cpu_s()
    print(report("ten times", load), f"; {spent_s / len(load.shots) * 1000:.2f} ms of the web processes each")
    print(_compared(idle, queries[0]))
    assert_answers_true(site, load)
    refused = site.refused()
    print(f"refused at admission, by reason: {refused}")
    assert len(load.answered(503)) > 0
    max_latency_s = max(shot.latency_s for shot in load.answered(503))
    assert max_latency_s < MAX_LATENCY_S, "a request without a connection to the database in time is refused"
    good = load.goodput()[int(BEFORE_S) : int(BEFORE_S + DURING_S)]
    print(f"goodput {min(good)} to {max(good)} a second, mean {statistics.mean(good):.0f}")
    assert sum(good) >= CAPACITY_PER_S * DURING_S / 2
    afterwards = [shot for shot in load.shots if shot.due_s >= BEFORE_S + DURING_S + AFTER_S - 1]
    assert {shot.status for shot in afterwards} == {202}
    succeeded = len(queries[0].answered(200))
    assert len(queries[0].shots) == succeeded + len(queries[0].answered(503))
    assert succeeded >= len(asked) / 2


@pytest.mark.timeout(200)
def test_everyone_who_is_refused_asks_again_at_once(site: Site) -> None:
    """Five times each, with their key; and again when it is calm: then all are in, each once."""
    load = fire(site.url, steady(CAPACITY_PER_S * 3, 20.0), person, retries=5)
    print(report("retry storm", load))
    assert len(load.answered(503)) > 0
    loads = let_in_at_last(site, load, CAPACITY_PER_S / 2)
    assert_answers_true(site, *loads)
    assert len(site.stored()) == len({shot.number for shot in load.shots})


def _compared(idle: Load, busy: Load) -> str:
    def shown(load: Load) -> str:
        latencies = [shot.latency_s for shot in load.shots]
        return f"p50 {percentile_s(latencies, 0.5) * 1000:.0f} p99 {percentile_s(latencies, 0.99) * 1000:.0f} ms"

    return f"coordinators' queries: idle {shown(idle)}; during it {shown(busy)}"
