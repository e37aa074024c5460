"""The servers of a cluster: two of PostgreSQL, three of RabbitMQ, one of Redis, each on its own host."""

import json
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.servers import rabbitmq
from deploy.servers.postgres import SERVER_SETTINGS, server_command
from deploy.servers.rabbitmq import VHOST, NodePorts
from deploy.servers.starting import BASE_ENVIRONMENT, prefix
from shared.db.embedded_server import SUPERUSER, binaries, make_cluster
from shared.runtime.accounts import Account, service_account, write_private
from tests.cluster.hosts import Host, Network
from tests.support.rabbit_definitions import first_user
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

POSTGRES_PORT, REDIS_PORT = 5432, 6379
REPLICATION = "replication"
NODE_PORTS = NodePorts(amqp=5672, distribution=25672, names=4369, prometheus=15692, control=35672)
REPLICATED = {
    **SERVER_SETTINGS,
    "listen_addresses": "*",
    "max_connections": "400",
    # detect a lost standby or primary in seconds
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


@dataclass(slots=True)
class _Server:
    """One PostgreSQL: its host and folder."""

    host: Host
    folder: Path


class Postgres:
    """A primary and a synchronous standby; ``address`` is always the primary's."""

    def __init__(self, run: RunFolder, network: Network, hosts: Sequence[Host], address: str, password: str) -> None:
        self._run, self._network, self._password = run, network, password
        self._account = service_account("postgres", "nobody")
        self._bin = binaries(run.path, self._account)
        self._replication_password = secrets.token_urlsafe(12)
        self._servers = [_Server(host, run.part(host.name, self._account)) for host in hosts]
        self.address = address

    @property
    def primary(self) -> Host:
        """The host of the primary."""
        return self._servers[0].host

    @property
    def standby(self) -> Host:
        """The host of the standby."""
        return self._servers[1].host

    def start(self) -> None:
        """Make the primary, copy it, and let no transaction commit before the standby has it on its disk."""
        first = self._servers[0]
        make_cluster(self._bin, first.folder, self._password, self._account)
        with (first.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {self._network.network} scram-sha-256\n")
            rules.write(f"host replication {REPLICATION} {self._network.network} scram-sha-256\n")
        self._start(first)
        self._network.move(self.address, first.host)
        with self.connect() as connection:
            statement = sql.SQL("CREATE ROLE {} REPLICATION LOGIN PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(REPLICATION), sql.Literal(self._replication_password)))
        self.add_standby()

    def connect(self, database: str = SUPERUSER, host: str = "") -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection of the superuser in autocommit, to the primary unless a ``host`` is named."""
        url = f"postgresql://{SUPERUSER}:{self._password}@{host or self.address}:{POSTGRES_PORT}/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=3)

    def kill_primary(self) -> None:
        """A power cut: the host drops all packets and its processes are killed."""
        self._network.isolate(self.primary)
        self.primary.kill()

    def promote(self) -> None:
        """Promote the standby, and move the address to it. Its commits wait for no standby from then on."""
        self._servers.reverse()
        with self.connect(host=self.primary.address) as connection:
            connection.execute("SELECT pg_promote()")
        self._network.move(self.address, self.primary)

    def rebuild(self) -> None:
        """Put a copy of the primary in place of the server that was killed, as the standby."""
        self._network.rejoin(self.standby)
        self.add_standby()

    def add_standby(self) -> None:
        """Copy the primary to the other host, start the copy, and wait until it is synchronous."""
        primary, standby = self._servers
        data = standby.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        source = f"host={self.address} port={POSTGRES_PORT} user={REPLICATION} password={self._replication_password}"
        copy = [str(self._bin / "pg_basebackup"), "-D", str(data), "-X", "stream", "-c", "fast"]
        self._run_on(standby.host, copy, source)
        write_private(data / "standby.signal", "", self._account)
        self._start(standby, {"primary_conninfo": f"{source} application_name={standby.host.name}"})
        with self.connect() as connection:
            connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby.host.name}'")
            connection.execute("SELECT pg_reload_conf()")
        poll_until(self._is_synchronous, 60.0, what=f"{standby.host.name} follows {primary.host.name}")

    def _is_synchronous(self) -> bool:
        with self.connect() as connection:
            return connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() == [("sync",)]

    def _run_on(self, host: Host, command: list[str], source: str) -> None:
        inside = ["nsenter", f"--net=/run/netns/{host.namespace}", *prefix(self._account), *command, "-d", source]
        done = subprocess.run(inside, env=BASE_ENVIRONMENT, cwd=self._run.path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _start(self, server: _Server, more: Mapping[str, str] | None = None) -> None:
        command = server_command(self._bin, server.folder, POSTGRES_PORT, {**REPLICATED, **(more or {})})
        server.host.start(self._run, command, env={}, folder=server.folder, account=self._account)
        poll_until(lambda: self._answers(server.host.address), 60.0, what=f"PostgreSQL on {server.host.name}")

    def _answers(self, host: str) -> bool:
        try:
            self.connect(host=host).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass(slots=True)
class Broker:
    """Three nodes of RabbitMQ, one cluster with Khepri.

    Attributes:
        run: that it belongs to.
        hosts: of the nodes.
    """

    run: RunFolder
    hosts: Sequence[Host]
    _account: Account | None = field(default_factory=lambda: service_account("rabbitmq", "nobody"))
    _cookie: str = field(default_factory=lambda: secrets.token_hex(16))
    _folders: dict[str, Path] = field(default_factory=dict)

    def start(self) -> None:
        """Start all nodes at once, and wait until they are one cluster."""
        members = {
            f"cluster_formation.classic_config.nodes.{number}": _node(host)
            for number, host in enumerate(self.hosts, start=1)
        }
        settings = {
            "listeners.tcp.1": f"0.0.0.0:{NODE_PORTS.amqp}",
            "default_vhost": "/",
            "cluster_formation.peer_discovery_backend": "classic_config",
            "quorum_queue.continuous_membership_reconciliation.enabled": "true",
            **first_user("operator", secrets.token_urlsafe(12)),
            **members,
        }
        for host in self.hosts:
            folder = self._folders[host.name] = self.run.part(host.name, self._account)
            write_private(folder / "rabbitmq.conf", rabbitmq.configuration(NODE_PORTS, settings), self._account)
            write_private(folder / "plugins", "[rabbitmq_prometheus].\n", self._account)
            write_private(folder / ".erlang.cookie", self._cookie, self._account)
            self.start_node(host)
        self.wait_whole()
        self.ctl("enable_feature_flag", "--opt-in", "khepri_db")

    def start_node(self, host: Host) -> None:
        """Start the port mapper and the node of one host."""
        environment, folder = self._environment(host), self._folders[host.name]
        names, node = ["epmd", "-port", str(NODE_PORTS.names)], [str(rabbitmq.scripts_folder() / "rabbitmq-server")]
        host.start(self.run, names, env=environment, folder=folder, account=self._account)
        poll_until(lambda: listens(host.address, NODE_PORTS.names), 20.0, what=f"epmd on {host.name}")
        host.start(self.run, node, env=environment, folder=folder, account=self._account)

    def load(self, definitions: Mapping[str, Any]) -> None:
        """Load definitions once, after the cluster has formed: each quorum queue gets three members.

        Exchanges first. A topic permission for a missing exchange creates its tree node in Khepri, and RabbitMQ then
        treats the exchange as made (RabbitMQ 4.0.5; an import sets topic permissions before it makes exchanges).
        """
        file = self._folders[self.hosts[0].name] / "definitions.json"
        for part in ({**definitions, "topic_permissions": []}, definitions):
            write_private(file, json.dumps(part), self._account)
            self.ctl("import_definitions", str(file))

    def wait_whole(self, within_s: float = 120.0) -> None:
        """Wait until all nodes are running members, and each queue has a running member on each node."""
        nodes = ", ".join(f"'{_node(host)}'" for host in self.hosts)
        each = f"[erpc:call(N, rabbit_nodes, list_running, [], 5000) || N <- [{nodes}]]"
        asked = f"lists:all(fun(L) -> length(L) =:= {len(self.hosts)} end, {each})."

        def whole() -> bool:
            try:
                return self.ctl("eval", asked).strip() == "true"
            except RuntimeError:
                return False

        poll_until(whole, within_s, every_s=1.0, what="all nodes of the broker see each other")

    def missing_members(self) -> list[str]:
        """Names of queues that lack a running member."""
        rows = json.loads(self.ctl("list_queues", "-p", VHOST, "name", "online", "--formatter", "json"))
        return sorted(row["name"] for row in rows if len(row["online"]) < len(self.hosts))

    def ctl(self, *words: str, asked: int = 0) -> str:
        """Run ``rabbitmqctl`` on a node's host and return what it prints.

        Raises:
            RuntimeError: it failed.
        """
        host = self.hosts[asked]
        command = [str(rabbitmq.scripts_folder() / "rabbitmqctl"), "--quiet", "--longnames", "-n", _node(host), *words]
        inside = ["nsenter", f"--net=/run/netns/{host.namespace}", *prefix(self._account), *command]
        done = subprocess.run(
            inside,
            env={**BASE_ENVIRONMENT, **self._environment(host)},
            cwd=self._folders[host.name],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rabbitmqctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def urls(self, user: str, password: str) -> str:
        """``amqp://`` URLs of all nodes for one login, with commas between."""
        return ",".join(f"amqp://{user}:{password}@{host.address}:{NODE_PORTS.amqp}/{VHOST}" for host in self.hosts)

    def _environment(self, host: Host) -> dict[str, str]:
        usual = rabbitmq.environment(self._folders[host.name], _node(host), NODE_PORTS)
        usual.pop("ERL_EPMD_ADDRESS")  # the other nodes query it too
        return usual | {
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -start_epmd false",
        }


def _node(host: Host) -> str:
    return f"rabbit@{host.address}"


def listens(address: str, port: int) -> bool:
    """Whether ``port`` accepts a connection."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((address, port)) == 0


def start_redis(run: RunFolder, host: Host) -> None:
    """Redis on its host, without persistence."""
    folder = run.part(host.name)
    words = ["--bind", host.address, "--port", str(REDIS_PORT), "--save", "", "--protected-mode", "no"]
    host.start(run, ["redis-server", *words], env={}, folder=folder)
