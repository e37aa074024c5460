"""P3: ten and twenty times as many as the intake can store, in an open loop, seen by clients through nginx.

Two cores cannot offer twenty times of what an unhindered intake takes there and serve it as well. So the database is
held to ``CAPACITY_PER_S`` rows a second; references and aims are of this capacity, measured in the same run.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from deploy.shape import SERVICES
from deploy.up.gateway import gateway_unit
from shared.runtime.deployment import LOOPBACK
from tests.benchmarks.implementations import DECIDES, Running, place_of, start
from tests.benchmarks.intake_adapter import ACCEPTED, STORED
from tests.benchmarks.load import drive, percentile_ms
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.submissions import submission
from tests.support.children import kill_tree, start_child
from tests.support.clients import WEBINAR, rows
from tests.support.gateway import gateway_ports
from tests.support.installation import TestInstallation
from tests.support.open_loop import REFUSED, Load, Shot, fire
from tests.support.ports import free_port
from tests.support.schedules import steady
from tests.support.waiting import poll_until

CAPACITY_PER_S = 100
TIMES = (10, 20)
PEAK_CLIENTS = 16
BEFORE_S, AFTER_S = 5.0, 15.0
CALM = 0.5
"""Share of the capacity that is asked for before and after."""

QUERIES_PER_S = 5
AIM_GOODPUT, AIM_P99_MS, AIM_REFUSED_P99_MS, AIM_NORMAL_S, AIM_QUERIES = 0.85, 1000.0, 300.0, 10.0, 2.0
_BRAKE = """
    CREATE FUNCTION brake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(3), pg_sleep({seconds}); RETURN NEW; END $$;
    CREATE TRIGGER brake BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION brake()
"""


@dataclass(frozen=True, slots=True)
class Overload:
    """What clients saw of one overload.

    Attributes:
        goodput: accepted a second over the overload, to the peak.
        p99_ms: of the accepted.
        refused, refused_p99_ms: 429 and 503, and how soon.
        without_retry_after: of these, those without ``Retry-After``.
        unanswered: requests without an answer.
        others: any other answer.
        normal_s: after the overload, until everyone is accepted within a second again.
        queries: p99 of coordinators' queries to that of the time before.
        queries_refused: of these, not answered 200.
        offered_per_s: requests that really left.
    """

    goodput: float
    p99_ms: float
    refused: int
    refused_p99_ms: float
    without_retry_after: int
    unanswered: int
    others: int
    normal_s: float
    queries: float
    queries_refused: int
    offered_per_s: int

    @property
    def met(self) -> bool:
        """Whether all aims are met."""
        return (
            self.goodput >= AIM_GOODPUT
            and self.p99_ms < AIM_P99_MS
            and self.refused_p99_ms < AIM_REFUSED_P99_MS
            and not (self.without_retry_after or self.unanswered or self.others or self.queries_refused)
            and self.normal_s <= AIM_NORMAL_S
            and self.queries <= AIM_QUERIES
        )


def measure(servers: Servers) -> Entry:
    """P3."""
    with gateway_before(servers) as (url, desk_url, run):
        rows(run.installation.urls["registration"], _BRAKE.format(seconds=1 / CAPACITY_PER_S, table=STORED))
        place = place_of(url)
        peak = drive(*place, map(from_elsewhere, itertools.count()), PEAK_CLIENTS, servers.options.seconds).per_second
        print(f"  own peak {peak:.0f}/s by {PEAK_CLIENTS} clients", flush=True)
        asks = query(run.installation)
        idle = fire(desk_url, steady(QUERIES_PER_S, servers.options.overload_s / 4), asks)
        found = {}
        for times in TIMES:
            found[times] = one = _overloaded((url, desk_url), peak, times, servers.options.overload_s, asks, idle)
            print(f"  {times} times: {one}", flush=True)
    goodput = min(one.goodput for one in found.values())
    met = all(one.met for one in found.values())
    figures = {f"times_{times}": asdict(one) for times, one in found.items()}
    return {"ratio": goodput, "aim": AIM_GOODPUT, "met": met, "peak_per_second": round(peak), **figures}


def from_elsewhere(number: int) -> bytes:
    """A submission from a separate client network."""
    return submission(number, f"X-Forwarded-For: 2001:db8:{number % 65536:x}::1")


def query(installation: TestInstallation) -> Callable[[int], bytes]:
    """A coordinator's list of the form's registrations."""
    head = (
        f"GET /v1/registrations?form={WEBINAR}&limit=20 HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {installation.secrets.coordinator_key}\r\n\r\n"
    )
    return lambda _number: head.encode()


@contextmanager
def gateway_before(servers: Servers) -> Iterator[tuple[str, str, Running]]:
    """The intake behind nginx, which believes the generator where its clients are; its public address and the desk."""
    with servers.processes() as processes:
        run = start(processes, servers.fresh_installation("overload"), DECIDES)
        folder = servers.run.part("gateway")
        folder.chmod(0o711)
        ports = gateway_ports({service: free_port() for service in SERVICES} | {"registration": run.place[1]})
        unit = gateway_unit(folder, ports, LOOPBACK)
        server = start_child(
            servers.run,
            unit.command,
            env=unit.environment,
            folder=unit.folder,
            log=folder / "log",
            account=unit.account,
        )
        try:
            poll_until(unit.ready, 20, what="the gateway listens")
            yield ports.public_url, ports.desk_url, run
        finally:
            kill_tree(server)


def _overloaded(
    urls: tuple[str, str], peak: float, times: int, seconds: float, asks: Callable[[int], bytes], idle: Load
) -> Overload:
    """Half of the capacity, then ``times`` the capacity for ``seconds``, then half of it again; queries to the desk."""
    url, desk_url = urls
    end_s = BEFORE_S + seconds
    schedule = [
        *steady(peak * CALM, BEFORE_S),
        *steady(peak * times, seconds, BEFORE_S),
        *steady(peak * CALM, AFTER_S, end_s),
    ]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(fire, desk_url, steady(QUERIES_PER_S, seconds, BEFORE_S), asks)
        load = fire(url, schedule, from_elsewhere, first=times * 1_000_000)
        busy = asked.result()
    during = [shot for shot in load.shots if BEFORE_S <= shot.due_s < end_s]
    accepted = [shot for shot in during if shot.status == ACCEPTED]
    refused = [shot for shot in during if shot.status in REFUSED]
    in_time = sum(BEFORE_S <= shot.ended_s < end_s for shot in load.answered(ACCEPTED))
    return Overload(
        goodput=round(in_time / seconds / peak, 2),
        p99_ms=_p99_ms(accepted),
        refused=len(refused),
        refused_p99_ms=_p99_ms(refused),
        without_retry_after=sum(shot.retry_after_s == 0 for shot in refused),
        unanswered=load.statuses()[0],
        others=len(load.shots) - len(load.answered(0, ACCEPTED, *REFUSED)),
        normal_s=normal_after_s(load.shots, end_s),
        queries=round(_p99_ms(busy.shots) / _p99_ms(idle.shots), 2),
        queries_refused=len(busy.shots) - len(busy.answered(200)),
        offered_per_s=round(len(during) / (max(shot.sent_s for shot in during) - BEFORE_S)),
    )


def normal_after_s(shots: Sequence[Shot], end_s: float) -> float:
    """Seconds from ``end_s`` until the last request that was due later and was not accepted within a second."""
    late = [
        shot.due_s - end_s
        for shot in shots
        if shot.due_s >= end_s and (shot.status != ACCEPTED or shot.latency_s * 1000 >= AIM_P99_MS)
    ]
    return round(max(late, default=0.0), 1)


def _p99_ms(shots: Sequence[Shot]) -> float:
    """Of those that were answered; 0 if none was."""
    latencies = [shot.latency_s for shot in shots if shot.status]
    return round(percentile_ms(latencies, 0.99), 1) if latencies else 0.0
