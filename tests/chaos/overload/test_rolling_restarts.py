"""Web services behind the gateway are restarted one by one while people register: no one notices."""

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from deploy.shape import SERVICES
from tests.chaos.overload.requests import person, reading
from tests.chaos.overload.throttled_service import report
from tests.support.gateway import gateway
from tests.support.installation import make_installation
from tests.support.open_loop import Load, fire
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.schedules import steady
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, load_webinar, start_web

WORKERS, TIMES = 2, 20
PEOPLE_PER_S, READERS_PER_S = 10, 2
PAGES = {"/embed/upr-webinar-10": 200, "/v1/events": 200, "/u/-/page.css": 200}
"""One of each service, and its answer."""


class Visits:
    """People who arrive at a steady rate until the test ends; each second is a separate load."""

    def __init__(self, url: str) -> None:
        self.loads: dict[str, list[Load]] = {"register": [], **{path: [] for path in PAGES}}
        self._url = url
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._come, args=(name,)) for name in self.loads]

    def __enter__(self) -> "Visits":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come(self, name: str) -> None:
        registers = name == "register"
        rate, request = (PEOPLE_PER_S, person) if registers else (READERS_PER_S, reading(name))
        while not self._over.is_set():
            load = fire(self._url, steady(rate, 1.0), request, first=len(self.loads[name]) * rate)
            self.loads[name].append(load)


@pytest.mark.timeout(900)
def test_no_one_notices_restarts(
    run_folder: RunFolder, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    """HUP to all web services at once, again as soon as the last one is through: 0 failed requests."""
    installation = make_installation(postgres, tmp_path)
    load_webinar(installation, capacity=None)
    webs = {service: start_web(processes, installation, workers=WORKERS, service=service) for service in SERVICES}
    with gateway(run_folder, webs) as url, Visits(url) as visits:
        for _ in range(TIMES):
            _restart(list(webs.values()))
    for name, loads in visits.loads.items():
        whole = Load([shot for load in loads for shot in load.shots])
        print(report(f"{TIMES} restarts, {name}", whole))
        assert [shot.body for shot in whole.shots if shot.status != PAGES.get(name, 202)] == [], name
    assert sum(len(load.shots) for load in visits.loads["register"]) >= PEOPLE_PER_S


def _restart(webs: list[RunningWeb]) -> None:
    """Returns when all old workers have ended."""
    before = {web.program.pid: _workers(web) for web in webs}
    for web in webs:
        os.kill(web.program.pid, signal.SIGHUP)
    for web in webs:
        old = before[web.program.pid]
        poll_until(
            lambda web=web, old=old: not _workers(web) & old and len(_workers(web)) == WORKERS,  # type: ignore[misc]
            60,
            what=f"{web.program.name} has new workers alone",
        )


def _workers(web: RunningWeb) -> set[int]:
    return {child.pid for child in psutil.Process(web.program.pid).children()}
