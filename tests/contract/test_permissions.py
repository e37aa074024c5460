"""What each login may do on a real broker that was set up from the definitions: its own work and nothing else."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    ChannelClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from deploy.servers.rabbitmq import VHOST
from deploy.up.secrets import broker_definitions
from shared.messaging import topology
from shared.messaging.broker import DEAD, FACTS, REQUEUE, RETRY, BusAddress, parked, replay_key, retry_key
from shared.messaging.contracts.registry import BY_KEY, MESSAGE_TYPES, QUEUES, SERVICES, service_of
from shared.messaging.dead_letters import replay
from shared.runtime.errors import Poison
from tests.contract.buses import QUEUE, Bus, Recorder, definitions_in, outgoing
from tests.support.rabbit_definitions import Rights, user_definitions
from tests.support.rabbitmq import RabbitNode

REFUSED = 403
PRECONDITION_FAILED = 406
NO_RIGHTS = Rights("^$", "^$", "^$")


@dataclass(frozen=True, slots=True)
class Broker:
    """URLs by login."""

    urls: dict[str, str]

    @contextmanager
    def channel(self, user: str) -> Iterator[BlockingChannel]:
        """A channel of ``user`` on which publishing waits for the broker's word."""
        connection = pika.BlockingConnection(pika.URLParameters(self.urls[user]))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            yield channel
        finally:
            connection.close()

    def publish(self, user: str, exchange: str, key: str, **properties: Any) -> int:
        """Publish as ``user``; returns 0, or the code with which the broker refused it."""
        try:
            with self.channel(user) as channel:
                channel.basic_publish(exchange, key, b"{}", pika.BasicProperties(**properties), mandatory=True)
        except ChannelClosedByBroker as refusal:
            return int(refusal.reply_code)
        return 0

    def consume(self, user: str, queue: str) -> int:
        """Start to consume as ``user``; returns 0 or the broker's code."""
        try:
            with self.channel(user) as channel:
                channel.basic_consume(queue, lambda *_: None)
        except ChannelClosedByBroker as refusal:
            return int(refusal.reply_code)
        return 0

    def done(self, user: str, attempts: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of ``attempts``, (name in ``ATTEMPTS``, queue), that the broker lets ``user`` do."""
        found = set()
        connection = pika.BlockingConnection(pika.URLParameters(self.urls[user]))
        for name, queue in attempts:
            channel = connection.channel()
            try:
                (ATTEMPTS | AT_EXCHANGES)[name](channel, queue)
                channel.close()
                found.add((name, queue))
            except ChannelClosedByBroker as refusal:
                assert refusal.reply_code == REFUSED, (name, queue, refusal)  # noqa: PT017 - any other is a fault
        connection.close()
        return found

    def declare(self, user: str, queue: str) -> int:
        """Declare a durable quorum queue as ``user``; returns 0 or the broker's code."""
        try:
            with self.channel(user) as channel:
                channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        except ChannelClosedByBroker as refusal:
            return int(refusal.reply_code)
        return 0


@pytest.fixture(scope="module")
def broker(rabbit: RabbitNode) -> Broker:
    """One broker for all tests that only ask what is allowed."""
    return make_broker(rabbit)


def make_broker(rabbit: RabbitNode, loosened: Mapping[str, Rights] | None = None) -> Broker:
    """A vhost made by the definitions, with every login that they know and exactly their permissions.

    Args:
        rabbit: the node.
        loosened: rights given over those, by login.
    """
    vhost = rabbit.fresh_vhost().rpartition("/")[2]
    passwords = {user: f"{user}-{secrets.token_hex(8)}" for user in topology.user_names()}
    urls = rabbit.add_users(passwords, NO_RIGHTS, vhost)
    rights = {
        part: [row | {"vhost": vhost} for row in topology.definitions()[part]]
        for part in ("permissions", "topic_permissions")
    }
    rabbit.import_definitions(definitions_in(vhost) | rights)
    for user, more in (loosened or {}).items():
        rabbit.import_definitions(user_definitions(user, passwords[user], more, vhost))
    return Broker(urls)


Attempt = Callable[[BlockingChannel, str], object]

ATTEMPTS: dict[str, Attempt] = {
    "bind": lambda channel, queue: channel.queue_bind(queue, FACTS, "event.changed.v1"),
    "unbind": lambda channel, queue: channel.queue_unbind(queue, FACTS, "event.changed.v1"),
    "delete": lambda channel, queue: channel.queue_delete(queue),
    "purge": lambda channel, queue: channel.queue_purge(queue),
}
AT_EXCHANGES: dict[str, Attempt] = {
    "delete exchange": lambda channel, _queue: channel.exchange_delete(FACTS),
    "bind exchange": lambda channel, _queue: channel.exchange_bind(DEAD, FACTS, "#"),
}
"""What changes the shape of things, or empties them."""


@pytest.mark.parametrize("user", [user for user in topology.user_names() if user != "troika-topology"])
def test_no_one_changes_what_is_there(broker: Broker, user: str) -> None:
    """Who reads a queue may also empty it, as they could by reading all of it: that is the protocol's."""
    queues = [name for queue in QUEUES for name in (queue, parked(queue))]
    done = broker.done(user, [*product(ATTEMPTS, queues), *product(AT_EXCHANGES, queues[:1])])
    reads = {user: {parked(queue) for queue in QUEUES} for user in ("troika-operator", "troika-audit")} | {
        f"troika-{service}-consumer": {
            name for queue in QUEUES if service_of(queue) == service for name in (queue, parked(queue))
        }
        for service in SERVICES
    }
    assert done == {("purge", queue) for queue in reads.get(user, set())}


def test_definitions_limit_every_login() -> None:
    users = broker_definitions(dict.fromkeys(topology.user_names(), "a-password"))["users"]
    assert {user["name"]: user["limits"] for user in users} == {
        name: topology.user_limits(name) for name in topology.user_names()
    }
    assert all(limit > 0 for user in users for limit in user["limits"].values())


def test_login_gets_no_more_connections_than_its_limit(rabbit: RabbitNode) -> None:
    vhost = rabbit.fresh_vhost().rpartition("/")[2]
    url = rabbit.add_user("of-two-connections", "a-password", NO_RIGHTS, vhost)
    limited = user_definitions("of-two-connections", "a-password", NO_RIGHTS, vhost)
    limited["users"][0]["limits"] = {"max-connections": 2, "max-channels": 4}
    rabbit.import_definitions(limited)
    first, second = (pika.BlockingConnection(pika.URLParameters(url)) for _ in range(2))
    with pytest.raises(ProbableAccessDeniedError, match="connection limit"):
        pika.BlockingConnection(pika.URLParameters(url))
    first.close()
    second.close()


@pytest.mark.parametrize("service", SERVICES)
def test_relay_publishes_the_types_of_its_service_alone(broker: Broker, service: str) -> None:
    codes = {entry.key: broker.publish(f"troika-{service}-relay", FACTS, entry.key) for entry in MESSAGE_TYPES}
    assert codes == {key: 0 if BY_KEY[key].producer == service else REFUSED for key in BY_KEY}


def test_registration_cannot_forge_a_change_of_an_event(broker: Broker) -> None:
    assert broker.publish("troika-registration-relay", FACTS, "event.changed.v1") == REFUSED
    assert broker.publish("troika-events-relay", FACTS, "event.changed.v1") == 0


@pytest.mark.parametrize("service", SERVICES)
def test_relay_reaches_no_other_exchange(broker: Broker, service: str) -> None:
    queue = next(queue for queue in QUEUES if service_of(queue) != service)
    codes = [broker.publish(f"troika-{service}-relay", exchange, queue) for exchange in ("", DEAD, RETRY, REQUEUE)]
    assert codes == [REFUSED] * 4


@pytest.mark.parametrize("service", SERVICES)
def test_relay_consumes_and_declares_nothing(broker: Broker, service: str) -> None:
    user = f"troika-{service}-relay"
    assert [broker.consume(user, queue) for queue in QUEUES] == [REFUSED] * len(QUEUES)
    assert broker.declare(user, "a-queue-of-its-own") == REFUSED


@pytest.mark.parametrize("service", SERVICES)
def test_consumer_consumes_the_queues_of_its_service_alone(broker: Broker, service: str) -> None:
    codes = {queue: broker.consume(f"troika-{service}-consumer", queue) for queue in QUEUES}
    assert codes == {queue: 0 if service_of(queue) == service else REFUSED for queue in QUEUES}
    left = {queue: broker.consume(f"troika-{service}-consumer", parked(queue)) for queue in QUEUES}
    assert left == codes, "it reads what it has parked itself, to drop what is about people who were erased"


@pytest.mark.parametrize("service", SERVICES)
def test_consumer_retries_and_parks_for_its_own_queues_alone(broker: Broker, service: str) -> None:
    user = f"troika-{service}-consumer"
    expected = {queue: 0 if service_of(queue) == service else REFUSED for queue in QUEUES}
    assert {queue: broker.publish(user, RETRY, retry_key("10s", queue)) for queue in QUEUES} == expected
    assert {queue: broker.publish(user, DEAD, queue) for queue in QUEUES} == expected


@pytest.mark.parametrize("service", SERVICES)
def test_consumer_publishes_nothing_and_declares_nothing(broker: Broker, service: str) -> None:
    user = f"troika-{service}-consumer"
    published = [entry.key for entry in MESSAGE_TYPES if entry.producer == service]
    assert [broker.publish(user, FACTS, key) for key in published] == [REFUSED] * len(published)
    assert broker.declare(user, "a-queue-of-its-own") == REFUSED
    assert broker.declare(user, f"{service}.another") == REFUSED


def test_operator_reads_what_is_parked_and_sends_it_back(broker: Broker) -> None:
    user = "troika-operator"
    assert {queue: broker.consume(user, parked(queue)) for queue in QUEUES} == dict.fromkeys(QUEUES, 0)
    assert {queue: broker.consume(user, queue) for queue in QUEUES} == dict.fromkeys(QUEUES, REFUSED)
    assert {queue: broker.publish(user, REQUEUE, replay_key(queue)) for queue in QUEUES} == dict.fromkeys(QUEUES, 0)
    assert broker.publish(user, FACTS, "event.changed.v1") == REFUSED


def test_audit_reads_what_is_parked_and_publishes_nothing(broker: Broker) -> None:
    user = "troika-audit"
    assert {queue: broker.consume(user, parked(queue)) for queue in QUEUES} == dict.fromkeys(QUEUES, 0)
    assert {queue: broker.consume(user, queue) for queue in QUEUES} == dict.fromkeys(QUEUES, REFUSED)
    codes = [broker.publish(user, FACTS, key) for key in BY_KEY]
    codes += [broker.publish(user, RETRY, retry_key("10s", QUEUE)), broker.publish(user, DEAD, QUEUE)]
    assert set(codes) | {broker.publish(user, REQUEUE, replay_key(QUEUE))} == {REFUSED}


def test_topology_login_declares_and_publishes_nothing(broker: Broker) -> None:
    user = "troika-topology"
    assert broker.declare(user, "declared-by-the-deployment") == 0
    topology.declare(BusAddress(broker_urls=(broker.urls[user],)))
    assert {key: broker.publish(user, FACTS, key) for key in BY_KEY} == dict.fromkeys(BY_KEY, REFUSED)
    codes = [broker.publish(user, RETRY, retry_key("10s", QUEUE)), broker.publish(user, DEAD, QUEUE)]
    assert [*codes, broker.publish(user, REQUEUE, replay_key(QUEUE))] == [REFUSED] * 3


def test_forged_sender_is_refused(broker: Broker) -> None:
    own = "troika-registration-relay"
    assert broker.publish(own, FACTS, "registration.confirmed.v1", user_id=own) == 0
    forged = broker.publish(own, FACTS, "registration.confirmed.v1", user_id="troika-events-relay")
    assert forged == PRECONDITION_FAILED


def test_our_own_processes_need_no_more_rights(rabbit: RabbitNode) -> None:
    """The real relay, consumer and operator's tools, each with its login: publish, consume, park and replay."""
    broker = make_broker(rabbit)
    relay, consumer, operator = (
        Bus(BusAddress(broker_urls=(broker.urls[user],)))
        for user in ("troika-notifications-relay", "troika-events-consumer", "troika-operator")
    )
    [sent] = relay.store([outgoing()])
    with consumer.listening(Recorder(lambda message: Poison("never") if message.id == sent else "done")):
        [found] = operator.wait_parked(1)
    assert (found.message_id, found.reason) == (sent, "never")
    assert replay(operator.address, QUEUE, lambda _found: True) == 1
    recorder = Recorder()
    with consumer.listening(recorder):
        assert recorder.wait_done(1) == [sent]


@pytest.mark.parametrize("password", ["guest", ""])
def test_guest_is_refused(rabbit: RabbitNode, password: str) -> None:
    with pytest.raises(ProbableAuthenticationError):
        _connect(rabbit, pika.PlainCredentials("guest", password))


def test_anonymous_is_refused(rabbit: RabbitNode) -> None:
    """The node closes the connection; it does not even offer the mechanism, so it gives no reason."""
    with pytest.raises((IncompatibleProtocolError, ProbableAuthenticationError)):
        _connect(rabbit, Anonymous())


class Anonymous:
    """SASL ANONYMOUS, as an attacker would send it regardless of the server's offer."""

    TYPE = "ANONYMOUS"
    erase_on_connect = False

    def response_for(self, start: Any) -> tuple[str, bytes]:
        """Mechanism and answer."""
        return self.TYPE, b"anybody"

    def erase_credentials(self) -> None:
        """There are none."""


def _connect(rabbit: RabbitNode, credentials: Any) -> None:
    pika.credentials.VALID_TYPES.append(Anonymous)
    try:
        parameters = pika.ConnectionParameters("127.0.0.1", rabbit.ports.amqp, VHOST, credentials, stack_timeout=5)
        pika.BlockingConnection(parameters).close()
    finally:
        pika.credentials.VALID_TYPES.remove(Anonymous)
