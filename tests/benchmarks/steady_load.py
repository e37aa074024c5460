"""P15: an open loop at 50, 85 and 120 % of what one and two web processes take, each against its own capacity."""

from dataclasses import asdict, dataclass

from tests.benchmarks.implementations import DECIDES, running, wait_decided
from tests.benchmarks.intake_adapter import ACCEPTED
from tests.benchmarks.load import drive, percentile_ms
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.submissions import submission, submissions
from tests.support.open_loop import REFUSED, Load, fire
from tests.support.schedules import steady

WORKERS = (1, 2)
CAPACITY_CLIENTS = 64
AIMS_MS = {0.5: 100.0, 0.85: 400.0}
"""p99 by share of the capacity, while no one is refused."""

ABOVE = 1.2
AIM_REFUSED_P99_MS = 300.0
FIRST = 20_000_000


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of an open loop.

    Attributes:
        wanted_per_s, offered_per_s: by the schedule, and what really left.
        accepted, refused, others, unanswered: requests; refused are 429 and 503.
        p50_ms, p99_ms: of the accepted, from when they were due; 0 if none was.
        refused_p99_ms: of the refused; 0 if none was.
    """

    wanted_per_s: int
    offered_per_s: int
    accepted: int
    refused: int
    others: int
    unanswered: int
    p50_ms: float
    p99_ms: float
    refused_p99_ms: float

    def meets(self, share: float) -> bool:
        """Whether the aims at this ``share`` of the capacity are met."""
        if self.unanswered or self.others or not self.accepted:
            return False
        if share in AIMS_MS:
            return self.p99_ms < AIMS_MS[share] and not self.refused
        return self.refused_p99_ms < AIM_REFUSED_P99_MS


def measure(servers: Servers) -> Entry:
    """P15."""
    found = {workers: _of_workers(servers, workers) for workers in WORKERS}
    worst = max(
        one.p99_ms / AIMS_MS[share] for each in found.values() for share, one in each.items() if share in AIMS_MS
    )
    met = all(one.meets(share) for each in found.values() for share, one in each.items())
    figures = {
        f"workers_{workers}": {f"at_{share:.0%}".rstrip("%"): asdict(one) for share, one in each.items()}
        for workers, each in found.items()
    }
    return {"ratio": round(worst, 2), "aim": 1.0, "met": met, **figures}


def _of_workers(servers: Servers, workers: int) -> dict[float, Offered]:
    """By share of the capacity."""
    seconds, found, first = servers.options.seconds, {}, FIRST
    with running(servers, (DECIDES,), workers=workers) as (run,):
        capacity = drive(*run.place, submissions(), CAPACITY_CLIENTS, seconds).per_second
        print(f"  {workers} worker(s): {capacity:.0f}/s by {CAPACITY_CLIENTS} clients", flush=True)
        for share in (*AIMS_MS, ABOVE):
            wait_decided(run)
            load = fire(run.web.url, steady(capacity * share, seconds), submission, first=first)
            first += len(load.shots)
            found[share] = offered(load, capacity * share)
            aim = f"p99 < {AIMS_MS[share]:.0f} ms" if share in AIMS_MS else f"refused p99 < {AIM_REFUSED_P99_MS:.0f} ms"
            print(f"    {share:.0%} ({aim}): {found[share]}", flush=True)
    return found


def offered(load: Load, wanted_per_s: float) -> Offered:
    """The figures of ``load``."""
    accepted = [shot.latency_s for shot in load.answered(ACCEPTED)]
    refused = [shot.latency_s for shot in load.answered(*REFUSED)]
    unanswered = load.statuses()[0]
    return Offered(
        round(wanted_per_s),
        round(load.reached_per_s()),
        len(accepted),
        len(refused),
        len(load.shots) - len(accepted) - len(refused) - unanswered,
        unanswered,
        _percentile(accepted, 0.5),
        _percentile(accepted, 0.99),
        _percentile(refused, 0.99),
    )


def _percentile(latencies_s: list[float], share: float) -> float:
    return round(percentile_ms(latencies_s, share), 1) if latencies_s else 0.0
