"""Prometheus, Alertmanager and blackbox exporter as an installation runs them, with stand-ins for what they watch.

Rules, routes and all times are the installation's own, so what is measured here is what an operator waits for.
"""

import json
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml

from deploy.alerting import RECEIVERS
from deploy.shape import WEB_PROCESSES, WORKERS
from tests.alerting.targets import Content, Target
from tests.support.certificate import make_certificate
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

SOURCE = PROJECT / "deploy/prometheus"
OUR_PROCESSES = [*WEB_PROCESSES, *WORKERS, ("operations", "canary")]


@dataclass(frozen=True, slots=True)
class Notification:
    """One POST to a receiver: when (monotonic), to whom, labels of its group, names of its firing alerts."""

    at_s: float
    receiver: str
    status: str
    group: Mapping[str, str]
    alerts: tuple[str, ...]


class Pager:
    """The webhook of every receiver: ``/page``, ``/ticket`` and ``/watchdog``."""

    def __init__(self) -> None:
        self.received: list[Notification] = []
        pager = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                names = sorted({one["labels"]["alertname"] for one in content["alerts"] if one["status"] == "firing"})
                pager.received.append(
                    Notification(
                        time.monotonic(), self.path[1:], content["status"], content["groupLabels"], tuple(names)
                    )
                )
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Return nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def pages_since(self, at_s: float) -> list[Notification]:
        """What has paged since then; that a fault is over pages no one."""
        return [one for one in self.received if one.receiver == "page" and one.status == "firing" and one.at_s >= at_s]

    def close(self) -> None:
        """Take nothing more."""
        self._server.shutdown()
        self._server.server_close()


class Alertmanager:
    """A real one with our configuration.

    Args:
        run: that it belongs to.
        name: of its folder.
        pager: gets everything.
    """

    def __init__(self, run: RunFolder, name: str, pager: Pager) -> None:
        folder = run.part(f"alertmanager-{name}")
        (folder / "receivers").mkdir()
        for receiver in ("page", "ticket", "watchdog"):
            (folder / "receivers" / receiver).write_text(f"{pager.url}/{receiver}")
        text = (SOURCE / "alertmanager.yml").read_text().replace(RECEIVERS, str(folder / "receivers"))
        (folder / "alertmanager.yml").write_text(text)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [program("prometheus-alertmanager"), "--config.file=alertmanager.yml", "--storage.path=data"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="]
        self._child = start_child(run, command, env={}, folder=folder, log=folder / "log")

    def wait_ready(self) -> None:
        """Until it answers."""
        poll_until(lambda: _answers(f"{self.url}/-/ready"), 30, what="Alertmanager is ready")

    def post(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Raise ``alerts`` as Prometheus does."""
        content = [{"labels": dict(labels)} for labels in alerts]
        requests.post(f"{self.url}/api/v2/alerts", json=content, timeout=5).raise_for_status()

    def close(self) -> None:
        """End it."""
        kill_tree(self._child)


@dataclass
class Installation:
    """The monitored targets, and the programs that monitor them.

    Attributes:
        run: of the tests.
        name: of its folders.
        metrics: what targets return beside ``up``, by the name of the target.
        targets: by name: ``postgres``, ``rabbitmq``, ``gateway``, ``page`` and ``<service>-<process>``.
        fault_at_s: when the fault happened, monotonic; 0 before it.
    repaired: whether it is over.
    """

    run: RunFolder
    name: str
    metrics: Mapping[str, Content] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    fault_at_s: float = 0.0
    repaired: bool = False
    pager: Pager = field(default_factory=Pager)
    _children: list[Any] = field(default_factory=list)
    _alertmanager: Alertmanager | None = None

    def start(self) -> None:
        """Start everything."""
        folder = self.run.part(f"prometheus-{self.name}")
        certificate = make_certificate(folder / "page.pem", "127.0.0.1", days=90)
        for name in [
            "postgres",
            "rabbitmq",
            "gateway",
            *(f"{service}-{process}" for service, process in OUR_PROCESSES),
        ]:
            self.targets[name] = Target(self.metrics.get(name, _nothing), self._since_fault)
        page = Target(lambda _s: "<html><form></form></html>", self._since_fault, certificate, "text/html")
        self.targets["page"] = page
        self._alertmanager = Alertmanager(self.run, self.name, self.pager)
        self._start_blackbox(folder, certificate)
        self._start_prometheus(folder, self._alertmanager.port)

    def wait_ready(self) -> None:
        """Wait until every target is scraped and the watchdog has arrived."""
        poll_until(lambda: self._up() == len(self.targets) + 1, 90, every_s=1.0, what="every target is seen")
        poll_until(lambda: self.pager.received != [], 90, every_s=1.0, what="the watchdog has arrived")

    def fail(self, state: str, *names: str) -> None:
        """Bring targets of these names into ``state``: that is the fault."""
        self.fault_at_s = time.monotonic()
        for name in names or tuple(self.targets):
            self.targets[name].become(state)

    def repair(self) -> None:
        """Let everything answer as before the fault."""
        self.repaired = True
        for target in self.targets.values():
            target.become("well")

    def close(self) -> None:
        """End everything."""
        for child in self._children:
            kill_tree(child)
        if self._alertmanager is not None:
            self._alertmanager.close()
        for target in self.targets.values():
            target.close()
        self.pager.close()

    def _since_fault(self) -> float:
        return time.monotonic() - self.fault_at_s if self.fault_at_s and not self.repaired else -1.0

    def _start_blackbox(self, folder: Path, certificate: Path) -> None:
        modules = yaml.safe_load((SOURCE / "blackbox.yml").read_text())
        modules["modules"]["public_page"]["http"]["tls_config"] = {"ca_file": str(certificate)}
        (folder / "blackbox.yml").write_text(yaml.safe_dump(modules))
        self._blackbox_port = free_port()
        command = [program("prometheus-blackbox-exporter"), "--config.file=blackbox.yml"]
        command += [f"--web.listen-address=127.0.0.1:{self._blackbox_port}"]
        self._children.append(start_child(self.run, command, env={}, folder=folder, log=folder / "blackbox.log"))

    def _start_prometheus(self, folder: Path, alertmanager: int) -> None:
        (folder / "rules").symlink_to(SOURCE / "rules")
        (folder / "targets").mkdir()
        ours = [
            self._target(f"{service}-{process}", service=service, process=process) for service, process in OUR_PROCESSES
        ]
        files = {
            "troika": ours,
            "postgres": [self._target("postgres", cluster="main")],
            "rabbitmq": [self._target("rabbitmq")],
            "gateway": [self._target("gateway")],
            "public": [{"targets": [f"https://127.0.0.1:{self.targets['page'].port}/programme"]}],
        }
        for name, content in files.items():
            (folder / "targets" / f"{name}.json").write_text(json.dumps(content))
        configuration = yaml.safe_load((SOURCE / "prometheus.yml").read_text())
        configuration["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        }
        for job in configuration["scrape_configs"]:
            if job["job_name"] == "public-page":
                job["relabel_configs"][-1]["replacement"] = f"127.0.0.1:{self._blackbox_port}"
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        self._port = free_port()
        command = [
            program("prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--log.level=warn",
        ]
        command += [f"--web.listen-address=127.0.0.1:{self._port}"]
        self._children.append(start_child(self.run, command, env={}, folder=folder, log=folder / "prometheus.log"))

    def _target(self, name: str, **labels: str) -> dict[str, Any]:
        return {"targets": [f"127.0.0.1:{self.targets[name].port}"], "labels": labels}

    def _up(self) -> int:
        """How many scrapes succeed; the broker is scraped twice."""
        query = {"query": "count(up == 1)"}
        try:
            answer = requests.get(f"http://127.0.0.1:{self._port}/api/v1/query", params=query, timeout=5).json()
        except requests.RequestException:
            return 0
        found = answer["data"]["result"]
        return int(found[0]["value"][1]) if found else 0


def program(name: str) -> str:
    """Where a program is.

    Raises:
        AssertionError: this machine has none.
    """
    found = shutil.which(name)
    assert found is not None, f"{name} is missing: deploy/setup/alerting_machine.sh installs it"
    return found


def _nothing(_since_s: float) -> str:
    return ""


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
