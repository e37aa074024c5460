"""A private RabbitMQ node: own folder, ports, port mapper and cookie, so that tests may kill and freeze it at will."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.servers import rabbitmq as rabbitmq_settings
from deploy.servers.rabbitmq import VHOST, NodePorts
from deploy.servers.starting import BASE_ENVIRONMENT, prefix
from shared.runtime.accounts import Account, service_account
from tests.support.children import freeze, kill_tree, start_child, tail
from tests.support.ports import free_port, is_listening
from tests.support.rabbit_definitions import Rights, first_user, user_definitions, vhost_definitions
from tests.support.run_folder import RUN_VARIABLE, RunFolder
from tests.support.waiting import poll_until

ADMIN = "bench-admin"
"""The user that every node has: all rights in the vhost ``troika``."""

VHOSTS_AT_ONCE = 6
"""Made by one command: starting ``rabbitmqctl`` takes more processor time than making a vhost."""

_IMPORT = (
    '{{ok, Definitions}} = file:read_file("{file}"), '
    "Answer = (catch rpc:call('{node}', rabbit_definitions, import_raw, [Definitions], 120000)), "
    'io:format("~tp", [Answer]), halt().'
)
"""Erlang that loads a file of definitions into a node and prints ``ok``, or why not."""


def free_ports() -> NodePorts:
    """Ports for a node."""
    return NodePorts(*(free_port() for _ in fields(NodePorts)))


def name_of(ports: NodePorts) -> str:
    """Erlang name of the node on ``ports``."""
    return f"rt{ports.amqp}@localhost"


@dataclass(frozen=True, slots=True)
class Membership:
    """The configuration of a node of a cluster: its ports, the mapper of another process, and what all nodes share."""

    ports: NodePorts
    cookie: str
    password: str


class RabbitNode:
    """One node, with the vhost ``troika`` and the user ``ADMIN``, and neither guest nor anonymous entry."""

    def __init__(
        self,
        run: RunFolder,
        *,
        plugins: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        member: Membership | None = None,
    ) -> None:
        """Prepare a node; nothing runs before ``start``.

        Args:
            run: the run that owns it.
            plugins: plugins switched on, such as ``rabbitmq_prometheus``.
            settings: lines added to ``rabbitmq.conf``, or put in place of the default ones.
            member: for a node of a cluster.

        Raises:
            RuntimeError: RabbitMQ is not installed; the message names what to install.
        """
        self._scripts = rabbitmq_settings.scripts_folder()
        self._run = run
        self._account = service_account("rabbitmq", "nobody")
        self._member = member
        self.ports = member.ports if member else free_ports()
        self.folder = run.part("rabbitmq", self._account)
        self._log = self.folder / "output.log"
        self._passwords = {ADMIN: member.password if member else secrets.token_urlsafe(12)}
        self._environment = rabbitmq_settings.environment(self.folder, self.name, self.ports)
        self.inside: Sequence[str] = ()
        """Words before the server's command, from the next start on: of the disk that it is to see."""
        self._spare_vhosts: list[str] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None
        conf = rabbitmq_settings.configuration(
            self.ports, {**first_user(ADMIN, self._passwords[ADMIN]), **(settings or {})}
        )
        self._write("rabbitmq.conf", conf)
        self._write("plugins", f"[{','.join(plugins)}].\n")
        self._write(".erlang.cookie", member.cookie if member else secrets.token_hex(16))

    @property
    def name(self) -> str:
        """Erlang name of the node."""
        return name_of(self.ports)

    @property
    def data_folder(self) -> Path:
        """Where the node keeps messages, queues and users; readable once it has started."""
        return self.folder / "data"

    @property
    def log_folder(self) -> Path:
        """Where the node writes its logs."""
        return self.folder / "log"

    @property
    def metrics_url(self) -> str:
        """Address of the node's metrics, when ``rabbitmq_prometheus`` is among its plugins."""
        return f"http://127.0.0.1:{self.ports.prometheus}/metrics"

    @property
    def running(self) -> bool:
        """Whether the server's process exists (also while it is suspended)."""
        return self._server is not None and self._server.poll() is None

    def start(self, within_s: float = 60.0) -> None:
        """Start the node, with the data it has, and wait until it takes AMQP connections (about 4 s).

        Raises:
            RuntimeError: it ended instead; with the end of its log.
        """
        self.begin()
        self.wait_ready(within_s)

    def begin(self) -> None:
        """Start the node without waiting: the nodes of a cluster wait for each other."""
        if self.running:
            return
        self._start_port_mapper()
        server = [str(self._scripts / "rabbitmq-server")]
        if self.inside:  # the program that enters the disk's namespace changes the user afterwards
            self._server = self._child([*self.inside, *prefix(self._account), *server], account=None)
        else:
            self._server = self._child(server, account=self._account)

    def wait_ready(self, within_s: float = 60.0) -> None:
        """Wait until the node takes AMQP connections.

        Raises:
            RuntimeError: it ended instead; with the end of its log.
        """
        poll_until(self._ready, within_s, every_s=0.1, what=f"start of {self.name}")

    def wait_until_saved(self, vhost: str, queues: Iterable[str]) -> None:
        """Wait until this node has written the names of new quorum queues to its disk (about 1 s).

        A node killed before that loses the queue and all it holds: the log has "configured member was not found on
        this node", and every read times out (seen with RabbitMQ 4.0.5). Ra writes the names after a pause without
        changes, which is longer on a busy machine, so a fixed delay is not enough.

        Args:
            vhost: where the queues are.
            queues: names of quorum queues that have a member on this node.
        """
        names = [f"{vhost}_{queue}".encode() for queue in queues]
        poll_until(lambda: self._saved(names), 20.0, what=f"{self.name} has saved the queues of {vhost}")

    def _saved(self, names: Sequence[bytes]) -> bool:
        written = b"".join(file.read_bytes() for file in self.data_folder.rglob("names.dets"))
        return all(name in written for name in names)

    def stop(self, within_s: float = 30.0) -> None:
        """Stop the node in good order (SIGTERM: connections are closed, data is flushed)."""
        if self._server is not None and self.running:
            self._server.send_signal(signal.SIGCONT)
            self._server.terminate()
            self._server.wait(within_s)
        self._stop_port_mapper()

    def kill(self) -> None:
        """End the node at once, as a power cut would (SIGKILL). See ``wait_until_saved``."""
        if self._server is not None:
            kill_tree(self._server)
        self._stop_port_mapper()

    def restart(self) -> None:
        """Stop in good order and start again on the same ports."""
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze the node (SIGSTOP): when this returns, connections stay open and no one answers."""
        freeze(self._running_server())

    def resume(self) -> None:
        """Resume a suspended node."""
        self._running_server().send_signal(signal.SIGCONT)

    def lose(self) -> None:
        """Kill the node and delete its data, as the loss of its disk does."""
        self.kill()
        shutil.rmtree(self.data_folder)

    def remove(self) -> None:
        """End the node and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def amqp_url(self, user: str = ADMIN, vhost: str = VHOST) -> str:
        """``amqp://`` URL of ``user``, who is ``ADMIN`` or was made by ``add_user``."""
        password = quote(self._passwords[user], safe="")
        return f"amqp://{quote(user, safe='')}:{password}@127.0.0.1:{self.ports.amqp}/{quote(vhost, safe='')}"

    def ctl(self, *arguments: str, within_s: float = 180.0, tool: str = "rabbitmqctl") -> str:
        """Run ``rabbitmqctl``, or another ``tool``, against this node (about 0.5 s) and return what it prints.

        Raises:
            RuntimeError: it failed; with what it printed.
        """
        return self._command([str(self._scripts / tool), "--quiet", "-n", self.name, *arguments], within_s)

    def _command(self, command: Sequence[str], within_s: float) -> str:
        done = subprocess.run(
            [*prefix(self._account), *command],
            env={**BASE_ENVIRONMENT, **self._environment, RUN_VARIABLE: str(self._run.path)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def import_definitions(self, definitions: Mapping[str, Any]) -> None:
        """Load vhosts, users, permissions, exchanges, queues, bindings and policies from ``definitions``.

        By the function that ``rabbitmqctl import_definitions`` calls, from a bare Erlang node: it takes less than half
        the processor time, and tests do this some hundred times.

        Raises:
            RuntimeError: the node refused them; with its reason.
        """
        file = f"definitions-{secrets.token_hex(3)}.json"
        self._write(file, json.dumps(definitions))
        command = _IMPORT.format(file=self.folder / file, node=self.name)
        caller = f"caller-{secrets.token_hex(4)}@localhost"
        erl = ["erl", "-noinput", "-hidden", "-sname", caller, "+S", "1:1", "-boot", "no_dot_erlang", "-eval", command]
        if (answer := self._command(erl, 180.0).strip()) != "ok":
            raise RuntimeError(f"import of definitions: {answer}")

    def add_user(self, name: str, password: str, rights: Rights | None = None, vhost: str = VHOST) -> str:
        """Make a user, by default with every right in ``vhost``, and return its URL."""
        return self.add_users({name: password}, rights or Rights(), vhost)[name]

    def add_users(self, passwords: Mapping[str, str], rights: Rights, vhost: str) -> dict[str, str]:
        """Make users with the same rights in ``vhost``, by one command; returns their URLs by name."""
        made = [user_definitions(name, password, rights, vhost) for name, password in passwords.items()]
        self.import_definitions(_joined(made))
        self._passwords |= passwords
        return {name: self.amqp_url(name, vhost) for name in passwords}

    def fresh_vhost(self) -> str:
        """Return ``ADMIN``'s URL in a new empty vhost, so that tests that share the node do not interfere."""
        if not self._spare_vhosts:
            self._spare_vhosts = [f"test-{secrets.token_hex(4)}" for _ in range(VHOSTS_AT_ONCE)]
            self.import_definitions(_joined([vhost_definitions(name, ADMIN) for name in self._spare_vhosts]))
        return self.amqp_url(vhost=self._spare_vhosts.pop())

    def _start_port_mapper(self) -> None:
        if self._member is None and (self._names is None or self._names.poll() is not None):
            self._names = self._child(rabbitmq_settings.name_server_command(self.ports), account=self._account)
            poll_until(lambda: is_listening(self.ports.names), 10.0, what="start of epmd")

    def _stop_port_mapper(self) -> None:
        if self._names is not None:
            kill_tree(self._names)

    def _child(self, command: list[str], *, account: Account | None) -> subprocess.Popen[bytes]:
        return start_child(
            self._run,
            command,
            env=self._environment,
            folder=self.folder,
            log=self._log,
            account=account,
        )

    def _running_server(self) -> subprocess.Popen[bytes]:
        if self._server is None or not self.running:
            raise RuntimeError(f"{self.name} is not running")
        return self._server

    def _ready(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{self.name} ended while starting:\n{tail(self._log)}")
        return rabbitmq_settings.takes_connections(self.ports)

    def _write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o600)
        if self._account is not None:
            os.chown(file, self._account.uid, self._account.gid)


def _joined(made: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    """Definitions with the same parts as one."""
    return {part: [one for each in made for one in each[part]] for part in made[0]}
