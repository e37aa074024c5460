"""P1: submissions per second on one limited form by 64 and 128 clients, compared with the gevent floor."""

from dataclasses import asdict

from tests.benchmarks.implementations import ACCEPTS, DECIDES, FLOORS, GEVENT, Figures, Implementation, measure_ways
from tests.benchmarks.servers import Entry, Servers

CLIENTS = (64, 128)
AIM_ACCEPTED, AIM_DECIDED, AIM_DECIDED_CPU_MS, AIM_BACKLOG_S = 0.75, 0.6, 1.0, 1.0


def measure(servers: Servers) -> Entry:
    """P1: (a) with the decider stopped, (b) with the decider running."""
    medians = measure_ways(servers, CLIENTS, (*FLOORS, ACCEPTS, DECIDES))
    accepted, decided = _ratio(medians, ACCEPTS), _ratio(medians, DECIDES)
    cpu_ms = max(medians[DECIDES.name, clients].cpu_ms for clients in CLIENTS)
    backlog_s = max(medians[DECIDES.name, clients].backlog_s for clients in CLIENTS)
    decided_met = decided >= AIM_DECIDED and cpu_ms <= AIM_DECIDED_CPU_MS and backlog_s <= AIM_BACKLOG_S
    print(
        f"  (a) {accepted} of the gevent floor (aim {AIM_ACCEPTED}); (b) {decided} (aim {AIM_DECIDED}), "
        f"{cpu_ms} ms CPU up to decided (aim {AIM_DECIDED_CPU_MS}), backlog {backlog_s} s (aim {AIM_BACKLOG_S})"
    )
    return {
        "ratio": accepted,
        "aim": AIM_ACCEPTED,
        "met": accepted >= AIM_ACCEPTED and decided_met,
        "per_second": medians[DECIDES.name, 64].per_second,
        "decided_ratio": decided,
        "decided_aim": AIM_DECIDED,
        "decided_cpu_ms": cpu_ms,
        "backlog_s": backlog_s,
        **{f"at_{clients}": _figures(medians, clients) for clients in CLIENTS},
    }


def intake_per_second(servers: Servers) -> float:
    """What the intake accepts from 64 clients while it decides: of this run's P1, or measured now once."""
    if "P1" not in servers.entries:
        return measure_ways(servers, (64,), (DECIDES,), rounds=1)[DECIDES.name, 64].per_second
    return float(servers.entries["P1"]["per_second"])


def _ratio(medians: Figures, implementation: Implementation) -> float:
    """The lowest over the numbers of clients."""
    ratios = [
        medians[implementation.name, clients].per_second / medians[GEVENT.name, clients].per_second
        for clients in CLIENTS
    ]
    return round(min(ratios), 2)


def _figures(medians: Figures, clients: int) -> Entry:
    return {implementation: asdict(one) for (implementation, count), one in medians.items() if count == clients}
