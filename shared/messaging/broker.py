"""Broker: its address, names of queues and keys, rights on the embedded one, and authenticity of messages.

The message broker is RabbitMQ, or a table in a PostgreSQL database (embedded). No process edits a stored message: a
claim writes two columns, and a retry, parking or replay stores a copy under the login that makes it.

A message is authentic if its producer's relay published it, or if its consumer or an operator copied it. The broker
checks the login that a message names as its sender (``user_id``); in the embedded table a trigger writes the session's
login into each row. Neither can be chosen by the sender. The rights on exchanges and routing keys enforce the same, so
this catches what gets past them: rights that were loosened, a login with more than its own.

A copy (retried, parked, replayed) names the original sender in a header. The header is believed only if the copy comes
from a login that makes copies; any other message is judged by its own sender, now and when it is copied.

An outage of the broker is one log line when the connection is lost, one a minute during it, and one when it is back:
the client libraries would write up to ten lines and a traceback for each attempt to connect.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self, cast
from urllib.parse import unquote, urlsplit

from shared.db.roles import Rights, login
from shared.messaging.contracts.registry import BY_KEY, BY_TYPE, MESSAGE_TYPES, QUEUES, SERVICES, producers
from shared.runtime.errors import Unauthentic
from shared.runtime.settings import BROKER, SettingsEnv, plain_urls, read_database_url

log = logging.getLogger(__name__)

REPEAT_EVERY_S = 60.0


class OutageLog:
    """The log lines of one connection to the broker.

    Args:
        connection: whose connection, shown in each line: ``events-relay``.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(self, connection: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._monotonic = connection, monotonic
        self._lost_at_s: float | None = None
        self._logged_at_s = 0.0

    def lost(self, reason: str) -> None:
        """The connection ended, or could not be opened: log it once, and then once a minute."""
        now_s, name = self._monotonic(), self._connection
        if self._lost_at_s is None:
            self._lost_at_s = self._logged_at_s = now_s
            log.warning("broker connection lost", extra={"connection": name, "reason": reason})
        elif now_s - self._logged_at_s >= REPEAT_EVERY_S:
            self._logged_at_s = now_s
            log.warning("broker still unreachable", extra={"connection": name, "reason": reason})

    def restored(self) -> None:
        """The connection is usable: log it if it was lost before."""
        if self._lost_at_s is None:
            return
        away_s = round(self._monotonic() - self._lost_at_s, 1)
        self._lost_at_s = None
        log.info("broker connection restored", extra={"connection": self._connection, "away_s": away_s})


AMQP_SCHEMES = ("amqp", "amqps")
HTTP_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Exactly one of the two is set.

    Attributes:
        broker_urls: ``amqp://user:password@host:port/vhost``, one a node of the cluster.
        database_url: the address of the embedded bus's database.
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


def read_address(env: SettingsEnv, database_url: str) -> BusAddress:
    """The address from ``TROIKA_BROKER_URL`` (several for a cluster), else that of the embedded bus."""
    broker_urls = _read_urls(env, "TROIKA_BROKER_URL", AMQP_SCHEMES)
    return BusAddress(broker_urls=broker_urls) if broker_urls else BusAddress(database_url=database_url)


def read_management(env: SettingsEnv, name: str) -> tuple[str, ...]:
    """The addresses of the broker's management API from the setting ``name``, one a node; none if it is not set."""
    return _read_urls(env, name, HTTP_SCHEMES)


def _read_urls(env: SettingsEnv, name: str, schemes: tuple[str, ...]) -> tuple[str, ...]:
    def parse(text: str) -> tuple[str, ...]:
        urls = tuple(part.strip() for part in text.split(",") if part.strip())
        if not urls or any(urlsplit(url).scheme not in schemes or not urlsplit(url).hostname for url in urls):
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"{wanted} addresses, separated by commas, are required")
        if len(set(urls)) < len(urls):
            raise ValueError("an address stands there twice: name each node once")
        return urls

    return env.parsed(name, parse, (), validate=env.secure(BROKER, lambda text: plain_urls(",".join(parse(text)))))


VHOST = "troika"
FACTS = "troika.facts"
RETRY = "troika.retry"
REQUEUE = "troika.requeue"
DEAD = "troika.dead"
EXCHANGES = (FACTS, RETRY, REQUEUE, DEAD)

RETRY_TIERS: dict[str, float] = {"10s": 10.0, "1m": 60.0, "10m": 600.0}
"""Name and delay in seconds: three queues serve all others, since a dead letter keeps its routing key."""

DELIVERY_LIMIT = 8
"""Redeliveries after a crash before a message is parked: above any innocent use, so a crash loop ends in seconds."""

PARKED_SUFFIX = ".parked"
REASON_HEADER = "x-troika-reason"
ATTEMPT_HEADER = "x-troika-attempt"
DELIVERY_COUNT_HEADER = "x-delivery-count"


def attempt_of(headers: Mapping[str, Any]) -> int:
    """Number of the attempt in the headers of a message, from 1. A sender may have written anything there: then 1."""
    value = headers.get(ATTEMPT_HEADER, 1)
    return value if isinstance(value, int) and value > 0 else 1


def parked(queue: str) -> str:
    """The queue in which messages of ``queue`` wait for an operator."""
    return queue + PARKED_SUFFIX


def retry_queue(tier: str) -> str:
    """The queue of a retry tier."""
    return f"{RETRY}.{tier}"


def retry_key(tier: str, queue: str) -> str:
    """The routing key that sends a message through ``tier`` back to ``queue``."""
    return f"{tier}.{queue}"


def replay_key(queue: str) -> str:
    """The routing key by which an operator sends a parked message back to ``queue``."""
    return f"replay.{queue}"


@cache
def bindings() -> tuple[tuple[str, str, str], ...]:
    """Every binding as (exchange, routing key, queue)."""
    rows = [(FACTS, entry.key, queue) for entry in MESSAGE_TYPES for queue in entry.consumers]
    rows += [(RETRY, f"{tier}.#", retry_queue(tier)) for tier in RETRY_TIERS]
    rows += [(REQUEUE, f"*.{queue}", queue) for queue in QUEUES]
    rows += [(DEAD, queue, parked(queue)) for queue in QUEUES]
    return tuple(rows)


@cache
def route(exchange: str, routing_key: str) -> tuple[tuple[str, float], ...]:
    """The queues a message reaches and the delay before it does, in seconds; empty if nothing is bound.

    What the broker works out from :func:`bindings`, for the embedded bus.
    """
    if exchange == FACTS:
        entry = BY_KEY.get(routing_key)
        return tuple((queue, 0.0) for queue in entry.consumers) if entry else ()
    if exchange == DEAD:
        return ((parked(routing_key), 0.0),) if routing_key in QUEUES else ()
    first, _, queue = routing_key.partition(".")
    if queue not in QUEUES:
        return ()
    if exchange == RETRY:
        return ((queue, RETRY_TIERS[first]),) if first in RETRY_TIERS else ()
    return ((queue, 0.0),) if exchange == REQUEUE else ()


CLAIM = "update(claimed_by,claims)"

_BY_PROCESS = {
    "relay": "insert",
    "consume": f"select insert {CLAIM} delete",
    "operator": f"select insert {CLAIM} delete",
    "work": f"select insert {CLAIM} delete",  # relay and consume in one process
}

RIGHTS: Rights = {
    "bus_message": {login(service, process): verbs for service in SERVICES for process, verbs in _BY_PROCESS.items()},
    # a session's sign of life
    "pg_advisory_lock(bigint)": {login(service, process): "execute" for service in SERVICES for process in _BY_PROCESS},
}
"""Verbs by table and login."""


SENDER_HEADER = "x-troika-sender"
OPERATOR, OPERATOR_PROCESS = "troika-operator", "operator"
FOREIGN = "sent with a login other than its producer's"


def relay_user(service: str) -> str:
    """The broker's login of a service's relay."""
    return f"troika-{service}-relay"


def consumer_user(service: str) -> str:
    """The broker's login of a service's consumer."""
    return f"troika-{service}-consumer"


def own_user(address: BusAddress) -> str | None:
    """What messages name as their sender where the broker checks it; None on the embedded bus, which writes it down."""
    return None if address.embedded else address.user


def copiers(service: str, *, embedded: bool) -> frozenset[str]:
    """Logins that store copies for the queues of ``service``: its consumer's and the operators'."""
    if embedded:
        return frozenset({login(service, "consume"), login(service, OPERATOR_PROCESS)})
    return frozenset({consumer_user(service), OPERATOR})


def whose(raw: Any, copying: frozenset[str]) -> dict[str, str]:
    """Headers of a copy of ``raw`` that name its original sender, for the process that stores the copy.

    Args:
        raw: kombu's message.
        copying: logins whose word about the original sender is believed.
    """
    sender = raw.properties.get("user_id")
    if sender in copying:
        sender = raw.headers.get(SENDER_HEADER)
    return {SENDER_HEADER: sender} if isinstance(sender, str) else {}


@dataclass(frozen=True, slots=True)
class Senders:
    """Attributes:
    relays: logins by service.
    copying: logins that send copies to this consumer's queues.
    """

    relays: Mapping[str, str]
    copying: frozenset[str]

    @classmethod
    def of(cls, address: BusAddress, service: str) -> Self | None:
        """Return the producers that a consumer of ``service`` trusts; None, and a warning, if processes share a login.

        Producers are then indistinguishable, as with a broker that has one user for everything.
        """
        if address.embedded:
            own, usual = read_database_url(address.database_url).username or "", login(service, "consume")
            relays = {sender: login(sender, "relay") for sender in SERVICES}
        else:
            own, usual = address.user, consumer_user(service)
            relays = {sender: relay_user(sender) for sender in SERVICES}
        if own != usual:
            log.warning(
                "senders of messages are not checked: this login is not the consumer's own", extra={"login": own}
            )
            return None
        return cls(relays, copiers(service, embedded=address.embedded))

    def require_producer(self, raw: Any, queue: str) -> None:
        """Refuse a message of a login that publishes nothing for ``queue``, before its body is read.

        Raises:
            Unauthentic: the sender is missing, or produces no type that this queue gets.
        """
        if self._origin(raw) not in {self.relays[service] for service in producers(queue)}:
            raise Unauthentic(FOREIGN)

    def require(self, raw: Any, message_type: str) -> None:
        """Refuse a message of ``message_type`` that its producer did not publish.

        Raises:
            Unauthentic: the sender is missing, or another login.
        """
        if self._origin(raw) != self.relays[BY_TYPE[message_type].producer]:
            raise Unauthentic(FOREIGN)

    def _origin(self, raw: Any) -> str | None:
        """The login that published the message first; None if no login that may name it has named it.

        The embedded bus knows no exchange: a row of a copier is a copy. On the broker a copy comes through another
        exchange than the producers', and only a copier publishes there.
        """
        exchange, sender = raw.delivery_info.get("exchange"), raw.properties.get("user_id")
        is_copy = exchange != FACTS if exchange is not None else sender in self.copying
        if not is_copy:
            return cast("str | None", sender)
        return cast("str | None", raw.headers.get(SENDER_HEADER)) if sender in self.copying else None
