"""The implementations that are compared: the floors and our intake, each with two processes, measured alternately."""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.benchmarks import intake_adapter
from tests.benchmarks.floor import make_table
from tests.benchmarks.intake_adapter import DECIDER
from tests.benchmarks.load import Result, drive
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.servers import Servers
from tests.benchmarks.submissions import submissions
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, load_webinar, start_web

WARM_UP_S, WARM_UP_CLIENTS = 2.0, 8
SEATS = 1000
DRAINED_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Implementation:
    """A web service that takes the form.

    Attributes:
        name: shown in tables.
        arguments: module and arguments that start it.
        floor: whether it is a reference with its own table.
        decides: whether a decider runs beside it.
        by_email: whether owners of addresses have to confirm.
    """

    name: str
    arguments: str
    floor: bool = False
    decides: bool = False
    by_email: bool = False


THREADS = Implementation("Flask, gthread", "tests.benchmarks.serve threads", floor=True)
GEVENT = Implementation("Flask, gevent, orjson", "tests.benchmarks.serve gevent", floor=True)
STARLETTE = Implementation("Starlette, asyncpg", "tests.benchmarks.serve starlette", floor=True)
ACCEPTS = Implementation("intake", "services.registration web")
DECIDES = Implementation("intake with decider", "services.registration web", decides=True)
BY_EMAIL = Implementation("intake by e-mail", "services.registration web", decides=True, by_email=True)
FLOORS = (THREADS, GEVENT, STARLETTE)


@dataclass(slots=True)
class Running:
    """A way that runs.

    Attributes:
        way: which.
        installation: its databases.
        web: its web processes.
        decider: None without one.
    """

    implementation: Implementation
    installation: TestInstallation
    web: RunningWeb
    decider: Program | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return place_of(self.web.url)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of its processes."""
        return (self.web.program.pid, *((self.decider.pid,) if self.decider else ()))


def place_of(url: str) -> tuple[str, int]:
    """Host and port of ``url``."""
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or 80


@dataclass(frozen=True, slots=True)
class Figure:
    """Attributes:
    per_second: accepted.
    p50_ms, p99_ms: of the accepted.
    cpu_ms: of web processes, decider and PostgreSQL for each that was accepted, until it is decided where one decides.
    others: answers that did not accept.
    backlog_s: age of the oldest undecided submission at the end of the load.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    others: int
    backlog_s: float


Figures = dict[tuple[str, int], Figure]
"""The median run by the implementation's name and the number of clients."""


@contextmanager
def running(servers: Servers, ways: Sequence[Implementation], *, workers: int = 2) -> Iterator[list[Running]]:
    """The ways, started and warm, each on one limited form with two sealed fields."""
    with servers.processes() as processes:
        runs = [start(processes, servers.fresh_installation("way"), implementation, workers) for implementation in ways]
        for run in runs:
            drive(*run.place, submissions(10_000_000), WARM_UP_CLIENTS, WARM_UP_S)
            wait_decided(run)
        yield runs


def start(
    processes: ProcessGroup, installation: TestInstallation, implementation: Implementation, workers: int = 2
) -> Running:
    """Start one implementation with ``workers`` processes on its own databases, with the webinar's form."""
    load_webinar(installation, capacity=SEATS)
    intake_adapter.seal_two(installation)
    if implementation.by_email:
        intake_adapter.verify_by_email(installation)
    if implementation.floor:
        make_table(installation)
    name = f"{implementation.name}-{workers}".replace(" ", "-").replace(",", "")
    web = start_web(processes, installation, workers=workers, arguments=implementation.arguments, name=name)
    run = Running(implementation, installation, web)
    if implementation.decides:
        start_decider(run, processes, f"decider-{name}")
    return run


def start_decider(run: Running, processes: ProcessGroup, name: str) -> None:
    """Start the decider of ``run``."""
    environment = run.installation.environment("registration", DECIDER)
    environment |= {"TROIKA_METRICS_PORT": str(free_port()), "TROIKA_UNVERIFIED_A_DAY": "1000000"}
    run.decider = processes.start(name, f"services.registration {DECIDER}", env=environment)


def wait_decided(run: Running) -> None:
    """Wait until the decider of ``run`` has no more to do; at once without one."""
    if run.decider is not None:
        poll_until(
            lambda: intake_adapter.undecided(run.installation) == 0, DRAINED_WITHIN_S, what="the backlog is decided"
        )


def measure_ways(
    servers: Servers, clients: Sequence[int], ways: Sequence[Implementation], rounds: int | None = None
) -> Figures:
    """Measure the implementations alternately, so that noise affects all of them, and print the medians."""
    found: dict[tuple[str, int], list[Figure]] = {}
    rounds, people = rounds or servers.options.rounds, submissions()
    with running(servers, ways) as runs:
        for count in clients:
            for _round in range(rounds):
                for run in runs:
                    figure = _measure(run, servers, people, count)
                    found.setdefault((run.implementation.name, count), []).append(figure)
    medians = {key: _median(figures) for key, figures in found.items()}
    _print(medians, f"median of {rounds} runs of {servers.options.seconds:g} s")
    return medians


def _measure(run: Running, servers: Servers, people: Iterator[bytes], clients: int) -> Figure:
    pids = (*run.pids, servers.postgres.pid)
    before = cpu_s(pids)
    result = drive(*run.place, people, clients, servers.options.seconds)
    backlog_s = intake_adapter.backlog_s(run.installation) if run.decider else 0.0
    wait_decided(run)
    return figure_of(result, cpu_s(pids) - before, backlog_s)


def figure_of(result: Result, spent_s: float, backlog_s: float = 0.0) -> Figure:
    """The figures of one run.

    Raises:
        AssertionError: nothing was accepted.
    """
    count = len(result.latencies_s)
    assert count, f"none was answered as wanted: {result.others}"
    return Figure(
        result.per_second,
        result.percentile_ms(0.5),
        result.percentile_ms(0.99),
        spent_s * 1000 / count,
        sum(result.others.values()),
        backlog_s,
    )


def _median(figures: list[Figure]) -> Figure:
    """The median run, with the median of processor time and the longest backlog."""
    one = sorted(figures, key=lambda figure: figure.per_second)[len(figures) // 2]
    return Figure(
        round(one.per_second),
        round(one.p50_ms, 2),
        round(one.p99_ms, 1),
        round(statistics.median(figure.cpu_ms for figure in figures), 2),
        sum(figure.others for figure in figures),
        round(max(figure.backlog_s for figure in figures), 2),
    )


def _print(medians: Figures, title: str) -> None:
    print(f"  {title}, {SEATS} seats then the waiting list, {len(intake_adapter.SEALED)} sealed fields")
    print(
        f"  {'way':<24}{'clients':>8}{'per s':>8}{'ratio':>7}{'CPU ms':>8}{'p50 ms':>8}{'p99 ms':>8}{'others':>8}"
        f"{'backlog s':>11}"
    )
    for (implementation, clients), one in medians.items():
        floor = medians.get((GEVENT.name, clients))
        ratio = f"{one.per_second / floor.per_second:.2f}" if floor else ""
        print(
            f"  {implementation:<24}{clients:>8}{one.per_second:>8.0f}{ratio:>7}{one.cpu_ms:>8.2f}{one.p50_ms:>8.1f}"
            f"{one.p99_ms:>8.1f}{one.others:>8}{one.backlog_s:>11.1f}",
            flush=True,
        )
