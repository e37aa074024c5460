"""Settings that every process of every service has."""

from dataclasses import dataclass
from pathlib import Path

from shared.bus.address import BusAddress, read_address
from shared.core.sealing import read_keys
from shared.core.settings import Reader
from shared.store.embedded import EmbeddedServer

BUS_DATABASE = "bus"


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
    """

    service: str
    database_url: str
    bus: BusAddress
    public_url: str
    access_file: Path
    signing_keys: tuple[bytes, ...]
    metrics_port: int
    bind: str

    @property
    def https(self) -> bool:
        """Whether the public address is HTTPS."""
        return self.public_url.startswith("https://")


def read_common(reader: Reader, service: str) -> CommonSettings:
    """The common settings of ``service``; faults are collected in ``reader``.

    Where no database is named, the embedded server is started or joined.
    """
    database_url = reader.url(f"{service.upper()}_DATABASE_URL", ("postgresql", "postgresql+psycopg"), "")
    bus_url = reader.url("TROIKA_BUS_DATABASE_URL", ("postgresql", "postgresql+psycopg"), "")
    bus = read_address(reader, bus_url)
    if not database_url or (bus.embedded and not bus_url):
        embedded = _embedded(reader, service)
        database_url = database_url or embedded[service]
        bus = bus if bus.broker_urls or bus_url else BusAddress(database_url=embedded[BUS_DATABASE])
    return CommonSettings(
        service=service,
        database_url=database_url,
        bus=bus,
        public_url=reader.url("TROIKA_PUBLIC_URL", ("http", "https"), "http://127.0.0.1:8000").rstrip("/"),
        access_file=reader.file("TROIKA_ACCESS_FILE"),
        signing_keys=reader.take("TROIKA_SIGNING_KEY_FILE", key_file),
        metrics_port=reader.integer("TROIKA_METRICS_PORT", 0, 0, 65535),
        bind=reader.text("TROIKA_BIND", "127.0.0.1:8000"),
    )


def key_file(path: str) -> tuple[bytes, ...]:
    """Parser of a setting that names a key file: its keys, newest first.

    Raises:
        ValueError, OSError: it cannot be read or holds no keys.
    """
    return tuple(read_keys(Path(path)))


def _embedded(reader: Reader, service: str) -> dict[str, str]:
    folder = Path(reader.text("TROIKA_DATA", "var"))
    return EmbeddedServer(folder / "postgres").start((service, BUS_DATABASE))
