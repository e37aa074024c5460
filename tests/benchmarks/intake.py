"""P1: registrations a second on one limited event, 64 and 128 clients. P2: one client, one at a time."""

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from tests.benchmarks.floor import make_table
from tests.benchmarks.ground import Entry, Ground
from tests.benchmarks.load import Result, drive
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.submissions import submissions
from tests.support.installation import TestInstallation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.web import RunningWeb, load_webinar, start_web

ROUNDS = 3
SECONDS = 6.0
WARM_UP_S = 2.0
SEATS = 1000
WAYS = {
    "floor": "tests.benchmarks.serve floor",
    "per-request": "tests.benchmarks.serve ungrouped",
    "group": "services.registration web",
}
UNHELD = {"unheld": "tests.benchmarks.serve unheld"}
AIM_FLOOR, AIM_PER_REQUEST, AIM_SINGLE = 1.0, 3.0, 1.6


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: answers a second, latencies and processor time an answer, all in milliseconds but the first."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    others: int


Figures = dict[tuple[str, int], Figure]
"""The median round by way and clients."""


def measure_many(ground: Ground) -> Entry:
    """P1."""
    medians = _measure_ways(ground, (64, 128), WAYS)
    entries = {f"at_{clients}": _intake(medians, clients) for clients in (64, 128)}
    ratio = min(entry["ratio"] for entry in entries.values())
    gain = min(entry["to_per_request"] for entry in entries.values())
    met = ratio >= AIM_FLOOR and gain >= AIM_PER_REQUEST
    return {"ratio": ratio, "aim": AIM_FLOOR, "met": met, "per_second": entries["at_64"]["per_second"], **entries}


def measure_single(ground: Ground) -> Entry:
    """P2: as people have it, in steps of time (ADR 21); and what it takes without them."""
    medians = _measure_ways(ground, (1,), WAYS | UNHELD)
    ratio = round(medians["group", 1].p50_ms / medians["floor", 1].p50_ms, 2)
    unheld = round(medians["unheld", 1].p50_ms / medians["floor", 1].p50_ms, 2)
    ways = {way.replace("-", "_"): asdict(medians[way, 1]) for way in (*WAYS, *UNHELD)}
    return {"ratio": ratio, "aim": AIM_SINGLE, "met": ratio <= AIM_SINGLE, "ratio_unheld": unheld, **ways}


def intake_per_second(ground: Ground) -> float:
    """What the intake takes with 64 clients: of this run's P1, or measured now in one round."""
    if "P1" not in ground.entries:
        medians = _measure_ways(ground, (64,), {"group": WAYS["group"]}, rounds=1)
        return medians["group", 64].per_second
    return float(ground.entries["P1"]["per_second"])


def _measure_ways(ground: Ground, clients: tuple[int, ...], ways: dict[str, str], rounds: int = ROUNDS) -> Figures:
    """The ways take turns, so that noise falls on all of them."""
    found: dict[tuple[str, int], list[Figure]] = {}
    name = "-".join(("intake", *map(str, clients), str(len(ground.entries))))
    with ground.processes() as processes:
        webs = {way: start(processes, ground.installation(f"{name}-{way}"), way, ways[way]) for way in ways}
        people = submissions()
        for web in webs.values():
            _drive(web, people, 8, WARM_UP_S)
        for count in clients:
            for _round in range(rounds):
                for way, web in webs.items():
                    found.setdefault((way, count), []).append(_measure(web, ground.postgres, people, count))
    _print(found, rounds)
    return {key: _median(figures) for key, figures in found.items()}


def start(processes: ProcessGroup, installation: TestInstallation, way: str, arguments: str) -> RunningWeb:
    """A way that takes registrations on one limited event, with two processes."""
    load_webinar(installation, capacity=SEATS)
    if way == "floor":
        make_table(installation)
    return start_web(processes, installation, workers=2, arguments=arguments, name=way)


def _measure(web: RunningWeb, postgres: PostgresServer, people: Iterator[bytes], clients: int) -> Figure:
    pids = (web.program.pid, postgres.pid)
    before = cpu_s(pids)
    result = _drive(web, people, clients, SECONDS)
    spent_s = cpu_s(pids) - before
    count = max(1, len(result.latencies_s))
    others = sum(result.others.values())
    return Figure(
        result.per_second, result.percentile_ms(0.5), result.percentile_ms(0.99), spent_s * 1000 / count, others
    )


def _drive(web: RunningWeb, people: Iterator[bytes], clients: int, seconds: float) -> Result:
    place = urlsplit(web.url)
    return drive(str(place.hostname), place.port or 80, people, clients, seconds)


def _median(figures: list[Figure]) -> Figure:
    """The round in the middle, with the median of processor time."""
    one = sorted(figures, key=lambda figure: figure.per_second)[len(figures) // 2]
    cpu_ms = statistics.median(figure.cpu_ms for figure in figures)
    others = sum(figure.others for figure in figures)
    return Figure(round(one.per_second), round(one.p50_ms, 2), round(one.p99_ms, 1), round(cpu_ms, 2), others)


def _print(found: dict[tuple[str, int], list[Figure]], rounds: int) -> None:
    print(f"  median of {rounds} rounds of {SECONDS:.0f} s, {SEATS} seats then the waiting list")
    print(f"  {'way':<12}{'clients':>8}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'not 201':>9}")
    for (way, clients), figures in found.items():
        one = _median(figures)
        print(
            f"  {way:<12}{clients:>8}{one.per_second:>9.0f}{one.p50_ms:>9.1f}{one.p99_ms:>9.1f}{one.cpu_ms:>9.2f}"
            f"{one.others:>9}"
        )


def _intake(medians: Figures, clients: int) -> Entry:
    group, floor, alone = (medians[way, clients] for way in ("group", "floor", "per-request"))
    return {
        "ratio": round(group.per_second / floor.per_second, 2),
        "to_per_request": round(group.per_second / alone.per_second, 2),
        "to_per_request_aim": AIM_PER_REQUEST,
        **asdict(group),
        "floor_per_second": floor.per_second,
        "floor_cpu_ms": floor.cpu_ms,
    }
