"""Negative controls: each removes one guard from its process, to show that a test would notice.

They are wired in by the launcher, so that production code has no switch that could be left on.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pika
from kombu import Queue, serialization
from kombu.mixins import ConsumerMixin
from sqlalchemy import text

from shared.messaging import inbox, outbox, relay, topology
from shared.messaging.acknowledger import Delivery
from shared.messaging.broker import EXCHANGES, BusAddress, bindings
from shared.messaging.consumer import QueueConsumer
from shared.messaging.contracts.schemas import CONTENT_TYPE
from shared.messaging.outbox import OutboxRow
from shared.messaging.publisher import Outgoing, PikaPublisher, PublishJob
from shared.messaging.relay import Relay
from shared.runtime.ids import new_id

MUCH = 100
"""Messages in a consumer's hands at once: ten times ours, and what many a library has by default or more."""


def ack_before_commit() -> None:
    """Acknowledge messages as they come, and handle them then."""
    judge = QueueConsumer._judge

    def judge_late(self: QueueConsumer, connection: Any, consumers: Sequence[Any], batch: list[Delivery]) -> None:
        for delivery in batch:
            delivery.raw.ack()
            delivery.raw = _Acknowledged(delivery.raw)
        judge(self, connection, consumers, batch)

    _put(QueueConsumer, _judge=judge_late)


def marked_before_confirm() -> None:
    """Mark messages as published, and offer them to the bus then."""

    def run_once(self: Relay) -> int:
        with self._work.transaction() as connection:
            rows = outbox.claim(connection, self._clock(), relay.BATCH)
            outbox.mark_published(connection, [row.id for row in rows], self._clock())
        if rows:
            self._publisher.publish([self._outgoing(row) for row in rows], relay.CONFIRM_TIMEOUT_S)
        return len(rows)

    _put(Relay, run_once=run_once)


def inbox_off() -> None:
    """Take every message for a new one."""
    vars(inbox)["_ENTER"] = text("SELECT unnest(CAST(:ids AS uuid[]))::text AS message_id WHERE :consumer <> ''")


def confirms_off() -> None:
    """Take a message for published once it is written to the connection, as a channel without confirms does."""
    send = PikaPublisher._send

    def on_channel(self: PikaPublisher, channel: Any) -> None:
        self._channel, self._next_tag = channel, 1
        self._on_selected(None)

    def send_and_believe(self: PikaPublisher, job: PublishJob) -> None:
        send(self, job)
        job.settle(self._next_tag, multiple=True, accepted=True)

    _put(PikaPublisher, _on_channel=on_channel, _send=send_and_believe)


def transient_queues() -> None:
    """Declare queues that the broker keeps until its next start."""

    def declare(address: BusAddress) -> None:
        with pika.BlockingConnection(pika.URLParameters(address.broker_urls[0])) as connection:
            channel = connection.channel()
            for name in EXCHANGES:
                channel.exchange_declare(name, "topic", durable=True)
            for name in topology.queue_arguments():
                channel.queue_declare(name, durable=False)
            for source, key, queue in bindings():
                channel.queue_bind(queue, source, key)

    vars(topology)["declare"] = declare


def random_message_id() -> None:
    """Give a message another id each time that it is offered."""
    outgoing = Relay._outgoing

    def renamed(self: Relay, row: OutboxRow) -> Outgoing:
        published, identity = outgoing(self, row), new_id()
        body = json.dumps(json.loads(published.body) | {"id": identity}).encode()
        return Outgoing(identity, published.type, published.routing_key, published.source, body)

    _put(Relay, _outgoing=renamed)


def default_on_decode_error() -> None:
    """Let kombu decode bodies, and do with those that it cannot decode what it does by default."""
    serialization.register("cloudevents", json.dumps, json.loads, CONTENT_TYPE, "utf-8")

    def get_consumers(self: QueueConsumer, consumer: Any, channel: Any) -> list[Any]:
        def take(queue: str) -> Callable[[Any, Any], None]:
            return lambda _body, raw: self._pending.append(Delivery(raw, queue))

        return [
            consumer(
                queues=[Queue(queue, no_declare=True)],
                accept=["json", "cloudevents"],
                prefetch_count=1,
                callbacks=[take(queue)],
                auto_declare=False,
            )
            for queue in self._handlers
        ]

    _put(QueueConsumer, get_consumers=get_consumers, on_decode_error=ConsumerMixin.on_decode_error)


def prefetch_hundred() -> None:
    """Take a hundred messages at once, also those that someone else did not live to settle."""

    def get_consumers(self: QueueConsumer, consumer: Any, channel: Any) -> list[Any]:
        self._careful, self._prefetch = False, MUCH
        return [
            consumer(
                queues=[Queue(queue, no_declare=True)],
                accept=["json"],
                prefetch_count=MUCH,
                on_message=self._take_from(queue),
                auto_declare=False,
            )
            for queue in self._handlers
        ]

    _put(QueueConsumer, get_consumers=get_consumers)
    _put(Delivery, suspect=False)


def random_mail_id() -> None:
    """Give a mail another Message-ID each time that it is written."""
    # here alone: what writes mails takes half a second to import, and the others' programs start often
    from services.notifications.sending.composer import ComposedMail, Composer

    write = Composer._write

    def renamed(self: Composer, *claim: Any) -> ComposedMail:
        letter = write(self, *claim)
        line = f"Message-ID: <{new_id()}@example.org>".encode()
        return ComposedMail(letter.address, re.sub(rb"(?mi)^Message-ID: [^\r\n]*", line, letter.content, count=1))

    _put(Composer, _write=renamed)


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    """A raw message whose acknowledgement has gone out already."""

    raw: Any

    def ack(self) -> None:
        """Nothing is left to do."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _put(owner: type, **members: object) -> None:
    """Put ``members`` in the place of a class's own."""
    for name, member in members.items():
        assert hasattr(owner, name), f"{owner.__name__} has no {name}"
        setattr(owner, name, member)


CONTROLS: Mapping[str, Callable[[], None]] = {
    "ack-before-commit": ack_before_commit,
    "marked-before-confirm": marked_before_confirm,
    "inbox-off": inbox_off,
    "confirms-off": confirms_off,
    "transient-queues": transient_queues,
    "random-message-id": random_message_id,
    "default-on-decode-error": default_on_decode_error,
    "prefetch-100": prefetch_hundred,
    "random-mail-id": random_mail_id,
}
"""The tenth, the lock on the seats, is taken out in the test's own process: ``tests.support.slow_seats``."""
