"""Deployment of a process: probes, trusted proxies, client addresses, rates, priority classes, version.

Plain values that a web process or a worker needs to know about where it runs, without web libraries.

``X-Forwarded-For`` is read from its end, only as far as trusted proxies wrote it: a client's own entries are ignored.
Each priority class of requests has its own slots and never takes another's, so exports and the console leave the slots
of people who register free.
"""

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from marshmallow.validate import Range

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from shared.runtime.settings import SettingsEnv


@dataclass(frozen=True, slots=True)
class ProbeAddress:
    """Where a worker answers ``/metrics``, ``/livez`` and ``/readyz``.

    Attributes:
        port: 0 for nowhere.
        host: IP address to bind; ``0.0.0.0`` or ``::`` for all, in a container.
    """

    port: int = 0
    host: str = "127.0.0.1"


def read_probe_address(env: "SettingsEnv") -> ProbeAddress:
    """The address from ``TROIKA_METRICS_PORT`` and ``TROIKA_METRICS_HOST``."""
    port = env.int("TROIKA_METRICS_PORT", 0, validate=Range(0, 65535))
    return ProbeAddress(port, env.parsed("TROIKA_METRICS_HOST", lambda text: str(ip_address(text)), "127.0.0.1"))


MEMORY = "memory://"
_RATE = r"[1-9][0-9]{0,8} per (second|minute|hour|day)"
_RATES = re.compile(rf"{_RATE}(; ?{_RATE})*")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Attributes:
    storage_url: where it is counted; ``memory://`` is the memory of all workers of one start.
    exempt: networks whose clients are not counted: a hall full of people behind one address, a load generator.
    key: the key under which client addresses are hashed.
    rates: the rates of one client network by kind of request, each a text such as ``120 per minute; 600 per hour``,
        where they differ from what the service states for its kinds.
    """

    storage_url: str = field(default=MEMORY, repr=False)
    exempt: tuple[Network, ...] = ()
    key: bytes = field(default=bytes(32), repr=False)
    rates: Mapping[str, str] = field(default_factory=dict)


def read_rate(text: str) -> str:
    """``text`` if it is one rate, or several with semicolons between.

    Raises:
        ValueError: it is none.
    """
    if not _RATES.fullmatch(text):
        raise ValueError("a rate such as `120 per minute; 600 per hour` is required")
    return text


SHORTEST_PREFIX = {4: 8, 6: 16}
"""By version of IP: no network of one operator is larger, and two halves of all addresses are all addresses."""


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks in ``text``, with commas between; a single address is one.

    Raises:
        ValueError: one of them is none, or is larger than any network of one operator.
    """
    try:
        networks = tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("networks are required, such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32") from None
    if any(network.prefixlen < SHORTEST_PREFIX[network.version] for network in networks):
        raise ValueError("all addresses, or nearly all, are no network: use /8 or a longer prefix, of IPv6 /16")
    return networks


KEPT_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Networks of the gateways in front of a web process.

    Attributes:
        networks: whose forwarding headers are believed.
    """

    networks: tuple[Network, ...] = field(default=())

    def trust(self, peer: str) -> bool:
        """Whether the headers of ``peer`` are believed.

        Args:
            peer: an IP address as text, or empty for a Unix socket: its file's mode decides who may connect.
        """
        return not peer or _contain(self.networks, peer)

    def __str__(self) -> str:
        """The networks, as gunicorn and the setting write them."""
        return ",".join(map(str, self.networks))


def read_proxies(text: str) -> TrustedProxies:
    """The networks in ``text``, with commas between: ``10.0.0.0/8, 192.0.2.7, 2001:db8::/32``.

    Raises:
        ValueError: one of them is no network. ``*`` is none: it would believe every client about its own address.
    """
    return TrustedProxies(read_networks(text))


LOOPBACK = read_proxies("127.0.0.1, ::1")


@dataclass(frozen=True, slots=True)
class WebServer:
    """Attributes:
    bind: address and port, or ``unix:`` and a path, as gunicorn takes it.
    workers: processes.
    connections: open at once in each of them.
    proxies: gateways in front of it.
    """

    bind: str
    workers: int
    connections: int
    proxies: TrustedProxies


MAX_WORKERS, MAX_CONNECTIONS = 64, 65_536
"""Of a web process: each worker takes 60 MB and a pool of connections to the database; each connection a descriptor."""


def read_web_server(env: "SettingsEnv") -> WebServer:
    """The settings of gunicorn."""
    return WebServer(
        env.parsed("TROIKA_BIND", read_bind, "127.0.0.1:8000"),
        env.int("TROIKA_WEB_WORKERS", 2, validate=Range(1, MAX_WORKERS)),
        env.int("TROIKA_WEB_CONNECTIONS", 512, validate=Range(1, MAX_CONNECTIONS)),
        env.parsed("TROIKA_TRUSTED_PROXIES", read_proxies, LOOPBACK),
    )


def read_bind(text: str) -> str:
    """``text`` if a web process can listen there.

    Raises:
        ValueError: it is neither an IP address with a port nor ``unix:`` with an absolute path.
    """
    host, _, port = text.rpartition(":")
    if text.startswith("unix:/"):
        return text
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    except ValueError:
        is_port = False
    if not is_port or (":" in host and not host.startswith("[")):
        raise ValueError("an IP address and a port are required, such as 127.0.0.1:8000 or [::1]:8000; or unix:/path")
    return text


def read_monitors(text: str) -> tuple[Network, ...]:
    """The networks in ``text`` from which Prometheus asks, and always this machine.

    Raises:
        ValueError: one of them is no network, or is all addresses.
    """
    return (*LOOPBACK.networks, *read_proxies(text).networks)


def is_direct(environ: "WSGIEnvironment", networks: tuple[Network, ...]) -> bool:
    """Whether a request comes from one of ``networks`` itself, and through no gateway: each adds a header."""
    is_forwarded = any(f"HTTP_{name}" in environ for name in ("X_FORWARDED_FOR", "X_REAL_IP", "FORWARDED", "VIA"))
    return not is_forwarded and _contain(networks, environ.get("REMOTE_ADDR", ""))


@lru_cache(maxsize=KEPT_ANSWERS)
def _contain(networks: tuple[Network, ...], peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


PREFIXES = (64, 56, 48)
"""Lengths of the IPv6 prefixes that one customer may have: a subnet, a home, a site (RFC 6177)."""

Address = IPv4Address | IPv6Address


def client_address(environ: "WSGIEnvironment", proxies: TrustedProxies) -> Address | None:
    """Return the client network of a request: its IPv4 address, or the first address of its IPv6 /64 prefix.

    Args:
        proxies: gateways that are believed.

    Returns:
        None where none can be made out.
    """
    nearest = environ.get("REMOTE_ADDR", "")
    if not proxies.trust(nearest):
        return _network_of(nearest)
    for named in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        named = named.strip()
        if not named or not proxies.trust(named):
            return _network_of(named or nearest)
    return _network_of(nearest)


def networks_around(address: Address) -> tuple[str, ...]:
    """Return the client networks that ``address`` belongs to, the smallest first, as texts that can be compared."""
    if isinstance(address, IPv4Address):
        return (str(address),)
    return tuple(str(IPv6Network((address, prefix), strict=False)) for prefix in PREFIXES)


def _network_of(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Network((address, PREFIXES[0]), strict=False).network_address


FIRST, LINKS, SIGNING, PUBLIC, LATER, LAST = "first", "links", "signing", "public", "later", "last"
"""Submissions, and buttons behind people's links; pages behind links; signing in; public pages and callers who are not
known; queries; exports and the console."""

MAX_WAITING = 32
"""Maximum number of requests waiting for a slot of ``signing``, ``later`` or ``last``: a page and all that it loads
come at once."""

MAX_WAITING_PUBLIC = 256
"""The same of ``public`` and ``links``: a page takes milliseconds, so a long line is a short wait."""

WAIT_TIMEOUT_S = 2.0
"""How long a request waits in line, seconds."""

RESERVED_CONNECTIONS = 2
"""Connections to the database that no class but ``first`` and ``links`` can take."""


class ConcurrencyLimit:
    """Places of one class in one process.

    Args:
        at_work: how many are worked on at once.
        max_waiting: how many more may wait for a place.
        wait_timeout_s: how long each of them waits, seconds.
    """

    def __init__(self, at_work: int, *, max_waiting: int = 0, wait_timeout_s: float = WAIT_TIMEOUT_S) -> None:
        self._most = at_work + max_waiting
        self._line_s = wait_timeout_s
        self._inside = 0
        self._lock = threading.Lock()
        self._work = threading.Semaphore(at_work) if max_waiting else None

    def full(self) -> bool:
        """Return whether a request that arrives now would be refused."""
        return self._inside >= self._most

    def enter(self) -> bool:
        """Take a slot, after a wait if necessary; False: refused. A caller that entered has to leave."""
        with self._lock:
            if self._inside >= self._most:
                return False
            self._inside += 1
        if self._work is None or self._work.acquire(timeout=self._line_s):
            return True
        self._go()
        return False

    def leave(self) -> None:
        """Give the place to the next."""
        if self._work is not None:
            self._work.release()
        self._go()

    def _go(self) -> None:
        with self._lock:
            self._inside -= 1


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How much one web process works on at once.

    Attributes:
        first: submissions, buttons behind people's links, and other requests of the public that are not public pages.
        links: pages behind people's links. Each takes a connection of the pool, and a request that waits there in vain
            has cost nearly as much as an answer. So fewer are let in than there are connections; the others wait
            before, where waiting costs nothing, and a button finds one, unless coordinators use them all.
        signing: signing in and out: reads without a key in any number leave it free.
        public: public pages that are not in memory, and requests of callers who are not known.
        later: queries.
        last: exports and the console.
    """

    first: int = 256
    links: int = 8
    signing: int = 1
    public: int = 2
    later: int = 4
    last: int = 2

    @property
    def connections(self) -> int:
        """To the database, for a process with these bounds: at least two are always left to the public."""
        return self.signing + self.public + self.later + self.last + RESERVED_CONNECTIONS

    def slots(self) -> dict[str, ConcurrencyLimit]:
        """Empty slots, by class."""
        return {
            FIRST: ConcurrencyLimit(self.first),
            LINKS: ConcurrencyLimit(self.links, max_waiting=MAX_WAITING_PUBLIC),
            SIGNING: ConcurrencyLimit(self.signing, max_waiting=MAX_WAITING),
            PUBLIC: ConcurrencyLimit(self.public, max_waiting=MAX_WAITING_PUBLIC),
            LATER: ConcurrencyLimit(self.later, max_waiting=MAX_WAITING),
            LAST: ConcurrencyLimit(self.last, max_waiting=MAX_WAITING),
        }


@dataclass(frozen=True, slots=True)
class Deployment:
    """Attributes:
    https: whether its public address is HTTPS.
    proxies: networks of the gateways in front of it.
    limits: how often a client may send a request.
    monitors: networks from which Prometheus asks.
    """

    https: bool
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    limits: LimitSettings = field(default_factory=LimitSettings)
    monitors: tuple[Network, ...] = LOOPBACK.networks


def running_version() -> str:
    """The version that runs: of the installed package, or of the tree it runs from."""
    try:
        return version("troika")
    except PackageNotFoundError:
        return os.environ.get("TROIKA_VERSION", "0.1.0")


def running_commit() -> str:
    """The commit that the image was built from; ``unknown`` where no image was built."""
    return os.environ.get("TROIKA_COMMIT") or "unknown"
