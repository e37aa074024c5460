"""Settings of the processes of every service, and the description of a service from which its commands are made.

Each kind of process reads what its work needs, and nothing else: a compromised relay holds no key, and cannot name a
database other than its own.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import EllipsisType

from marshmallow.validate import Regexp
from sqlalchemy import Connection, Engine

from shared.db.cleanup import Rule
from shared.db.embedded_server import EmbeddedServer
from shared.db.engine import open_engine
from shared.db.roles import Rights, by_login, login, logins_of, migrator
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import broker as bus_rights
from shared.messaging.broker import BusAddress, read_address, read_management
from shared.messaging.inbox import Effect
from shared.runtime.deployment import (
    LOOPBACK,
    MEMORY,
    AdmissionLimits,
    Deployment,
    LimitSettings,
    Network,
    ProbeAddress,
    TrustedProxies,
    read_monitors,
    read_networks,
    read_probe_address,
    read_web_server,
)
from shared.runtime.errors import SettingsError
from shared.runtime.settings import (
    DATABASE,
    LIMITS,
    OTLP,
    PUBLIC_URL,
    SettingsEnv,
    database_url,
    plain_urls,
    readable_file,
    unverified_database,
    url_of,
)
from shared.runtime.tracing import OTLP_URL
from shared.security.keys import KEY_BYTES, SIGNING, SIGNING_PUBLIC, HeldKey, KeyKind, read_keys

BUS_DATABASE = "bus"
LIMIT_STORAGES = r"memory://$|(redis|rediss|redis\+unix)://\S+$"
HTTP_URL = url_of("http", "https")

WEB, RELAY, CONSUME = "web", "relay", "consume"
MIGRATE, OPERATOR, REKEY, PARKED, TOPOLOGY = "migrate", "operator", "rekey", "parked", "topology"
RECOVER = "recover"
"""Kinds of process; services add their own workers. ``OPERATOR`` covers all other commands."""

PUBLIC, LOCAL_URL = "TROIKA_PUBLIC_URL", "http://127.0.0.1:8000"
BROKER_MANAGEMENT_URL = "TROIKA_BROKER_MANAGEMENT_URL"

ON_THE_BUS = frozenset({RELAY, CONSUME, PARKED, TOPOLOGY})
WITHOUT_DATABASE = frozenset({TOPOLOGY})
COMMANDS = frozenset({MIGRATE, OPERATOR, REKEY, PARKED, TOPOLOGY, RECOVER})
"""They end by themselves and have no port."""

AS_OPERATOR = frozenset({REKEY, PARKED, RECOVER})
"""Commands that use the operator's login and need no other setting of an operator."""


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """Attributes:
    service: name of the service.
    process: the kind of process that reads them; what its work does not need is left empty.
    database_url: the service's database, for this process's login.
    bus: how messages travel.
    public_url: address of the whole system as people see it, without a slash at the end.
    access_file: people and programs with keys.
    signing_keys: private keys that sign the console's cookie, newest first. Only where people sign in.
    signing_public_keys: verify it, newest first. Of the other processes that show the console.
    probes: where a worker answers probes and Prometheus.
    proxies: networks of the gateways in front of a web process.
    limits: how often a client may send a request; the key is added by :attr:`deployment`.
    otlp_url: the address of the collector of spans; empty for none.
    data: folder of the embedded server.
    management_urls: the addresses of the broker's management API, one per node; only ``topology`` uses it.
    """

    service: str
    process: str = WEB
    database_url: str = field(default="", repr=False)
    bus: BusAddress = field(default_factory=BusAddress)
    public_url: str = ""
    access_file: Path = Path()
    signing_keys: tuple[bytes, ...] = field(default=(), repr=False)
    signing_public_keys: tuple[bytes, ...] = ()
    probes: ProbeAddress = field(default_factory=ProbeAddress)
    proxies: TrustedProxies = LOOPBACK
    monitors: tuple[Network, ...] = LOOPBACK.networks
    limits: LimitSettings = field(default_factory=LimitSettings)
    otlp_url: str = ""
    data: Path = Path("var")
    management_urls: tuple[str, ...] = field(default=(), repr=False)

    @property
    def held_keys(self) -> list[HeldKey]:
        """Those of the console's cookie."""
        return [*SIGNING.held(self.signing_keys), *SIGNING_PUBLIC.held(self.signing_public_keys)]

    @property
    def https(self) -> bool:
        """Whether the public address is HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def deployment(self) -> Deployment:
        """The deployment settings of a web application that has no secret of its own.

        Clients' networks are hashed by what all processes of this login share and no storage of limits knows: the
        address of their database, with its password.
        """
        return self.deployment_with(hashlib.sha256(f"clients\0{self.database_url}".encode()).digest())

    def deployment_with(self, limits_key: bytes) -> Deployment:
        """As :attr:`deployment`, for an application with a secret: ``limits_key`` hashes its clients' networks."""
        limits = replace(self.limits, key=limits_key)
        return Deployment(self.https, self.proxies, limits, self.monitors)


def read_common(
    env: SettingsEnv,
    service: str,
    process: str,
    serving: Collection[str] = (WEB,),
    public: Collection[str] = (),
    signing: Collection[str] = (),
) -> CommonSettings:
    """The common settings of one process; nothing is started yet.

    Args:
        env: the settings of the process.
        service: the name of the service.
        process: the kind of process.
        serving: the kinds that answer requests and know who holds keys.
        public: the kinds that answer requests of the public only.
        signing: those of ``serving`` where people sign in; the others only verify the console's cookie.
    """
    settings = CommonSettings(service, process, data=env.path("TROIKA_DATA", Path("var")))
    if process not in WITHOUT_DATABASE:
        settings = replace(settings, database_url=read_database(env, f"{service.upper()}_DATABASE_URL", ""))
    if process in ON_THE_BUS:
        settings = replace(settings, bus=read_address(env, read_database(env, "TROIKA_BUS_DATABASE_URL", "")))
    if process == TOPOLOGY:
        settings = replace(settings, management_urls=read_management(env, BROKER_MANAGEMENT_URL))
    if process in serving:
        settings = _with_holders(env, _with_web(env, settings), signs=process in signing)
    elif process in public:
        settings = _with_web(env, settings)
    elif process not in COMMANDS:
        settings = replace(settings, probes=read_probe_address(env))
    if process in COMMANDS:
        return settings
    return replace(settings, otlp_url=env.str(OTLP_URL, "", validate=[HTTP_URL, env.secure(OTLP, plain_urls)]))


def read_public_url(env: SettingsEnv, name: str = PUBLIC, default: str | EllipsisType = LOCAL_URL) -> str:
    """The address of a host as people see it, without a slash at the end."""
    checks = (HTTP_URL, env.secure(PUBLIC_URL, plain_urls))
    return env.parsed(name, lambda url: url.rstrip("/"), default, validate=checks)


def read_database(env: SettingsEnv, name: str, default: str | EllipsisType = ...) -> str:
    """The address of a database from the setting ``name``."""
    verified = env.secure(DATABASE, lambda url: unverified_database(url, env.given))
    return env.parsed(name, database_url, default, validate=verified)


def _with_holders(env: SettingsEnv, settings: CommonSettings, *, signs: bool) -> CommonSettings:
    access_file = env.parsed("TROIKA_ACCESS_FILE", readable_file, about="people and programs with keys")
    settings = replace(settings, access_file=access_file)
    if signs:
        return replace(settings, signing_keys=read_key_file(env, SIGNING))
    keys = env.parsed(SIGNING_PUBLIC.variable, public_keys, about=SIGNING_PUBLIC.about)
    return replace(settings, signing_public_keys=keys)


def _with_web(env: SettingsEnv, settings: CommonSettings) -> CommonSettings:
    server = read_web_server(env)
    storages = Regexp(LIMIT_STORAGES, error="memory:// or an address of Redis is required")
    return replace(
        settings,
        public_url=read_public_url(env),
        proxies=server.proxies,
        monitors=env.parsed("TROIKA_METRICS_FROM", read_monitors, LOOPBACK.networks),
        limits=LimitSettings(
            storage_url=env.str("TROIKA_LIMITS_URL", MEMORY, validate=[storages, env.secure(LIMITS, plain_urls)]),
            exempt=env.parsed("TROIKA_LIMITS_EXEMPT", read_networks, ()),
        ),
    )


def with_embedded(settings: CommonSettings, rights: Rights) -> CommonSettings:
    """Start or join the embedded server where no database is named; only after ``env.seal()``.

    Args:
        settings: common ones.
        rights: the verbs in the service's database, by table and process.
    """
    service, process = settings.service, settings.process
    wanted = {}
    if process not in WITHOUT_DATABASE and not settings.database_url:
        wanted[service] = logins_of(by_login(service, rights))
    if process in ON_THE_BUS and settings.bus.embedded and not settings.bus.database_url:
        wanted[BUS_DATABASE] = logins_of(bus_rights.RIGHTS)
    if not wanted:
        return settings
    server = EmbeddedServer(settings.data / "postgres")
    try:
        server.start(wanted)
    except RuntimeError as error:
        raise SettingsError([str(error)]) from error
    if service in wanted:
        settings = replace(settings, database_url=server.url(service, role_of(service, process)))
    if BUS_DATABASE in wanted:
        settings = replace(
            settings, bus=BusAddress(database_url=server.url(BUS_DATABASE, bus_role_of(service, process)))
        )
    return settings


def role_of(service: str, process: str) -> str:
    """Whom a process of ``service`` is in its database."""
    if process == MIGRATE:
        return migrator(service)
    return login(service, OPERATOR if process in AS_OPERATOR else process)


def bus_role_of(service: str, process: str) -> str:
    """Whom a process of ``service`` is in the embedded bus's database."""
    if process == TOPOLOGY:
        return migrator(BUS_DATABASE)
    return login(service, OPERATOR if process == PARKED else process)


def read_key_file(env: SettingsEnv, kind: KeyKind) -> tuple[bytes, ...]:
    """The keys of ``kind``, newest first, from the setting that names their file."""
    return env.parsed(kind.variable, key_file, about=kind.about)


def read_public_key(env: SettingsEnv, kind: KeyKind) -> bytes:
    """The public key of ``kind``, from its setting."""
    return env.parsed(kind.variable, public_key, about=kind.about)


def key_file(path: str) -> tuple[bytes, ...]:
    """Parser of a setting that names a key file: its keys, newest first.

    Raises:
        ValueError, OSError: it cannot be read or holds no keys.
    """
    return tuple(read_keys(Path(path)))


def public_keys(text: str) -> tuple[bytes, ...]:
    """Parser of a setting that lists public keys, newest first, separated by commas.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(public_key(key) for key in text.split(","))


def public_key(text: str) -> bytes:
    """Parser of a setting that is a public key.

    Raises:
        ValueError: it is none.
    """
    key = bytes.fromhex(text)
    if len(key) != KEY_BYTES:
        raise ValueError("64 hex digits are required")
    return key


KeyFaults = Callable[[], Mapping[str, str]]
"""Compares the keys of a process with those of its database: why it must not work, by name of the key."""


@dataclass(frozen=True, slots=True)
class SideDatabase:
    """A database that a service has beside its own.

    Attributes:
        name: the name of the database, which is part of its roles' names (``troika_<name>_…``).
        url: the address of the database with its owner's login.
        migrations: folder of its schema changes.
        rights: the verbs in this database, by table and process.
    """

    name: str
    url: str = field(repr=False)
    migrations: Path
    rights: Rights


@dataclass(frozen=True, slots=True)
class Service:
    """Attributes:
    name: ``registration``, ``events`` or ``notifications``.
    migrations: folder of its schema changes.
    settings: reads and checks what a kind of process needs of the common settings, from the environment.
    rights: the verbs in its database, by table and process.
    effects: what it does with messages, by queue.
    rules: the rules by which its relay deletes more than outbox and inbox; none if a separate process does it.
    keys: the checks of the keys that a kind of process holds; None if none of the service's processes holds any.
    key_kinds: all keys of its processes.
    web_parts: web processes that do a part of what ``web`` does: help of their commands, by name.
    side_databases: databases that ``migrate`` brings up to date too, if the settings name them.
    chores: what its consumer does beside messages, in its loop: each is called at every turn, and returns soon.
    erased: which of some subjects (UUID texts) were erased; None for a service that holds no people.
    """

    name: str
    migrations: Path
    settings: Callable[[str], CommonSettings]
    rights: Rights
    effects: Callable[[UnitOfWork], Mapping[str, Effect]]
    rules: Sequence[Rule] = ()
    erased: Callable[[Connection, Sequence[str]], set[str]] | None = None
    keys: Callable[[str, UnitOfWork], KeyFaults] | None = None
    key_kinds: Sequence[KeyKind] = ()
    web_parts: Mapping[str, str] = field(default_factory=dict)
    side_databases: Callable[[], Sequence[SideDatabase]] = list
    chores: Callable[[UnitOfWork], Sequence[Callable[[], None]]] = lambda _work: ()


POOL_TIMEOUT_S = 2.0
"""A request that has waited so long for a connection is refused. Such a refusal costs nearly as much as an answer, so
admission control lets in no more than can be served (:class:`shared.runtime.deployment.AdmissionLimits`)."""


def open_web_engine(settings: CommonSettings) -> Engine:
    """An engine on the service's database; connections are made when they are first needed."""
    return open_engine(
        settings.database_url,
        pool_size=AdmissionLimits().connections,
        pool_timeout_s=POOL_TIMEOUT_S,
        application=f"troika-{settings.service}-{settings.process}",
    )
