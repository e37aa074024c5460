"""P2: one client, a request a second: the time to the answer and to the outcome, against the gevent floor's answer."""

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks import intake_adapter
from tests.benchmarks.implementations import DECIDES, FLOORS, GEVENT, Running, running
from tests.benchmarks.intake_adapter import ACCEPTED
from tests.benchmarks.load import content_length, percentile_ms
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.submissions import proven_submissions, submissions

EVERY_S = 1.0
BETWEEN_S = 0.1
"""Between the implementations, which alternate within the second."""

ASKS_MS = (100, 250, 600)
"""When the receipt page asks for the outcome, counted from the answer; afterwards it doubles the time."""

OUTCOME_WITHIN_S = 30.0
AIM_RATIO, AIM_OUTCOME_P50_MS, AIM_OUTCOME_P99_MS = 1.6, 260.0, 700.0


@dataclass(frozen=True, slots=True)
class TimedRequest:
    """One request: milliseconds to its answer, and to its outcome (both from its first byte)."""

    answer_ms: float
    outcome_ms: float


def measure(servers: Servers) -> Entry:
    """P2."""
    with running(servers, (*FLOORS, DECIDES)) as runs:
        found = _interleaved(runs, servers.options.asked)
    rows = {implementation: _figures(asked) for implementation, asked in found.items()}
    for implementation, row in rows.items():
        print(f"  {implementation:<24}" + "".join(f"  {name} {value}" for name, value in row.items()), flush=True)
    ours, ratio = rows[DECIDES.name], round(rows[DECIDES.name]["p50_ms"] / rows[GEVENT.name]["p50_ms"], 2)
    met = (
        ratio <= AIM_RATIO
        and ours["outcome_p50_ms"] <= AIM_OUTCOME_P50_MS
        and ours["outcome_p99_ms"] <= AIM_OUTCOME_P99_MS
    )
    aims = {"outcome_p50_aim_ms": AIM_OUTCOME_P50_MS, "outcome_p99_aim_ms": AIM_OUTCOME_P99_MS}
    return {"ratio": ratio, "aim": AIM_RATIO, "met": met, "asked": servers.options.asked, **aims, **rows}


def ask_times_ms() -> Iterator[float]:
    """Milliseconds after the answer at which the receipt page asks, without end."""
    yield from ASKS_MS
    delay_ms = ASKS_MS[-1]
    while True:
        delay_ms *= 2
        yield delay_ms


def _interleaved(runs: Sequence[Running], count: int) -> dict[str, list[TimedRequest]]:
    found: dict[str, list[TimedRequest]] = {run.implementation.name: [] for run in runs}
    clients = [(run.implementation.name, OneClient(*run.place)) for run in runs]
    people = {
        run.implementation.name: proven_submissions(run.installation)
        if run.implementation is DECIDES
        else submissions()
        for run in runs
    }
    began = time.perf_counter()
    for number in range(count):
        for position, (name, client) in enumerate(clients):
            due_at = began + number * EVERY_S + position * BETWEEN_S
            time.sleep(max(0.0, due_at - time.perf_counter()))  # the offered rate
            found[name].append(client.ask(next(people[name]), outcome=name == DECIDES.name))
    for _name, client in clients:
        client.close()
    return found


def _figures(asked: Sequence[TimedRequest]) -> dict[str, float]:
    answers, outcomes = [one.answer_ms / 1000 for one in asked], [one.outcome_ms / 1000 for one in asked]
    return {
        "p50_ms": round(percentile_ms(answers, 0.5), 2),
        "p99_ms": round(percentile_ms(answers, 0.99), 2),
        "outcome_p50_ms": round(percentile_ms(outcomes, 0.5), 1),
        "outcome_p99_ms": round(percentile_ms(outcomes, 0.99), 1),
    }


class OneClient:
    """Someone on one kept connection.

    Args:
        host, port: of the service.
    """

    def __init__(self, host: str, port: int) -> None:
        self._connection = socket.create_connection((host, port), timeout=30)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = f"{host}:{port}"

    def ask(self, request: bytes, *, outcome: bool) -> TimedRequest:
        """Send ``request`` and, if it is wanted, wait for its outcome as the receipt page does.

        Raises:
            AssertionError: it is not accepted, or has no outcome within ``OUTCOME_WITHIN_S``.
        """
        began = time.perf_counter()
        status, body = self._exchange(request)
        answered = time.perf_counter()
        assert status == ACCEPTED, (status, body)
        path = intake_adapter.outcome_path(body) if outcome else None
        if path is not None:
            self._wait_for_outcome(path, answered)
        ended = answered if path is None else time.perf_counter()
        return TimedRequest((answered - began) * 1000, (ended - began) * 1000)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _wait_for_outcome(self, path: str, answered: float) -> None:
        question = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: application/json\r\n\r\n".encode()
        for delay_ms in ask_times_ms():
            time.sleep(max(0.0, answered + delay_ms / 1000 - time.perf_counter()))  # as the receipt page waits
            status, body = self._exchange(question)
            if status == 200 and intake_adapter.is_decided(body):
                return
            assert delay_ms < OUTCOME_WITHIN_S * 1000, f"no outcome within {OUTCOME_WITHIN_S} s: {status} {body!r}"

    def _exchange(self, request: bytes) -> tuple[int, bytes]:
        self._connection.sendall(request)
        received = b""
        while True:
            received += self._receive()
            head, mark, body = received.partition(b"\r\n\r\n")
            if mark and len(body) >= content_length(head):
                return int(head[9:12]), body

    def _receive(self) -> bytes:
        data = self._connection.recv(65536)
        assert data, "the service closed the connection"
        return data
