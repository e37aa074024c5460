"""P1b: decisions per second while 20,000 wait on one limited form; confirmations per second with ``email``."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from tests.benchmarks import intake_adapter
from tests.benchmarks.implementations import (
    ACCEPTS,
    BY_EMAIL,
    Figure,
    Running,
    figure_of,
    start,
    start_decider,
    wait_decided,
)
from tests.benchmarks.intake import intake_per_second
from tests.benchmarks.intake_adapter import CONFIRMED, DECIDER
from tests.benchmarks.load import Result, drive, offer
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.submissions import proven_submissions, submissions

LOAD_CLIENTS, CONFIRMING_CLIENTS = 64, 16
BESIDE_PER_SECOND = 20
AWAY_PER_SECOND = 50
OK = str(CONFIRMED).encode()
AIM_RATIO, AIM_CPU_MS, AIM_BESIDE_P95_MS = 1.5, 0.4, 300.0


def measure(servers: Servers) -> Entry:
    """P1b."""
    decided = _decided(servers)
    alone, beside = _confirmed(servers)
    beside_p95_ms = round(beside.percentile_ms(0.95), 1)
    print(
        f"  confirmations: {alone.per_second:.0f}/s by {CONFIRMING_CLIENTS} clients, {alone.cpu_ms:.2f} ms CPU each; "
        f"{len(beside.latencies_s)} at {BESIDE_PER_SECOND}/s beside the intake's load: p95 {beside_p95_ms} ms "
        f"(aim {AIM_BESIDE_P95_MS:.0f}), not confirmed {sum(beside.others.values())}",
        flush=True,
    )
    met = decided["met"] and beside_p95_ms <= AIM_BESIDE_P95_MS and not beside.others
    confirmations = asdict(alone) | {"beside_p95_ms": beside_p95_ms, "beside_p95_aim_ms": AIM_BESIDE_P95_MS}
    return decided | {"met": met, "confirmations": confirmations}


def _decided(servers: Servers) -> Entry:
    """From the start of the decider to its last decision."""
    with servers.processes() as processes:
        run = start(processes, servers.fresh_installation("deciding"), ACCEPTS)
        people, away_s = proven_submissions(run.installation), servers.options.away_s
        taken = _arrive(run, people, away_s) if away_s else _take(run, people, servers.options.backlog)
        before_s, already, began = (
            cpu_s([servers.postgres.pid]),
            intake_adapter.decided(run.installation),
            time.monotonic(),
        )
        start_decider(run, processes, DECIDER)
        wait_decided(run)
        seconds, count = time.monotonic() - began, intake_adapter.decided(run.installation) - already
        assert run.decider is not None
        spent_s = cpu_s([servers.postgres.pid]) - before_s + cpu_s([run.decider.pid])
    assert count == taken, f"{taken} were accepted and {count} decided"
    per_second, cpu_ms = count / seconds, round(spent_s * 1000 / count, 3)
    ratio = round(per_second / intake_per_second(servers), 2)
    print(
        f"  {count} decided in {seconds:.1f} s, {per_second:.0f}/s, {ratio} of P1 (b) (aim {AIM_RATIO}), "
        f"{cpu_ms} ms CPU each"
    )
    figures = {"per_second": round(per_second), "cpu_ms": cpu_ms, "cpu_aim_ms": AIM_CPU_MS, "backlog": taken}
    figures["decided_in_s"] = round(seconds, 1)
    return {"ratio": ratio, "aim": AIM_RATIO, "met": ratio >= AIM_RATIO and cpu_ms <= AIM_CPU_MS, **figures}


def _take(run: Running, people: Iterator[bytes], count: int) -> int:
    """Let ``count`` of ``people`` be accepted; returns how many were."""
    prepared = iter(list(itertools.islice(people, count)))
    return len(drive(*run.place, prepared, LOAD_CLIENTS, seconds=600).latencies_s)


def _arrive(run: Running, people: Iterator[bytes], seconds: float) -> int:
    """Let ``people`` come at a steady rate while the decider is down; returns how many were accepted: all."""
    prepared = list(itertools.islice(people, int(AWAY_PER_SECOND * seconds)))
    result = offer(*run.place, iter(prepared), AWAY_PER_SECOND, seconds)
    assert not result.others, f"not accepted while the decider was away: {result.others}"
    return len(result.latencies_s)


def _confirmed(servers: Servers) -> tuple[Figure, Result]:
    """Confirmations alone, and beside the load of P1."""
    seconds = servers.options.seconds
    beside = int(BESIDE_PER_SECOND * seconds)
    with servers.processes() as processes:
        run = start(processes, servers.fresh_installation("confirming"), BY_EMAIL)
        _take(run, submissions(), servers.options.backlog // 4 + beside)
        wait_decided(run)
        presses = iter(intake_adapter.confirmations(run.installation))
        kept = list(itertools.islice(presses, beside))
        pids = (*run.pids, servers.postgres.pid)
        before = cpu_s(pids)
        alone = drive(*run.place, presses, CONFIRMING_CLIENTS, seconds, wanted=OK)
        figure = figure_of(alone, cpu_s(pids) - before)
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(drive, *run.place, submissions(1_000_000), LOAD_CLIENTS, seconds)
            found = offer(*run.place, iter(kept), BESIDE_PER_SECOND, seconds, wanted=OK)
            assert load.result().latencies_s, "no one was accepted beside the confirmations"
    return figure, found
