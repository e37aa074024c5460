"""Two web processes behind the gateway: a crash of one costs no one an answer, and nothing is sent twice."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from deploy.shape import SERVICES, WEB_PROCESSES, worker_name
from deploy.up.gateway import RequestLimits, gateway_unit
from shared.runtime.deployment import TrustedProxies
from tests.support.caddy import PUBLIC_HOST, caddy
from tests.support.children import kill_tree, start_child
from tests.support.gateway import gateway_ports
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

SUBMISSIONS, EVENTS = "/v1/forms/a/submissions", "/v1/events"
REQUESTS = 100
WITHOUT_LIMITS = RequestLimits(rate_per_s=1000, burst=1000)


class Service(ThreadingHTTPServer):
    """Answers 200, or hangs up once it has read a request; counts what it was sent."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, *, hangs_up: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hangs_up = hangs_up
        self.received: list[str] = []

    def asked(self, path: str) -> int:
        """How often it was sent a path; a gateway asks by itself whether it is well."""
        return self.received.count(path)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.received.append(self.path)
        if self.server.hangs_up and not self.path.endswith("/readyz"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Until the end of the block."""
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@dataclass(frozen=True, slots=True)
class Gateway:
    """Attributes:
    url: of its public host.
    headers: that name the host.
    """

    url: str
    headers: Mapping[str, str]

    def ask(self, method: str, path: str) -> requests.Response:
        """One request."""
        return requests.request(method, self.url + path, headers=self.headers, timeout=20)


Made = Callable[..., Gateway]
"""Makes a gateway before web processes of all services, which are at the given addresses."""


@pytest.fixture(params=["nginx", "caddy"])
def gateway_before(request: pytest.FixtureRequest, opened: ExitStack, run_folder: RunFolder) -> Made:
    """Each of the two."""
    made = nginx_before if request.param == "nginx" else caddy_before
    return partial(made, opened, run_folder)


def caddy_before(opened: ExitStack, run: RunFolder, *addresses: str) -> Gateway:
    """Caddy."""
    behind = {worker_name(*web): addresses for web in WEB_PROCESSES}
    port = opened.enter_context(caddy(run, behind))
    return Gateway(f"http://127.0.0.1:{port}", {"Host": PUBLIC_HOST})


def nginx_before(opened: ExitStack, run: RunFolder, *addresses: str) -> Gateway:
    """nginx."""
    folder = run.part("failover")
    folder.chmod(0o711)
    ports = gateway_ports(dict.fromkeys(SERVICES, 1))
    behind = dict.fromkeys(("registration-forms", "registration-own", "events-public"), addresses)
    unit = gateway_unit(folder, ports, TrustedProxies(), WITHOUT_LIMITS, behind)
    server = start_child(
        run, unit.command, env=unit.environment, folder=unit.folder, log=folder / "log", account=unit.account
    )
    opened.callback(kill_tree, server)
    poll_until(unit.ready, 20, what="the gateway listens")
    return Gateway(ports.public_url, {})


def statuses(gateway: Gateway, method: str, path: str) -> list[int]:
    """Of requests one after the other."""
    return [gateway.ask(method, path).status_code for _ in range(REQUESTS)]


@pytest.mark.parametrize(("method", "path"), [("POST", SUBMISSIONS), ("GET", EVENTS)])
def test_process_that_is_stopped_costs_no_one_an_answer(
    opened: ExitStack, gateway_before: Made, method: str, path: str
) -> None:
    alive = opened.enter_context(running(Service()))
    gateway = gateway_before(f"127.0.0.1:{free_port()}", alive.address)
    assert statuses(gateway, method, path) == [200] * REQUESTS
    assert alive.asked(SUBMISSIONS if method == "POST" else EVENTS) == REQUESTS


def test_host_that_cannot_be_reached_costs_no_one_an_answer(opened: ExitStack, gateway_before: Made) -> None:
    """Its connections are never made: as if the host were gone from the network."""
    alive = opened.enter_context(running(Service()))
    deaf = opened.enter_context(socket.socket())
    deaf.bind(("127.0.0.1", 0))
    deaf.listen(0)
    for _ in range(2):  # fill what the kernel takes for it
        waiting = opened.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(deaf.getsockname())
    gateway = gateway_before(f"127.0.0.1:{deaf.getsockname()[1]}", alive.address)
    assert statuses(gateway, "POST", SUBMISSIONS) == [200] * REQUESTS
    assert alive.asked(SUBMISSIONS) == REQUESTS


def test_process_that_runs_once_has_time_to_take_a_connection(opened: ExitStack, gateway_before: Made) -> None:
    """Its queue is full when the request comes, so the kernel asks a second time after a second."""
    busy = Service()
    busy.socket.listen(0)
    for _ in range(2):  # fill what the kernel takes for it
        waiting = opened.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", busy.server_port))
    gateway = gateway_before(busy.address)
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(gateway.ask, "POST", SUBMISSIONS)
        time.sleep(0.8)  # longer than a gateway waits that has another process to ask
        opened.enter_context(running(busy))
        assert answer.result().status_code == 200
    assert busy.asked(SUBMISSIONS) == 1


def test_submission_is_never_sent_twice_by_the_gateway(opened: ExitStack, gateway_before: Made) -> None:
    """A client without an answer retries with their key; a page is simply requested again."""
    broken = opened.enter_context(running(Service(hangs_up=True)))
    other = opened.enter_context(running(Service(hangs_up=True)))
    gateway = gateway_before(broken.address, other.address)
    answer = gateway.ask("POST", SUBMISSIONS)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert broken.asked(SUBMISSIONS) + other.asked(SUBMISSIONS) == 1
    assert gateway.ask("GET", EVENTS).status_code == 503
    assert broken.asked(EVENTS) + other.asked(EVENTS) >= 1


def test_process_that_comes_back_is_asked_again(opened: ExitStack, gateway_before: Made) -> None:
    alive = opened.enter_context(running(Service()))
    port = free_port()
    gateway = gateway_before(f"127.0.0.1:{port}", alive.address)
    assert set(statuses(gateway, "POST", SUBMISSIONS)) == {200}

    class Returned(Service):
        def server_bind(self) -> None:
            self.server_address = ("127.0.0.1", port)
            super().server_bind()

    returned = opened.enter_context(running(Returned()))

    def is_asked() -> bool:
        gateway.ask("POST", SUBMISSIONS)
        return returned.asked(SUBMISSIONS) > 0

    poll_until(is_asked, 10, what="the process that came back is asked")
