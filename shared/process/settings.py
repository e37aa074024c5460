"""Settings that every process of every service has."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from shared.bus.address import BusAddress, read_address
from shared.core.deployment import Deployment
from shared.core.key_files import read_keys
from shared.core.places import Bounds
from shared.core.rates import MEMORY, LimitSettings, Rates, read_networks, read_rate
from shared.core.settings import Reader
from shared.store.embedded import EmbeddedServer

BUS_DATABASE = "bus"
LIMIT_STORAGES = ("memory", "redis", "rediss", "redis+unix")
LOOPBACK = frozenset({"127.0.0.1"})


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """Attributes:
    service: name of the service.
    database_url: its database.
    bus: how messages travel.
    public_url: address of the whole system as people see it, without a slash at the end.
    access_file: people and programs with keys.
    signing_keys: for the console's cookie, newest first.
    metrics_port: of a worker, on loopback; 0 for none.
    bind: address and port of a web process.
    bounds: how much a web process works on at once.
    proxies: addresses of the gateways in front of a web process; ``*`` believes everybody.
    limits: how often somebody may come; the key is added by :attr:`deployment`.
    """

    service: str
    database_url: str = field(repr=False)
    bus: BusAddress
    public_url: str
    access_file: Path
    signing_keys: tuple[bytes, ...] = field(repr=False)
    metrics_port: int
    bind: str
    bounds: Bounds = field(default_factory=Bounds)
    proxies: frozenset[str] = LOOPBACK
    limits: LimitSettings = field(default_factory=LimitSettings)

    @property
    def https(self) -> bool:
        """Whether the public address is HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def deployment(self) -> Deployment:
        """What a web application has to know of where it stands."""
        limits = replace(self.limits, key=self.signing_keys[0])
        return Deployment(self.https, self.bounds, self.proxies, limits)


def read_common(reader: Reader, service: str) -> CommonSettings:
    """The common settings of ``service``; faults are collected in ``reader``.

    Where no database is named, the embedded server is started or joined.
    """
    database_url = reader.url(f"{service.upper()}_DATABASE_URL", ("postgresql", "postgresql+psycopg"), "")
    bus_url = reader.url("TROIKA_BUS_DATABASE_URL", ("postgresql", "postgresql+psycopg"), "")
    settings = CommonSettings(
        service=service,
        database_url=database_url,
        bus=read_address(reader, bus_url),
        public_url=reader.url("TROIKA_PUBLIC_URL", ("http", "https"), "http://127.0.0.1:8000").rstrip("/"),
        access_file=reader.file("TROIKA_ACCESS_FILE"),
        signing_keys=reader.take("TROIKA_SIGNING_KEY_FILE", key_file),
        metrics_port=reader.integer("TROIKA_METRICS_PORT", 0, 0, 65535),
        bind=reader.text("TROIKA_BIND", "127.0.0.1:8000"),
        bounds=_read_bounds(reader),
        proxies=reader.take("TROIKA_TRUSTED_PROXIES", _addresses, LOOPBACK),
        limits=_read_limits(reader),
    )
    return settings if reader.problems else _with_embedded(reader, settings)


def _read_bounds(reader: Reader) -> Bounds:
    usual = Bounds()
    return Bounds(
        first=reader.integer("TROIKA_WEB_FIRST", usual.first, 1, 10_000),
        later=reader.integer("TROIKA_WEB_LATER", usual.later, 1, 100),
        last=reader.integer("TROIKA_WEB_LAST", usual.last, 1, 100),
    )


def _read_limits(reader: Reader) -> LimitSettings:
    usual = Rates()
    return LimitSettings(
        storage_url=reader.url("TROIKA_LIMITS_URL", LIMIT_STORAGES, MEMORY),
        exempt=reader.take("TROIKA_LIMITS_EXEMPT", read_networks, ()),
        rates=Rates(
            intake=reader.take("TROIKA_LIMIT_INTAKE", read_rate, usual.intake),
            form=reader.take("TROIKA_LIMIT_FORM", read_rate, usual.form),
            everything=reader.take("TROIKA_LIMIT_ALL", read_rate, usual.everything),
            link=reader.take("TROIKA_LIMIT_LINK", read_rate, usual.link),
        ),
    )


def _addresses(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(","))


def _with_embedded(reader: Reader, settings: CommonSettings) -> CommonSettings:
    """Start or join the embedded server for what has no database of its own. Nothing is started for bad settings."""
    needs_bus = settings.bus.embedded and not settings.bus.database_url
    if settings.database_url and not needs_bus:
        return settings
    folder = Path(reader.text("TROIKA_DATA", "var"))
    urls = EmbeddedServer(folder / "postgres").start((settings.service, BUS_DATABASE))
    return replace(
        settings,
        database_url=settings.database_url or urls[settings.service],
        bus=BusAddress(database_url=urls[BUS_DATABASE]) if needs_bus else settings.bus,
    )


def key_file(path: str) -> tuple[bytes, ...]:
    """Parser of a setting that names a key file: its keys, newest first.

    Raises:
        ValueError, OSError: it cannot be read or holds no keys.
    """
    return tuple(read_keys(Path(path)))
