"""Above capacity everyone is answered soon: 503 with a time to try again, never a timeout."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import pytest

from deploy.rolling import ROOM_KNOWN_FOR_S
from shared.http.admission import MAX_SOCKET_WAIT_S
from shared.http.problems import EARLIEST_S, LATEST_S
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation
from tests.support.processes import ProcessGroup
from tests.support.web import RunningWeb, start_web

CONNECTIONS = 4
PAGE = f"/embed/{WEBINAR}?lang=en"
ANSWERED_WITHIN_S = 10.0
"""On a busy machine; on a quiet one it is half a second. Before, no one was answered at all."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where the web process listens."""

    name: str
    port: int

    def connect(self) -> http.client.HTTPConnection:
        """An open connection on which nothing was asked yet."""
        connection = http.client.HTTPConnection(self.name, self.port, timeout=ANSWERED_WITHIN_S)
        connection.connect()
        return connection


def host_of(web: RunningWeb) -> Host:
    place = urlsplit(web.url)
    return Host(str(place.hostname), place.port or 80)


def take_all(host: Host, taken: ExitStack) -> None:
    """Open as many connections as one worker holds, each with a request that does not end."""
    for _ in range(CONNECTIONS):
        slow = taken.enter_context(socket.create_connection((host.name, host.port)))
        slow.sendall(b"POST /v1/forms/a/submissions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")


@pytest.fixture
def web(installation: TestInstallation, processes: ProcessGroup) -> RunningWeb:
    """One worker that holds few connections."""
    return start_web(processes, installation, workers=1, connections=CONNECTIONS)


@pytest.fixture
def host(web: RunningWeb) -> Host:
    return host_of(web)


@pytest.fixture
def full(host: Host) -> Iterator[ExitStack]:
    """All connections that the worker holds are taken by senders that never end their request."""
    with ExitStack() as taken:
        take_all(host, taken)
        yield taken


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_who_finds_every_connection_taken_is_refused_and_not_left_waiting(host: Host, accept: str) -> None:
    connections = [host.connect() for _ in range(8)]
    for connection in connections:
        connection.request("POST", SUBMISSIONS, json.dumps(answers(1)), {"Accept": accept})
    for connection in connections:
        refused = connection.getresponse()
        body = refused.read().decode()
        assert (refused.status, refused.headers["Connection"]) == (503, "close")
        assert EARLIEST_S <= int(refused.headers["Retry-After"]) <= LATEST_S
        assert refused.headers["Cache-Control"] == "no-store"
        assert ('"code": "unavailable"' in body) == (accept == "application/json")
        assert body.startswith("<!doctype html>") == (accept == "text/html")
        connection.close()


@pytest.mark.usefixtures("full")
def test_idle_connection_is_closed(host: Host) -> None:
    connection = host.connect()
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 503 ")
    connection.close()


def test_room_that_is_free_again_is_used(host: Host, full: ExitStack) -> None:
    refused = host.connect()
    refused.request("GET", PAGE)
    assert refused.getresponse().status == 503
    full.close()
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    statuses = set()
    while 200 not in statuses and time.monotonic() < deadline:
        connection = host.connect()
        connection.request("GET", PAGE)
        statuses.add(connection.getresponse().status)
        connection.close()
    assert 200 in statuses


@pytest.mark.parametrize(
    ("stopped_s", "expected"), [(ROOM_KNOWN_FOR_S / 2, 200), (2 * ROOM_KNOWN_FOR_S, 503)], ids=["busy", "stuck"]
)
def test_full_worker_refuses_no_one_while_another_has_room(
    installation: TestInstallation, processes: ProcessGroup, stopped_s: float, expected: int
) -> None:
    """The other one may be busy for a short time; one that hangs for long is not waited for."""
    web = start_web(processes, installation, workers=2, connections=CONNECTIONS)
    host = host_of(web)
    _, other = psutil.Process(web.program.pid).children()
    other.send_signal(signal.SIGSTOP)
    resume = threading.Timer(stopped_s, other.send_signal, [signal.SIGCONT])
    resume.start()
    with ExitStack() as taken:
        take_all(host, taken)
        connection = host.connect()
        connection.request("GET", PAGE)
        assert connection.getresponse().status == expected
        connection.close()
        resume.join()


def test_request_that_has_waited_too_long_in_the_kernel_is_refused(
    host: Host, web: RunningWeb, installation: TestInstallation
) -> None:
    """No one may be there any more; and those that come next are answered in time."""
    [worker] = psutil.Process(web.program.pid).children()
    early, late = host.connect(), host.connect()
    body, headers = json.dumps(answers(1)), {"Content-Type": "application/json", "Idempotency-Key": "a-key-of-its-own"}
    worker.send_signal(signal.SIGSTOP)
    threading.Timer(MAX_SOCKET_WAIT_S + 1, worker.send_signal, [signal.SIGCONT]).start()
    late.request("POST", SUBMISSIONS, body, headers)
    assert late.getresponse().status == 503
    assert rows(installation.urls["registration"], "SELECT count(*)::int FROM submission") == [(0,)]
    early.request("POST", SUBMISSIONS, body, headers)
    assert early.getresponse().status == 202
    early.close()
    late.close()
