"""The whole installation: servers, two hosts with all processes of the services, two gateways, and a mail sink."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import yaml

from deploy.local.installation import SAMPLE, WEBINAR
from deploy.local.secrets import Secrets, make_secrets
from deploy.servers.audit_role import ROLE, variable
from deploy.servers.databases import complete_rights, make_databases
from deploy.servers.starting import BASE_ENVIRONMENT
from deploy.shape import SERVICES, WEB_PROCESSES, process_of, worker_name
from deploy.up.secrets import broker_definitions, broker_passwords, database_passwords
from shared.db.embedded_server import SUPERUSER
from shared.messaging import topology
from tests.cluster.host import READY, in_cluster, ports_of, services
from tests.cluster.hosts import Host, Network
from tests.cluster.pooler import POOLER_PORT, Pooler
from tests.cluster.servers import NODE_PORTS, POSTGRES_PORT, REDIS_PORT, Broker, Postgres, start_redis
from tests.support.caddy import COMMAND, DESK_HOST, PUBLIC_HOST, write_caddyfile
from tests.support.children import kill_tree, start_child, tail
from tests.support.processes import PROJECT, answers
from tests.support.run_folder import RUN_VARIABLE, RunFolder
from tests.support.waiting import poll_until

GATEWAY_PORT, SMTP_PORT, INBOX_PORT, FIRST_PORT = 8080, 2525, 8025, 18_000
DATABASE, GATEWAYS, HOSTS = 30, (41, 42), (11, 12)
"""Last parts of addresses."""
ALIKE: Mapping[str, object] = MappingProxyType({})
UNCHANGED: Mapping[str, str] = MappingProxyType({})
READY_WITHIN_S, STOPPED_WITHIN_S = 240.0, 150.0


@dataclass(slots=True)
class ApplicationHost:
    """Attributes:
    host: its network.
    folder: of its plan, logs and records.
    project: the tree that it runs.
    """

    host: Host
    folder: Path
    project: Path = PROJECT

    @property
    def ready(self) -> bool:
        """Whether all its processes have become ready since its start."""
        return (self.folder / READY).exists()

    def log(self, name: str = "output") -> str:
        """The end of one of its logs."""
        file = self.folder / "output.log" if name == "output" else self.folder / "logs" / f"{name}.log"
        return tail(file)


@dataclass(slots=True)
class Cluster:
    """Attributes:
    run: that it belongs to.
    project: the tree that the hosts run at first.
    network: of all hosts.
    """

    run: RunFolder
    project: Path = PROJECT
    network: Network = field(default_factory=Network)
    hosts: list[ApplicationHost] = field(default_factory=list)
    gateways: list[Host] = field(default_factory=list)
    postgres: Postgres = field(init=False)
    broker: Broker = field(init=False)
    redis: Host = field(init=False)
    pooler: Pooler = field(init=False)
    secrets: Secrets = field(init=False)
    mails: Path = field(init=False)
    visitors: int = 0
    _sink: "subprocess.Popen[bytes]" = field(init=False)
    _broker_passwords: dict[str, str] = field(init=False)
    _passwords: dict[str, str] = field(init=False)

    def start(self) -> None:
        """Start all hosts; returns when both application hosts are ready."""
        self.network.start()
        place = self.run.part("secrets")
        self.secrets, self.mails = make_secrets(place), self.run.part("mails")
        self._broker_passwords, self._passwords = broker_passwords(place), database_passwords(place)
        self._start_servers()
        self._start_sink()
        for number, last in enumerate(HOSTS, start=1):
            self.hosts.append(self.add_host(f"host{number}", last, self.project))
        self.gateways = [self.network.add(f"gateway{number}", last) for number, last in enumerate(GATEWAYS, start=1)]
        self._fill()
        self.pooler.start()
        for host in self.hosts:
            self.begin(host)
        for gateway in self.gateways:
            self.start_gateway(gateway)
        for host in self.hosts:
            self.wait_ready(host)

    def remove(self) -> None:
        """End all processes and delete the network."""
        kill_tree(self._sink)
        self.network.remove()

    def begin(
        self, host: ApplicationHost, changes: Mapping[str, object] = ALIKE, settings: Mapping[str, str] = UNCHANGED
    ) -> None:
        """Start all processes of a host without waiting for them.

        Args:
            host: to start.
            changes: of its plan.
            settings: beside those of all hosts.
        """
        (host.folder / READY).unlink(missing_ok=True)
        (host.folder / "plan.json").write_text(json.dumps({**self.plan(host.project), **changes}))
        command = [sys.executable, "-m", "tests.cluster.host", str(host.folder / "plan.json")]
        environment = {**self.settings(), "PYTHONPATH": str(PROJECT), **settings}
        host.host.start(self.run, command, env=environment, folder=host.folder)

    def add_host(self, name: str, number: int, project: Path) -> ApplicationHost:
        """A new application host without processes; its address ends with ``number``."""
        folder = self.run.part(name)
        (folder / "ports.json").write_text(json.dumps({"public": FIRST_PORT}))
        return ApplicationHost(self.network.add(name, number), folder, project)

    def wait_ready(self, host: ApplicationHost) -> None:
        """Wait until all its processes are ready."""

        def ready() -> bool:
            assert all(child.poll() is None for child in host.host.children), f"{host.host.name} ended:\n{host.log()}"
            return host.ready

        poll_until(ready, READY_WITHIN_S, every_s=0.2, what=f"{host.host.name} is ready")

    def restart(self, host: ApplicationHost, project: Path | None = None) -> None:
        """Stop a host gracefully, and start it again, from another tree if one is named."""
        (supervisor,) = host.host.children
        supervisor.terminate()
        poll_until(lambda: supervisor.poll() is not None, STOPPED_WITHIN_S, what=f"{host.host.name} has stopped")
        host.host.children.clear()
        host.project = project or host.project
        self.begin(host)
        self.wait_ready(host)

    def start_redis(self) -> None:
        """Start Redis, empty."""
        start_redis(self.run, self.redis)

    def start_gateway(self, host: Host) -> None:
        """Start Caddy with our file in front of both hosts."""
        folder, ports = self.run.part(host.name), ports_of(self.hosts[0].folder)
        behind = {
            name: [f"{one.host.address}:{ports[name]}" for one in self.hosts]
            for name in (worker_name(*web) for web in WEB_PROCESSES)
        }
        environment = write_caddyfile(folder, behind, GATEWAY_PORT, "192.0.2.0/24")
        host.start(self.run, COMMAND, env=environment, folder=folder)

    def command(
        self, service: str, *words: str, project: Path | None = None, settings: Mapping[str, str] = UNCHANGED
    ) -> str:
        """Run a command of a service with the settings of an operator, and return what it prints.

        Args:
            service: whose.
            words: of the command.
            project: the tree that has it; by default that of the first host.
            settings: beside those of all hosts.
        """
        plan = {
            **self.plan(project or self.hosts[0].project),
            "databases": self._url("{login}", "{database}", "{password}"),
        }
        one = services(plan, self.hosts[0].folder)
        process = process_of(words[0])
        environment = in_cluster(one.environment(service, process), plan, process)
        environment |= {**self.settings(), **settings}
        return self._python(f"services.{service}", *words, env=environment, project=project)

    def migrate(self, service: str, project: Path | None = None) -> None:
        """Bring a database to the newest schema of a tree, and give what its owner cannot."""
        self.command(service, "migrate", project=project)
        with self.postgres.connect(service) as owner:
            complete_rights(owner, service)

    def load_definitions(self) -> None:
        """Make queues, bindings and logins of this tree at the broker; existing ones stay."""
        self.broker.load(broker_definitions(self._broker_passwords))

    def audit(self, wait_s: int = 60) -> str:
        """The audit's output once every equation is decidable.

        Raises:
            AssertionError: it finds a difference.
        """
        password = self._broker_passwords[topology.AUDIT]
        url = self.broker.urls(topology.AUDIT, password).split(",")[0]
        environment = {variable(name): address for name, address in self.audit_urls().items()}
        environment |= {"TROIKA_AUDIT_BROKER_URL": url, **self.settings()}
        return self._python("deploy.operations.audit", "--wait", str(wait_s), "--grace-s", "10", env=environment)

    def audit_urls(self) -> dict[str, str]:
        """The databases for the audit's login."""
        return {service: self._url(ROLE, service) for service in SERVICES}

    def query(self, service: str, statement: str) -> list[tuple[object, ...]]:
        """Rows of the primary."""
        with self.postgres.connect(service) as connection:
            return connection.execute(statement).fetchall()

    def _start_servers(self) -> None:
        databases = [self.network.add(f"database{number}", 30 + number) for number in (1, 2)]
        address = self.network.address(DATABASE)
        self.postgres = Postgres(self.run, self.network, databases, address, self._passwords[SUPERUSER])
        self.pooler = Pooler(self.run, self.network.add("pooler", 60), self.postgres)
        self.broker = Broker(self.run, [self.network.add(f"broker{number}", 20 + number) for number in (1, 2, 3)])
        self.redis = self.network.add("redis", 50)
        self.start_redis()
        self.postgres.start()
        self.broker.start()
        self.load_definitions()

    def _start_sink(self) -> None:
        outside = self.network.outside
        words = ["--host", outside, "--smtp-port", str(SMTP_PORT), "--http-port", str(INBOX_PORT)]
        command = [sys.executable, "-m", "deploy.local.sink", *words, "--folder", str(self.mails)]
        self._sink = start_child(self.run, command, env={}, folder=PROJECT, log=self.run.path / "sink.log")
        poll_until(lambda: answers(f"http://{outside}:{INBOX_PORT}/livez"), 20, what="the mail sink answers")

    def _fill(self) -> None:
        """Make the databases, the schema and the sample programme with one form that has enough seats."""
        with self.postgres.connect() as connection:
            make_databases(connection, self._passwords)
        for service in SERVICES:
            self.migrate(service)
        sample = self.run.part("sample")
        shutil.copytree(PROJECT / SAMPLE, sample, dirs_exist_ok=True)
        (sample / "working-groups.yaml").write_text("[]\n")
        forms = [form for form in yaml.safe_load((sample / "forms.yaml").read_text()) if form["slug"] == WEBINAR]
        (sample / "forms.yaml").write_text(
            yaml.safe_dump([{**forms[0], "verification": "none", "capacity": 1_000_000}])
        )
        self.command("events", "load", str(sample), "--move-to-next", WEBINAR, "--weeks-later", "1")
        self.command("registration", "load", str(sample))

    def plan(self, project: Path) -> dict[str, object]:
        """The plan with which a host is started (``tests.cluster.host``)."""
        return {
            "project": str(project),
            "secrets": str(self.secrets.folder),
            "key": self.secrets.coordinator_key,
            "passwords": self._passwords,
            "broker": self._broker_passwords,
            "nodes": [f"{host.address}:{NODE_PORTS.amqp}" for host in self.broker.hosts],
            "gateways": ",".join(host.address for host in self.gateways),
            "databases": self._url("{login}", "{database}", "{password}", f"{self.pooler.host.address}:{POOLER_PORT}"),
        }

    def _url(self, login: str, database: str, password: str = "", place: str = "") -> str:
        """URL of a database at ``place``; at the primary itself for migrations and the audit."""
        secret, place = password or self._passwords[login], place or f"{self.postgres.address}:{POSTGRES_PORT}"
        return f"postgresql+psycopg://{login}:{secret}@{place}/{database}"

    def settings(self) -> dict[str, str]:
        """Settings that an operator makes for all processes."""
        return {
            RUN_VARIABLE: str(self.run.path),
            "TROIKA_INSECURE": "smtp,broker,database,public-url,limits",
            "TROIKA_PUBLIC_URL": f"http://{PUBLIC_HOST}",
            "TROIKA_CONSOLE_URL": f"http://{DESK_HOST}",
            "TROIKA_LIMITS_URL": f"redis://{self.redis.address}:{REDIS_PORT}/0",
            "TROIKA_LIMIT_INTAKE": "100000 per minute",
            "TROIKA_UNVERIFIED_A_DAY": "1000000",
            "TROIKA_WEB_WORKERS": "1",
            "TROIKA_MAIL_LEASE_S": "210",
            "TROIKA_MAIL_UNKNOWN_AFTER_S": "15",
            "SMTP_URL": f"smtp://{self.network.outside}:{SMTP_PORT}",
        }

    def _python(self, *words: str, env: dict[str, str], project: Path | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=project or self.hosts[0].project,
            env={**BASE_ENVIRONMENT, **env},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{' '.join(words)} ({done.returncode}):\n{done.stdout}{done.stderr}"
        return done.stdout
