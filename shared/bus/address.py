"""Where the bus is: RabbitMQ, or the embedded one in a PostgreSQL database."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from shared.core.settings import Reader
from shared.core.transports import BROKER, plain_urls

AMQP_SCHEMES = ("amqp", "amqps")
HTTP_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Exactly one of the two is set.

    Attributes:
        broker_urls: ``amqp://user:password@host:port/vhost``, one a node of the cluster.
        database_url: of the embedded bus.
    """

    broker_urls: tuple[str, ...] = field(default=(), repr=False)
    database_url: str = field(default="", repr=False)

    @property
    def embedded(self) -> bool:
        """Whether messages travel through PostgreSQL."""
        return not self.broker_urls

    @property
    def user(self) -> str:
        """The login name at the broker, which it attaches to each message as proof of the sender."""
        return unquote(urlsplit(self.broker_urls[0]).username or "guest") if self.broker_urls else ""

    @property
    def vhost(self) -> str:
        """The vhost at the broker, ``/`` if the address names none."""
        path = urlsplit(self.broker_urls[0]).path if self.broker_urls else ""
        return unquote(path.removeprefix("/")) or "/"


def read_address(reader: Reader, database_url: str) -> BusAddress:
    """The address from ``TROIKA_BROKER_URL`` (several for a cluster), else that of the embedded bus."""
    broker_urls = _read_urls(reader, "TROIKA_BROKER_URL", AMQP_SCHEMES)
    return BusAddress(broker_urls=broker_urls) if broker_urls else BusAddress(database_url=database_url)


def read_management(reader: Reader, name: str) -> tuple[str, ...]:
    """The addresses of the broker's management API from the setting ``name``, one a node; none if it is not set."""
    return _read_urls(reader, name, HTTP_SCHEMES)


def _read_urls(reader: Reader, name: str, schemes: tuple[str, ...]) -> tuple[str, ...]:
    def parse(text: str) -> tuple[str, ...]:
        urls = tuple(part.strip() for part in text.split(",") if part.strip())
        if not urls or any(urlsplit(url).scheme not in schemes or not urlsplit(url).hostname for url in urls):
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"{wanted} addresses, separated by commas, are required")
        return urls

    none: tuple[str, ...] = ()
    urls = reader.take(name, parse, none)
    if urls:
        reader.secure(name, BROKER, plain_urls(urls))
    return urls
