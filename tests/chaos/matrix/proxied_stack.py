"""One running system in which every connection between two programs passes a proxy that can break it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.shape import WORKERS
from shared.messaging import topology
from tests.support.fault_proxy import FaultProxy, Faults
from tests.support.ports import free_port
from tests.support.processes import answers
from tests.support.stack import LOAD_PROGRAMME, Stack
from tests.support.waiting import poll_until
from tests.support.web import load_webinar

CLIENT, WEB_DATABASE, EVENTS_DATABASE = "client-web", "web-database", "events-database"
SMTP = "sender-smtp"
OTHERS = ("decider-database", "relay-database", "relay-bus", "consumer-bus", "consumer-database", "sender-database")
LINKS = (CLIENT, WEB_DATABASE, *OTHERS, SMTP, EVENTS_DATABASE)
DATABASES = {
    "decide": "decider-database",
    "relay": "relay-database",
    "consume": "consumer-database",
    "send": "sender-database",
}
BUSES = {"relay": "relay-bus", "consume": "consumer-bus"}
MAIL_UNKNOWN_AFTER_S = 3


@dataclass
class ProxiedStack(Stack):
    """A stack over proxies. A context manager: leaving it ends the proxies; its programs are ended by their group.

    Attributes:
        proxies: by link; the clients' line has one for each web process.
        urls: of the web processes as clients see them, by service.
    """

    proxies: dict[str, list[FaultProxy]] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    _ends: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.end()
        self._ends.close()

    def start(self, *, capacity: int | None = None, workers: int = 1) -> None:
        """Start every process. One web worker each: then a request meets the connections that the fault met."""
        topology.declare(self.address)
        load_webinar(self.installation, capacity=capacity)
        self.start_sink()
        database = urlsplit(self.installation.urls["registration"]).port or 0
        bus = urlsplit(self.broker_urls[0]).port or 0 if self.broker_urls else database
        for link in (WEB_DATABASE, EVENTS_DATABASE, *DATABASES.values()):
            self._put_proxy(link, database)
        for link in BUSES.values():
            self._put_proxy(link, bus)
        self._put_proxy(SMTP, self.ports["smtp"])
        for service, link in (("registration", WEB_DATABASE), ("events", EVENTS_DATABASE)):
            self._start_web(service, link, workers)
        for service, role in WORKERS:
            self._start_routed(service, role)
        loaded = self.processes.start("load", LOAD_PROGRAMME, env=self.installation.environment("events", "operator"))
        assert loaded.wait(60) == 0, loaded.log_text()
        known = "SELECT count(*) FROM event_copy WHERE id = 'upr-webinar-10'"
        for service in ("registration", "notifications"):
            poll_until(partial(self._finds_one, service, known), 60, what=f"{service} has consumed the event")

    def set(self, link: str, faults: Faults) -> None:
        """Break a link."""
        for proxy in self.proxies[link]:
            proxy.set(faults)

    def heal(self, link: str) -> None:
        """Break it no more."""
        for proxy in self.proxies[link]:
            proxy.heal()

    def effects(self, link: str) -> int:
        """How often faults have met something on a link."""
        return sum(proxy.effects for proxy in self.proxies[link])

    def _put_proxy(self, link: str, port: int) -> int:
        proxy = self._ends.enter_context(FaultProxy(port))
        self.proxies.setdefault(link, []).append(proxy)
        return proxy.port

    def _start_web(self, service: str, link: str, workers: int) -> None:
        port = free_port()
        own, database = self.installation.environment(service), f"{service.upper()}_DATABASE_URL"
        environment = {
            **own,
            database: self._through(link, own[database]),
            "TROIKA_BIND": f"127.0.0.1:{port}",
            "TROIKA_WEB_WORKERS": str(workers),
            "TROIKA_METRICS_FOLDER": str(Path(self.processes.folder) / f"{service}-web-metrics"),
        }
        ready = f"http://127.0.0.1:{port}/-/{service}/readyz"
        name = f"{service}-web"
        self.programs[name] = self.processes.start(
            name, f"services.{service} web", env=environment, ready_url=ready, within_s=60
        )
        self.urls[service] = f"http://127.0.0.1:{self._put_proxy(CLIENT, port)}"

    def _start_routed(self, service: str, role: str) -> None:
        port, name = free_port(), f"{service}-{role}"
        environment = {**self.environment(service, role), "TROIKA_METRICS_PORT": str(port)}
        if role in DATABASES:
            variable = f"{service.upper()}_DATABASE_URL"
            environment[variable] = self._through(DATABASES[role], environment[variable])
        if role in BUSES:
            variable = "TROIKA_BROKER_URL" if self.broker_urls else "TROIKA_BUS_DATABASE_URL"
            environment[variable] = self._through(BUSES[role], environment[variable])
        if role == "send":
            environment["SMTP_URL"] = self._through(SMTP, environment["SMTP_URL"])
        self.ports[name] = port
        self.programs[name] = self.processes.start(name, f"services.{service} {role}", env=environment)

    def _through(self, link: str, url: str) -> str:
        """``url`` with the proxy's port in place of the server's own."""
        parts = urlsplit(url)
        (proxy,) = self.proxies[link]
        return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")).geturl()

    def is_ready(self, name: str) -> bool:
        """Whether a worker reports it."""
        return answers(f"http://127.0.0.1:{self.ports[name]}/readyz")
