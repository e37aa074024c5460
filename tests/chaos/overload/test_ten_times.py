"""Ten times as many as can be served, and those who ask again and again."""

import statistics
import threading
from pathlib import Path

import pytest

from tests.chaos.overload.people import asking, person
from tests.chaos.overload.throttled import CAPACITY_PER_S, Site, assert_told_the_truth, report, start_site
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
def site(processes: ProcessGroup, installation: TestInstallation) -> Site:
    """A service that stores about a hundred a second."""
    return start_site(processes, installation)


@pytest.mark.timeout(300)
def test_ten_times_as_many_as_can_be_served(site: Site, installation: TestInstallation, chaos_full: bool) -> None:
    """As many are served as without the others, quickly; the others are told at once; afterwards all is as before."""
    during_s = 60.0 if chaos_full else 10.0
    calm = CAPACITY_PER_S / 2
    queries: list[Load] = []
    asks = asking("/v1/registrations?form=upr-webinar-10&limit=20", installation.secrets.coordinator_key)
    idle = fire(site.url, steady(QUERIES_PER_S, BEFORE_S), asks)
    asked = steady(QUERIES_PER_S, during_s, BEFORE_S)
    coordinator = threading.Thread(target=lambda: queries.append(fire(site.url, asked, asks)))
    coordinator.start()
    load = fire(site.url, step(calm, CAPACITY_PER_S * TIMES / calm, BEFORE_S, during_s, AFTER_S), person)
    coordinator.join()
    print(report("ten times", load))
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
def test_everybody_who_is_refused_asks_again_at_once(site: Site, chaos_full: bool) -> None:
    """Five times each, with their key: who is let in at last is registered once."""
    load = fire(site.url, steady(CAPACITY_PER_S * 3, 20.0 if chaos_full else 5.0), person, retries=5)
    print(report("retry storm", load))
    assert_told_the_truth(site, load)
    people = {shot.number: 0 for shot in load.shots}
    refused = {shot.number for shot in load.answered(503)}
    for shot in load.answered(201):
        people[shot.number] += 1
    assert set(people.values()) <= {0, 1}
    came_through = [number for number in refused if people[number]]
    assert len(came_through) > 0
    good = load.goodput()[1:-1]
    assert statistics.mean(good) >= max(good) / 2


@pytest.mark.timeout(200)
def test_threefold_rush_is_served_whole(
    processes: ProcessGroup, installation: TestInstallation, chaos_full: bool
) -> None:
    """2,910 people in 17 seconds, 402 of them in the first, on one form: nobody is refused."""
    site = start_site(processes, installation, braked=False)
    folds = 3 if chaos_full else 1
    load = fire(site.url, rush(folds), person)
    print(report(f"rush x {folds}", load))
    assert load.statuses() == {201: 970 * folds}
    assert_told_the_truth(site, load)


def _compared(idle: Load, busy: Load) -> str:
    def shown(load: Load) -> str:
        latencies = [shot.latency_s for shot in load.shots]
        return f"p50 {percentile_s(latencies, 0.5) * 1000:.0f} p99 {percentile_s(latencies, 0.99) * 1000:.0f} ms"

    return f"coordinators' queries: idle {shown(idle)}; meanwhile {shown(busy)}"
