"""Where the bus is: RabbitMQ, or the embedded one in a PostgreSQL database."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from shared.core.settings import Reader
from shared.core.transports import BROKER, plain_urls

AMQP_SCHEMES = ("amqp", "amqps")


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


def read_address(reader: Reader, database_url: str) -> BusAddress:
    """The address from ``TROIKA_BROKER_URL`` (several for a cluster), else that of the embedded bus."""

    def parse(text: str) -> tuple[str, ...]:
        urls = tuple(part.strip() for part in text.split(",") if part.strip())
        if not urls or any(urlsplit(url).scheme not in AMQP_SCHEMES or not urlsplit(url).hostname for url in urls):
            raise ValueError("amqp:// or amqps:// addresses, separated by commas, are required")
        return urls

    none: tuple[str, ...] = ()
    broker_urls = reader.take("TROIKA_BROKER_URL", parse, none)
    if broker_urls:
        reader.secure("TROIKA_BROKER_URL", BROKER, plain_urls(broker_urls))
        return BusAddress(broker_urls=broker_urls)
    return BusAddress(database_url=database_url)
