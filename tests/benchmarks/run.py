"""``python -m tests.benchmarks.run``: the intake against its references, in one run, as a table and ``bench.json``.

P1: registrations a second on one limited event, 64 and 128 clients. P2: one client, one at a time.
"""

import itertools
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from tests.benchmarks.load import Result, drive
from tests.support.clients import REGISTRATIONS, answers
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder, sweep
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
AIMS = {"P1": 1.0, "P1 per-request": 3.0, "P2": 1.6}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: answers a second, latencies and processor time an answer, all in milliseconds but the first."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    others: int


def main() -> None:
    """Measure, print, write ``bench.json``."""
    sweep()
    run = RunFolder.create()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(run, Path(folder))
    finally:
        run.remove()
    report(figures)


def measure(run: RunFolder, folder: Path) -> dict[tuple[str, int], list[Figure]]:
    """Figures by (way, clients); the ways take turns, so that noise falls on all of them."""
    postgres = PostgresServer(run)
    postgres.start()
    processes = ProcessGroup(run)
    figures: dict[tuple[str, int], list[Figure]] = {}
    try:
        webs = {way: _start(processes, make_installation(postgres, folder / way), way) for way in WAYS}
        numbers = itertools.count()
        for web in webs.values():
            _drive(web, numbers, 8, WARM_UP_S)
        for clients in (1, 64, 128):
            for _round in range(ROUNDS):
                for way, web in webs.items():
                    figures.setdefault((way, clients), []).append(_measure(web, postgres, numbers, clients))
    finally:
        processes.end()
        postgres.remove()
    return figures


def _start(processes: ProcessGroup, installation: TestInstallation, way: str) -> RunningWeb:
    load_webinar(installation, capacity=SEATS)
    return start_web(processes, installation, workers=2, arguments=WAYS[way], name=way)


def _measure(web: RunningWeb, postgres: PostgresServer, numbers: Iterator[int], clients: int) -> Figure:
    before = _cpu_s(web, postgres)
    result = _drive(web, numbers, clients, SECONDS)
    spent_s = _cpu_s(web, postgres) - before
    count = max(1, len(result.latencies_s))
    others = sum(result.others.values())
    return Figure(
        result.per_second, result.percentile_ms(0.5), result.percentile_ms(0.99), spent_s * 1000 / count, others
    )


def _drive(web: RunningWeb, numbers: Iterator[int], clients: int, seconds: float) -> Result:
    place = urlsplit(web.url)
    return drive(str(place.hostname), place.port or 80, _requests(numbers), clients, seconds)


def _requests(numbers: Iterator[int]) -> Iterator[bytes]:
    for number in numbers:
        body = json.dumps(answers(number, access_needs="Step-free access, please.")).encode()
        head = (
            f"POST {REGISTRATIONS} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{number:09}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def _cpu_s(web: RunningWeb, postgres: PostgresServer) -> float:
    """Processor time of the web processes and of the database, seconds."""
    total = 0.0
    for pid in (web.program.pid, postgres.pid):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
        own = parent.cpu_times()
        total += own.children_user + own.children_system
    return total


def report(figures: dict[tuple[str, int], list[Figure]]) -> None:
    """The table and the file."""
    print(f"{os.cpu_count()} cores, median of {ROUNDS} rounds of {SECONDS:.0f} s, {SEATS} seats then the waiting list")
    print(f"{'way':<12}{'clients':>8}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'not 201':>9}")
    medians: dict[tuple[str, int], Figure] = {}
    for key, found in figures.items():
        one = sorted(found, key=lambda figure: figure.per_second)[len(found) // 2]
        cpu_ms = statistics.median(figure.cpu_ms for figure in found)
        medians[key] = one
        print(
            f"{key[0]:<12}{key[1]:>8}{one.per_second:>9.0f}{one.p50_ms:>9.1f}{one.p99_ms:>9.1f}{cpu_ms:>9.2f}"
            f"{sum(figure.others for figure in found):>9}"
        )
    entries = {**_intake(medians, 64), **_intake(medians, 128), **_single(medians)}
    for name, entry in entries.items():
        print(f"{name}: {json.dumps(entry)}")
    Path("bench.json").write_text(json.dumps(entries, indent=2) + "\n")


def _intake(medians: dict[tuple[str, int], Figure], clients: int) -> dict[str, dict[str, Any]]:
    group, floor, alone = (medians[way, clients] for way in ("group", "floor", "per-request"))
    ratio, gain = group.per_second / floor.per_second, group.per_second / alone.per_second
    return {
        f"P1 at {clients}": {
            "ratio": round(ratio, 2),
            "aim": AIMS["P1"],
            "met": ratio >= AIMS["P1"],
            "to_per_request": round(gain, 2),
            "to_per_request_aim": AIMS["P1 per-request"],
            "per_second": round(group.per_second),
            "cpu_ms": round(group.cpu_ms, 2),
        }
    }


def _single(medians: dict[tuple[str, int], Figure]) -> dict[str, dict[str, Any]]:
    ratio = medians["group", 1].p50_ms / medians["floor", 1].p50_ms
    return {"P2": {"ratio": round(ratio, 2), "aim": AIMS["P2"], "met": ratio <= AIMS["P2"]}}


if __name__ == "__main__":
    main()
