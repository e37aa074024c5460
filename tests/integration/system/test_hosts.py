"""What the public host and the coordinators' host serve: every route of every service, asked of a running gateway.

Behind it each web process is a stand-in that answers with its name; which of the routes that process has is asked of
the real applications, each built on its own settings.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests
from flask import Flask
from sqlalchemy import Engine
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from deploy.local.secrets import make_secrets
from deploy.shape import WEB_PROCESSES, worker_name
from deploy.specs import NOWHERE, applications
from deploy.up.gateway import RequestLimits, gateway_unit
from services.events import settings as events_settings
from services.events import web as events_web
from services.notifications import settings as notifications_settings
from services.notifications import web as notifications_web
from services.registration import settings as registration_settings
from services.registration import web as registration_web
from shared.db.engine import open_engine
from shared.http.access import policy_of
from shared.runtime.deployment import TrustedProxies
from tests.support.children import kill_tree, start_child
from tests.support.gateway import gateway_ports
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

BUILDERS: Mapping[str, Callable[[str, Engine], Flask]] = {
    "registration": lambda process, engine: registration_web.build_app(
        registration_settings.read_settings(process), engine
    ),
    "events": lambda process, engine: events_web.build_app(events_settings.read_settings(process), engine),
    "notifications": lambda process, engine: notifications_web.build_app(
        notifications_settings.read_settings(process), engine
    ),
}
PUBLIC, DESK = "public", "desk"
UNLIMITED = RequestLimits(10_000, 10_000)
EXAMPLES = {"uuid": "0b5d1e0e-0000-4000-8000-000000000000", "int": "1"}
PARAMETER = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?\w+>")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Attributes:
    urls: of the gateway, by host.
    apps: application by name of its process.
    """

    urls: Mapping[str, str]
    apps: Mapping[str, Flask]

    def answering(self, host: str, method: str, path: str) -> str:
        """Name of the process that answers on ``host``; empty if none does, which is a 404 or 405."""
        answer = requests.request(method, self.urls[host] + path, timeout=10, allow_redirects=False)
        name = answer.headers.get("X-Process", "")
        assert name or answer.status_code in (404, 405), (method, path, answer.status_code)
        return name if name and _has(self.apps[name], method, path) else ""


@pytest.fixture(scope="module")
def hosts(run_folder: RunFolder, apps: Mapping[str, Flask]) -> Iterator[Hosts]:
    """The gateway, running."""
    folder = run_folder.part("hosts")
    folder.chmod(0o711)
    with ExitStack() as opened:
        ports = gateway_ports({name: _stand_in(opened, name) for name in (worker_name(*web) for web in WEB_PROCESSES)})
        unit = gateway_unit(folder, ports, TrustedProxies(), UNLIMITED)
        server = start_child(
            run_folder,
            unit.command,
            env=unit.environment,
            folder=unit.folder,
            log=folder / "gateway.log",
            account=unit.account,
        )
        opened.callback(kill_tree, server)
        poll_until(unit.ready, 20, what="the gateway listens")
        yield Hosts({PUBLIC: ports.public_url, DESK: ports.desk_url}, apps)


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Flask]:
    """The application of each web process."""
    secrets = make_secrets(tmp_path_factory.mktemp("secrets"))
    built = {f"{service}-web": app for service, app in applications().items()}
    for service, process in WEB_PROCESSES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"{service.upper()}_DATABASE_URL", NOWHERE)
            patch.setenv("TROIKA_MAIL_FROM", "upr@example.org")
            for name, value in secrets.of(service, process).items():
                patch.setenv(name, value)
            built[worker_name(service, process)] = BUILDERS[service](process, open_engine(NOWHERE))
    return built


def _stand_in(opened: ExitStack, name: str) -> int:
    """Start a server that answers everything with ``name``; returns its port."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Nothing."""

    def answer(_environ: dict[str, str], start: object) -> list[bytes]:
        start("200 OK", [("X-Process", name), ("Content-Length", "0")])  # type: ignore[operator]
        return []

    server = opened.enter_context(make_server("127.0.0.1", 0, answer, handler_class=Quiet))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    opened.callback(thread.join)
    opened.callback(server.shutdown)
    return server.server_port


def _has(app: Flask, method: str, path: str) -> bool:
    try:
        app.url_map.bind("localhost").match(path, method)
    except HTTPException:
        return False
    return True


def _example(rule: Rule) -> str:
    """A path that the rule fits."""

    def value(found: re.Match[str]) -> str:
        kind, choices = found.groups()
        return str(choices).partition(",")[0] if kind == "any" else EXAMPLES.get(kind or "", "example")

    return PARAMETER.sub(value, rule.rule)


def _routes(apps: Mapping[str, Flask]) -> Iterator[tuple[str, str, set[str]]]:
    """Method, path and hosts of every route; ``web`` of a service has those of all of its processes."""
    for name in ("registration-web", "events-web", "notifications-web"):
        for rule in apps[name].url_map.iter_rules():
            policy = policy_of(apps[name].view_functions[rule.endpoint])
            assert policy is not None
            path = _example(rule)
            of_coordinators = policy.kind == "role" or path.startswith(("/console", "/openapi/"))
            wanted = {DESK} if of_coordinators else {PUBLIC}
            if policy.kind == "role" and policy.or_link:
                wanted = {PUBLIC, DESK}
            if path.startswith("/-/"):
                wanted = set()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, path, wanted


def test_each_route_is_served_on_its_host_and_on_no_other(hosts: Hosts) -> None:
    """With a key the public part of the API of events is read on the coordinators' host too."""
    found, expected = {}, {}
    for method, path, wanted in _routes(hosts.apps):
        served = {host for host in hosts.urls if hosts.answering(host, method, path)}
        if (method, wanted) == ("GET", {PUBLIC}) and path.startswith("/v1/") and service_of(hosts, path) == "events":
            served -= {DESK}
        found[method, path], expected[method, path] = served, wanted
    assert len(found) > 150
    assert found == expected


def service_of(hosts: Hosts, path: str) -> str:
    """The service that answers to ``path`` on the coordinators' host."""
    return hosts.answering(DESK, "GET", path).partition("-")[0]


@pytest.mark.parametrize("host", [PUBLIC, DESK])
def test_no_submission_reaches_the_desk(hosts: Hosts, host: str) -> None:
    paths = (
        "/v1/forms/a/submissions",
        "/embed/a",
        "/c/token",
        "/c/token/forms/a",
        "/r/token",
    )
    answering = {path: hosts.answering(host, "POST", path) for path in paths}
    processes = ("forms", "forms", "own", "own", "own")
    public = {path: f"registration-{name}" for path, name in zip(paths, processes, strict=True)}
    assert answering == (public if host == PUBLIC else dict.fromkeys(paths, ""))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events/example/roster",
        "/v1/events/example%2Froster",
        "/v1/events//example/roster",
        "/v1/events/../overview",
        "/v1/events/..%2Foverview",
        "/programme/../console",
        "/c/../v1/mails",
        "/V1/mails",
    ],
)
def test_no_spelling_of_a_path_leads_past_the_gateway(hosts: Hosts, path: str) -> None:
    """The gateway compares the normalised path; none of the paths that it forwards is a coordinator's."""
    with requests.Session() as session:
        asked = requests.Request("GET", hosts.urls[PUBLIC] + path).prepare()
        asked.url = hosts.urls[PUBLIC] + path  # as it is written
        assert "X-Process" not in session.send(asked, timeout=10).headers
