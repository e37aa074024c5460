"""Hosts as network namespaces around a router, whose rules cut links: packets are dropped, as with a pulled cable.

Every host has one address. The router has its own namespace and a route to each host. Links are cut without a packet
filter, and an address moves to another host by a change of its route. The tests connect from outside.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.servers.starting import prefix
from shared.runtime.accounts import Account
from tests.support.children import start_child
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

PREFIX = "troika-cluster-"
ROUTER = "router"
OUTSIDE, GATEWAY = 1, 254
"""The last part of the addresses of the tests and of the router."""


@dataclass(frozen=True, slots=True)
class Host:
    """Attributes:
    name: of the host.
    address: its own.
    namespace: of its network.
    children: programs that were started on it.
    """

    name: str
    address: str
    namespace: str
    children: "list[subprocess.Popen[bytes]]" = field(default_factory=list, compare=False)

    def start(
        self, run: RunFolder, command: list[str], *, env: dict[str, str], folder: Path, account: Account | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program on this host; its log is in ``folder``."""
        inside = ["nsenter", f"--net=/run/netns/{self.namespace}", *prefix(account), *command]
        child = start_child(run, inside, env=env, folder=folder, log=folder / "output.log")
        self.children.append(child)
        return child

    def processes(self) -> list[int]:
        """Ids of all processes on it."""
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def kill(self) -> None:
        """Kill all processes on it at once, as a power cut does."""
        poll_until(self._kill_all, 20.0, what=f"end of everything on {self.name}")
        while self.children:
            self.children.pop().wait()

    def freeze(self) -> None:
        """Freeze all processes on it: connections stay open and no process answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume all processes."""
        self._signal(signal.SIGCONT)

    def _kill_all(self) -> bool:
        self._signal(signal.SIGKILL)
        return not self.processes()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):  # it may have ended with its parent
                os.kill(pid, number)


@dataclass(slots=True)
class Network:
    """Attributes:
    hosts: by name.
    """

    hosts: dict[str, Host] = field(default_factory=dict)
    _own: str = field(default_factory=lambda: f"{PREFIX}{os.getpid()}-")
    _outside: str = field(default_factory=lambda: f"tk{os.getpid()}")
    _net: str = field(default_factory=lambda: f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}")

    def start(self) -> None:
        """Make the router, and a route to it from outside."""
        _sweep()
        _ip("netns", "add", self._own + ROUTER)
        _ip("link", "add", self._outside, "type", "veth", "peer", "name", "outside", "netns", self._own + ROUTER)
        self._router("link", "set", "lo", "up")
        self._router("addr", "add", f"{self._net}.{GATEWAY}/32", "dev", "lo")
        self._router("link", "set", "outside", "up")
        self._router("route", "add", f"{self.outside}/32", "dev", "outside")
        _ip("addr", "add", f"{self.outside}/32", "dev", self._outside)
        _ip("link", "set", self._outside, "up")
        _ip("route", "add", f"{self._net}.0/24", "via", f"{self._net}.{GATEWAY}", "dev", self._outside, "onlink")
        _ip("netns", "exec", self._own + ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    @property
    def outside(self) -> str:
        """The address of the tests."""
        return f"{self._net}.{OUTSIDE}"

    @property
    def network(self) -> str:
        """The whole network."""
        return f"{self._net}.0/24"

    def address(self, number: int) -> str:
        """An address of this network."""
        return f"{self._net}.{number}"

    def add(self, name: str, number: int) -> Host:
        """A new host with an address that ends with ``number``."""
        host = Host(name, self.address(number), self._own + name)
        _ip("netns", "add", host.namespace)
        self._router("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        for words in (("link", "set", "lo", "up"), ("addr", "add", f"{host.address}/32", "dev", "eth0")):
            _ip("-n", host.namespace, *words)
        _ip("-n", host.namespace, "link", "set", "eth0", "up")
        _ip("-n", host.namespace, "route", "add", "default", "via", f"{self._net}.{GATEWAY}", "dev", "eth0", "onlink")
        self._router("link", "set", name, "up")
        self._router("route", "add", f"{host.address}/32", "dev", name)
        self.hosts[name] = host
        return host

    def move(self, address: str, host: Host) -> None:
        """Move ``address`` to ``host``."""
        for other in self.hosts.values():
            if address in _ip("-n", other.namespace, "-o", "addr", "show", "dev", "eth0"):
                _ip("-n", other.namespace, "addr", "del", f"{address}/32", "dev", "eth0")
        _ip("-n", host.namespace, "addr", "add", f"{address}/32", "dev", "eth0")
        self._router("route", "replace", f"{address}/32", "dev", host.name)

    def isolate(self, host: Host) -> None:
        """Pull its cable."""
        self._rule("add", "from", host.address)
        self._rule("add", "to", host.address)

    def rejoin(self, host: Host) -> None:
        """Plug its cable in again."""
        self._rule("del", "from", host.address)
        self._rule("del", "to", host.address)

    @contextmanager
    def parted(self, one: str, other: str) -> Iterator[None]:
        """Drop all packets between two addresses, in both directions; other hosts reach both."""
        for words in (("from", one, "to", other), ("from", other, "to", one)):
            self._rule("add", *words)
        try:
            yield
        finally:
            for words in (("from", one, "to", other), ("from", other, "to", one)):
                self._rule("del", *words)

    def remove(self) -> None:
        """Kill all processes on all hosts, and delete the hosts."""
        for host in self.hosts.values():
            host.kill()
        _remove(self._own)
        with suppress(RuntimeError):  # it is deleted with the router
            _ip("link", "del", self._outside)

    def _rule(self, action: str, *words: str) -> None:
        self._router("rule", action, *words, "blackhole")

    def _router(self, *words: str) -> None:
        _ip("-n", self._own + ROUTER, *words)


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _namespaces() -> list[str]:
    return [line.split()[0] for line in _ip("netns", "list").splitlines() if line.startswith(PREFIX)]


def _remove(beginning: str) -> None:
    found = [Host(name, "", name) for name in _namespaces() if name.startswith(beginning)]
    for host in found:
        host.kill()
        _ip("netns", "del", host.namespace)


def _sweep() -> None:
    """Delete namespaces of runs that did not end cleanly."""
    for name in _namespaces():
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            _remove(f"{PREFIX}{owner}-")
