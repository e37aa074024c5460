"""Topology: exchanges, queues, bindings, policies and permissions of the broker, from the table of message types.

Routing (queue type, dead-letter exchange) is part of a queue; every limit is a policy, because arguments of a queue
can never be changed. ``definitions`` holds both and is what a deployment imports. ``declare`` makes everything but the
policies through an ordinary AMQP connection: enough to run, without the limits, and idempotent.

Also probes one node of the broker over AMQP: its properties, and the rights of a login.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pika
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from shared.messaging.broker import (
    DEAD,
    DELIVERY_LIMIT,
    EXCHANGES,
    FACTS,
    OPERATOR,
    REQUEUE,
    RETRY,
    RETRY_TIERS,
    VHOST,
    BusAddress,
    bindings,
    consumer_user,
    parked,
    relay_user,
    retry_queue,
)
from shared.messaging.contracts.registry import MESSAGE_TYPES, QUEUES, SERVICES, service_of
from shared.messaging.embedded import create_table
from shared.messaging.queue_members import MEMBERS
from shared.runtime.errors import Unavailable

WORK_MAX_MESSAGES = 200_000
WORK_MAX_BYTES = 256 * 1024 * 1024
"""Past this the outbox is the buffer, not the broker: 200,000 messages of 1 KB fit under the disk alarm."""
RETRY_MAX_MESSAGES = 50_000
OLDEST_BROKER = 4
"""The oldest RabbitMQ with which the tests have passed."""

TOPOLOGY, AUDIT = "troika-topology", "troika-audit"


def queue_arguments() -> dict[str, dict[str, Any]]:
    """Each queue's fixed arguments: its type and the route of its dead letters."""
    quorum: dict[str, Any] = {"x-queue-type": "quorum"}
    queues: dict[str, dict[str, Any]] = {}
    for name in QUEUES:
        queues[name] = {**quorum, "x-dead-letter-exchange": DEAD, "x-dead-letter-routing-key": name}
        queues[parked(name)] = dict(quorum)
    for tier in RETRY_TIERS:
        queues[retry_queue(tier)] = {**quorum, "x-dead-letter-exchange": REQUEUE}
    return queues


def policies() -> list[dict[str, Any]]:
    """Every limit, and how many members a queue gets as the cluster grows, as policies."""
    members = {"target-group-size": MEMBERS}
    safe = {**members, "dead-letter-strategy": "at-least-once", "overflow": "reject-publish"}
    work = {
        **safe,
        "delivery-limit": DELIVERY_LIMIT,
        "max-length": WORK_MAX_MESSAGES,
        "max-length-bytes": WORK_MAX_BYTES,
    }
    rows = [_policy(f"work-{name}", f"^{re.escape(name)}$", work, 20) for name in QUEUES]
    for tier, delay_s in RETRY_TIERS.items():
        definition = {
            **safe,
            "message-ttl": int(delay_s * 1000),
            "max-length": RETRY_MAX_MESSAGES,
            "delivery-limit": -1,
        }
        rows.append(_policy(f"retry-{tier}", f"^{re.escape(retry_queue(tier))}$", definition, 20))
    endless = {**members, "delivery-limit": -1, "overflow": "reject-publish"}
    rows.append(_policy("parked", r"\.parked$", endless, 10))
    return rows


def _policy(name: str, pattern: str, definition: dict[str, Any], priority: int) -> dict[str, Any]:
    return {
        "vhost": VHOST,
        "name": name,
        "pattern": pattern,
        "apply-to": "quorum_queues",
        "definition": definition,
        "priority": priority,
    }


CONNECTIONS_OF = {"relay": 20, "consumer": 40, "operator": 10, "topology": 10, "audit": 10}
"""Most connections of a login: ten processes of a kind (a consumer has two each), with as many again that come back
before the broker has noticed that they were gone. A connection has two channels at most."""


def user_limits(user: str) -> dict[str, int]:
    """Limits of a login, so that one that is stolen, or in a loop, cannot use up the node."""
    connections = CONNECTIONS_OF[user.rpartition("-")[2]]
    return {"max-connections": connections, "max-channels": 2 * connections}


def user_tags(user: str) -> list[str]:
    """Tags of a login: the login that declares may use the management API, which adds members of queues.

    It could delete every queue anyway, and no running process has it.
    """
    return ["administrator"] if user == TOPOLOGY else []


def user_names() -> list[str]:
    """Every login: two a service, one for operators' tools, one that declares, one for the audit."""
    return [
        *(name for service in SERVICES for name in (relay_user(service), consumer_user(service))),
        OPERATOR,
        TOPOLOGY,
        AUDIT,
    ]


def permissions() -> list[dict[str, str]]:
    """What each login may do: only the deployment configures anything.

    A consumer reads what it has parked itself too: copies about people who were erased are dropped by it.
    """
    rows = [_permission(TOPOLOGY, ".*", ".*", ".*")]
    rows.append(_permission(AUDIT, "^$", "^$", r"\.parked$"))
    rows.append(_permission(OPERATOR, "^$", f"^{re.escape(REQUEUE)}$", r"\.parked$"))
    for service in SERVICES:
        consumed = [queue for queue in QUEUES if service_of(queue) == service]
        own = _alternatives([*consumed, *map(parked, consumed)])
        rows.append(_permission(relay_user(service), "^$", f"^{re.escape(FACTS)}$", "^$"))
        write = f"^({re.escape(RETRY)}|{re.escape(DEAD)})$"
        rows.append(_permission(consumer_user(service), "^$", write, f"^{own}$"))
    return rows


def topic_permissions() -> list[dict[str, str]]:
    """Which routing keys each login may write: registration cannot forge ``event.changed``.

    The login that declares exchanges publishes nothing; it reads every key, which is required to bind a queue.
    """
    rows: list[dict[str, str]] = []
    for service in SERVICES:
        published = _alternatives([entry.key for entry in MESSAGE_TYPES if entry.producer == service])
        own = _alternatives([queue for queue in QUEUES if service_of(queue) == service])
        tiers = _alternatives(list(RETRY_TIERS))
        relay, consumer = relay_user(service), consumer_user(service)
        rows.append(_topic(relay, FACTS, f"^{published}$"))
        rows.append(_topic(consumer, RETRY, rf"^{tiers}\.{own}$"))
        rows.append(_topic(consumer, DEAD, f"^{own}$"))
    rows.append(_topic(OPERATOR, REQUEUE, r"^replay\..+$"))
    rows += [_topic(TOPOLOGY, exchange, "^$", ".*") for exchange in EXCHANGES]
    return rows


def _alternatives(names: list[str]) -> str:
    return f"({'|'.join(re.escape(name) for name in names)})"


def _permission(user: str, configure: str, write: str, read: str) -> dict[str, str]:
    return {"user": user, "vhost": VHOST, "configure": configure, "write": write, "read": read}


def _topic(user: str, exchange: str, write: str, read: str = "^$") -> dict[str, str]:
    return {"user": user, "vhost": VHOST, "exchange": exchange, "write": write, "read": read}


def definitions() -> dict[str, Any]:
    """The broker's definitions file, without users: passwords come from the deployment's secrets."""
    queues = queue_arguments()
    return {
        "vhosts": [{"name": VHOST, "default_queue_type": "quorum"}],
        "exchanges": [
            {
                "name": name,
                "vhost": VHOST,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name in EXCHANGES
        ],
        "queues": [
            {"name": name, "vhost": VHOST, "durable": True, "auto_delete": False, "arguments": arguments}
            for name, arguments in queues.items()
        ],
        "bindings": [
            {
                "source": source,
                "vhost": VHOST,
                "destination": queue,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for source, key, queue in bindings()
        ],
        "policies": policies(),
        "permissions": permissions(),
        "topic_permissions": topic_permissions(),
    }


def declare(address: BusAddress) -> None:
    """Make exchanges, queues and bindings (or the embedded bus's table). Safe to repeat.

    Raises:
        pika.exceptions.ChannelClosedByBroker: something exists under that name with other properties.
    """
    if address.embedded:
        create_table(address.database_url)
        return
    with _connection(address) as connection:
        channel = connection.channel()
        for name in EXCHANGES:
            channel.exchange_declare(name, "topic", durable=True)
        for name, arguments in queue_arguments().items():
            channel.queue_declare(name, durable=True, arguments=arguments)
        for source, key, queue in bindings():
            channel.queue_bind(queue, source, key)


def missing(address: BusAddress) -> list[str]:
    """A line if the broker is too old, and the names of missing exchanges and queues; empty if there is no problem."""
    if address.embedded:
        return []
    with _connection(address) as connection:
        problem = broker_problem(connection)
        absent = [problem] if problem else []
        for name in (*EXCHANGES, *queue_arguments()):
            channel = connection.channel()
            try:
                if name in EXCHANGES:
                    channel.exchange_declare(name, passive=True)
                else:
                    channel.queue_declare(name, passive=True)
                channel.close()
            except ChannelClosedByBroker:
                absent.append(name)
    return absent


def broker_problem(connection: pika.BlockingConnection) -> str:
    """Why the broker cannot be used: it is too old; empty if it is not."""
    properties = connection._impl.server_properties  # pika has no public name for the broker's properties
    found = str(properties.get("version", ""))
    major = found.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST_BROKER:
        return f"RabbitMQ {found} is too old, {OLDEST_BROKER} is the oldest"
    return ""


def missing_as_far_as_known(address: BusAddress) -> list[str]:
    """The same; empty as well if the broker does not answer."""
    try:
        return missing(address)
    except (AMQPError, OSError):
        return []


def _connection(address: BusAddress) -> pika.BlockingConnection:
    parameters = []
    for url in address.broker_urls:
        each = pika.URLParameters(url)
        each.socket_timeout, each.stack_timeout, each.heartbeat = 3.0, 5.0, 30
        parameters.append(each)
    return pika.BlockingConnection(parameters)


CONNECT_TIMEOUT_S, HANDSHAKE_TIMEOUT_S = 3.0, 5.0
NO_CONNECTION = "no connection"


def node_properties(url: str) -> Mapping[str, str]:
    """Properties of the node behind ``url`` (``version``, ``cluster_name`` …), after signing in.

    Raises:
        Unavailable: it does not answer, or refuses the login.
    """
    with _probe_connection(url) as connection:
        found = connection._impl.server_properties  # pika has no public attribute for them
        return {name: str(value) for name, value in found.items()}


def may_declare(url: str) -> bool:
    """Whether the login may make a queue: it tries to declare one that ends with its connection.

    Raises:
        Unavailable: the node does not answer, or refuses the login.
    """
    with _probe_connection(url) as connection:
        try:
            connection.channel().queue_declare(f"probe.{secrets.token_hex(8)}", exclusive=True, auto_delete=True)
        except ChannelClosedByBroker:
            return False
        return True


def missing_queues(urls: tuple[str, ...]) -> list[str]:
    """Exchanges and queues that are not there.

    Raises:
        Unavailable: no node answers.
    """
    try:
        return missing(BusAddress(broker_urls=urls))
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error


@contextmanager
def _probe_connection(url: str) -> Iterator[pika.BlockingConnection]:
    parameters = pika.URLParameters(url)
    parameters.socket_timeout, parameters.stack_timeout = CONNECT_TIMEOUT_S, HANDSHAKE_TIMEOUT_S
    try:
        with pika.BlockingConnection(parameters) as connection:
            yield connection
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Why there is no connection; pika names the refusals of a login."""
    if isinstance(error, ProbableAuthenticationError):
        return "password refused"
    return "no right to the vhost" if isinstance(error, ProbableAccessDeniedError) else NO_CONNECTION
