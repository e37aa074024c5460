"""The buses that every scenario runs on, and the operations that a scenario uses."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.messaging import topology
from shared.messaging.acknowledger import RetryPlan
from shared.messaging.broker import BusAddress, Senders, own_user
from shared.messaging.connection import open_connection, open_publisher
from shared.messaging.consumer import Handler, QueueConsumer, Subscription
from shared.messaging.contracts.schemas import Message, encode
from shared.messaging.dead_letters import ParkedMessage, list_parked
from shared.messaging.halts import HaltStore
from shared.messaging.publisher import Outcome, Outgoing
from tests.contract.samples import sample_message
from tests.support.postgres import PostgresServer
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

QUEUE, OTHER_QUEUE = "events.contact", "events.rollup"
KEY = "mail.sent.v1"
"""The one type that is consumed from ``QUEUE``; notifications publishes it."""

DELAY_S = 0.4
PLAN = RetryPlan(delays_s=(("10s", DELAY_S), ("1m", DELAY_S), ("10m", DELAY_S)))
"""The project's plan with short stays in every tier."""

CONFIRM_S = 10.0


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus, seen from wherever its address leads."""

    address: BusAddress

    def publish(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Offer ``messages`` as the notifications service's relay would; returns their fates."""
        publisher = open_publisher(self.address, "notifications")
        try:
            return publisher.publish(messages, CONFIRM_S)
        finally:
            publisher.close()

    def store(self, messages: Sequence[Outgoing]) -> list[str]:
        """Publish ``messages``, all of which must be confirmed; returns their ids."""
        assert self.publish(messages) == [Outcome.CONFIRMED] * len(messages)
        return [message.message_id for message in messages]

    def depth(self, queue: str = QUEUE) -> int:
        """Messages on ``queue`` that wait."""
        with open_connection(self.address, "depth") as connection, connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)

    def parked(self, queue: str = QUEUE) -> list[ParkedMessage]:
        """What is parked for ``queue``."""
        return list_parked(self.address, queue)

    def wait_parked(self, count: int, within_s: float = 20.0) -> list[ParkedMessage]:
        """What is parked, as soon as there are ``count``.

        RabbitMQ puts back what was listed once the connection has ended: who lists again at once may see less.
        """
        found: list[ParkedMessage] = []

        def enough() -> bool:
            found[:] = self.parked()
            return len(found) >= count

        poll_until(enough, within_s, every_s=0.2, what=f"{count} parked messages")
        return found

    @contextmanager
    def listening(
        self,
        handler: Handler,
        *,
        plan: RetryPlan = PLAN,
        prefetch: int = 10,
        stop_checked_every_s: float = 1.0,
        halts: HaltStore | None = None,
        others: Mapping[str, Handler] | None = None,
        chores: Sequence[Callable[[], None]] = (),
    ) -> Iterator[QueueConsumer]:
        """A consumer of ``QUEUE`` in a separate thread, ended when the block ends.

        Args:
            handler: of each batch.
            plan: when to retry.
            prefetch: maximum of unacknowledged messages.
            stop_checked_every_s: how long it consumes before it checks whether to stop.
            halts: where halted queues are stored.
            others: handlers of other queues that the same consumer has.
            chores: done in its loop.
        """
        connection = open_connection(self.address, "scenario")
        listener = QueueConsumer(
            connection,
            [Subscription(queue, each) for queue, each in {QUEUE: handler, **(others or {})}.items()],
            "events",
            plan=plan,
            prefetch=prefetch,
            senders=Senders.of(self.address, "events"),
            sender=own_user(self.address),
            halts=halts,
        )
        listener.chores += chores
        thread = threading.Thread(target=listener.run, kwargs={"safety_interval": stop_checked_every_s})
        thread.start()
        try:
            yield listener
        finally:
            listener.should_stop = True
            thread.join(20.0)
            connection.release()
        assert not thread.is_alive()


def embedded_bus(postgres: PostgresServer) -> Bus:
    """The bus in a separate database."""
    address = BusAddress(database_url=postgres.fresh_database())
    topology.declare(address)
    return Bus(address)


def bare_rabbitmq(rabbit: RabbitNode) -> Bus:
    """RabbitMQ as ``topology.declare`` leaves it: enough to run, without limits."""
    address = BusAddress(broker_urls=(rabbit.fresh_vhost(),))
    topology.declare(address)
    return Bus(address)


def limited_rabbitmq(rabbit: RabbitNode) -> Bus:
    """RabbitMQ as a deployment makes it: by the definitions, with every policy."""
    url = rabbit.fresh_vhost()
    rabbit.import_definitions(definitions_in(url.rpartition("/")[2]))
    return Bus(BusAddress(broker_urls=(url,)))


def definitions_in(vhost: str) -> dict[str, Any]:
    """The definitions moved to an existing ``vhost``, without permissions: the test's user may do everything."""
    kept = ("exchanges", "queues", "bindings", "policies")
    return {part: [row | {"vhost": vhost} for row in topology.definitions()[part]] for part in kept}


def outgoing(*, body: bytes | None = None, change: Mapping[str, Any] | None = None, key: str = KEY) -> Outgoing:
    """A message for ``QUEUE`` as the relay offers it.

    Args:
        body: in place of the message's own.
        change: envelope attributes put over the message's own.
        key: routing key under which it goes out.
    """
    message = sample_message(KEY)
    own = encode(message)
    if change is not None:
        own = json.dumps(json.loads(own) | dict(change)).encode()
    return Outgoing(message.id, message.type, key, message.source, own if body is None else body)


def registered() -> Outgoing:
    """A message for ``OTHER_QUEUE``, as the relay of registration offers it."""
    message = sample_message("registration.confirmed.v1")
    return Outgoing(message.id, message.type, "registration.confirmed.v1", message.source, encode(message))


def good(count: int) -> list[Outgoing]:
    """``count`` messages that nothing is wrong with."""
    return [outgoing() for _ in range(count)]


@dataclass(slots=True)
class Recorder:
    """A handler that records what it gets. ``judge`` gives a message's outcome; done, if there is none.

    Attributes:
        batches: ids of each call, in order.
        done: ids of what was acknowledged as done, in order.
    """

    judge: Callable[[Message], str | Exception] = lambda _message: "done"
    batches: list[list[str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __call__(self, messages: Sequence[Message]) -> list[str | Exception]:
        """See :data:`shared.messaging.consumer.Handler`."""
        self.batches.append([message.id for message in messages])
        outcomes = [self.judge(message) for message in messages]
        self.done += [message.id for message, outcome in zip(messages, outcomes, strict=True) if outcome == "done"]
        return outcomes

    def wait_done(self, count: int, within_s: float = 20.0) -> list[str]:
        """Ids of what is done, as soon as there are ``count``."""
        poll_until(lambda: len(self.done) >= count, within_s, every_s=0.02, what=f"{count} messages done")
        return list(self.done)
