"""A process with several loops ends all of them when any one ends, and answers probes whatever other clients do."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from shared.runtime.deployment import ProbeAddress
from shared.runtime.runner import BUSY, MAX_REQUESTS, REQUEST_TIMEOUT_S, Stop, run
from tests.support.ports import free_port, is_listening
from tests.support.waiting import poll_until


def _wait(ended: list[str], name: str, stop: Stop) -> None:
    stop.wait(30.0)
    ended.append(name)


@pytest.mark.parametrize(("error", "code"), [(None, 0), (RuntimeError("broken"), 1)])
def test_end_of_one_loop_ends_all(error: Exception | None, code: int) -> None:
    ended: list[str] = []

    def first(_stop: Stop) -> None:
        if error is not None:
            raise error

    loops = {"first": first, "second": lambda stop: _wait(ended, "second", stop)}
    assert run(loops, probes=ProbeAddress(), ready=list) == code
    assert ended == ["second"]


def test_loops_run_beside_each_other() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet(_stop: Stop) -> None:
        meeting.wait()

    assert run({"first": meet, "second": meet}, probes=ProbeAddress(), ready=list) == 0


PROMPT_S = 4.0
"""Below the time for which a silent client is waited for."""


@contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", port, timeout=PROMPT_S)
    try:
        yield opened
    finally:
        opened.close()


def _ask(port: int, path: str) -> tuple[int, str]:
    with _connection(port) as opened:
        opened.request("GET", path)
        answer = opened.getresponse()
        return answer.status, answer.read().decode()


def _is_live(port: int) -> bool:
    try:
        return _ask(port, "/livez") == (200, "ok\n")
    except OSError:
        return False


def _run_beside(clients: Callable[[int], None], ready: Callable[[], Sequence[str]] = list) -> float:
    """Run a process whose only loop is ``clients``; returns how long it took to end after them, seconds."""
    port, ended_at_s, done = free_port(), 0.0, Future[None]()

    def loop(_stop: Stop) -> None:
        nonlocal ended_at_s, done
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(clients, port)
        ended_at_s = time.monotonic()

    code = run({"clients": loop}, probes=ProbeAddress(port, "127.0.0.1"), ready=ready)
    took_s = time.monotonic() - ended_at_s
    done.result()
    assert (code, is_listening(port)) == (0, False)
    return took_s


@pytest.fixture
def silent() -> Iterator[ExitStack]:
    """Connections that send nothing; they end after a minute, so that a process that waits for them fails its test."""
    with ExitStack() as opened:
        limit = threading.Timer(60.0, opened.close)
        limit.start()
        yield opened
        limit.cancel()


def test_silent_client_delays_neither_probes_nor_the_end(silent: ExitStack) -> None:
    def clients(port: int) -> None:
        silent.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert [_ask(port, path)[0] for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]

    assert _run_beside(clients) < REQUEST_TIMEOUT_S


def test_number_of_silent_clients_is_bounded_and_they_are_dropped(
    silent: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    def clients(port: int) -> None:
        for _ in range(MAX_REQUESTS):
            silent.enter_context(socket.create_connection(("127.0.0.1", port)))
        with pytest.raises(ConnectionError):
            _ask(port, "/livez")
        poll_until(lambda: _is_live(port), within_s=2.0 * REQUEST_TIMEOUT_S)

    _run_beside(clients)
    assert capfd.readouterr() == ("", "")


def test_slow_check_runs_once_and_delays_no_liveness_probe() -> None:
    running, finish, calls = threading.Event(), threading.Event(), []

    def ready() -> Sequence[str]:
        calls.append("begun")
        running.set()
        finish.wait(10.0)
        return []

    def clients(port: int) -> None:
        with _connection(port) as first:
            first.request("GET", "/readyz")
            assert running.wait(10.0)
            assert _is_live(port)
            assert _ask(port, "/readyz") == (503, f"not ready\n{BUSY}\n")
            assert calls == ["begun"]
            finish.set()
            assert first.getresponse().status == 200

    _run_beside(clients, ready)
