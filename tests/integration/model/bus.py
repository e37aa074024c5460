"""Relays and consumers on the embedded bus, one tick at a time; both can crash between two commits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from services.events.consumers import effects as events_effects
from services.events.side_events.reading import ProposalKeys
from services.events.wiring import describe as describe_events
from services.notifications.consumers import effects as notifications_effects
from services.notifications.rules.registrations import NotificationsContext
from services.notifications.wiring import describe as describe_notifications
from services.registration.consumers import effects as registration_effects
from services.registration.wiring import describe as describe_registration
from services.registration.workers import Tending
from shared.db.readiness import CheckedClock
from shared.messaging import inbox
from shared.messaging.contracts import registry
from shared.messaging.contracts import registry as reading
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.embedded import EmbeddedQueues
from shared.messaging.inbox import Effect
from shared.messaging.publisher import EmbeddedPublisher, Outcome, Outgoing
from shared.messaging.relay import OutboxCleanup, Relay
from tests.integration.model.databases import MESSAGES, PRIVATE_KEY, ModelDatabases
from tests.support.clock import ANY_STEP, agreeing

MOST = 50
FORGET = text("DELETE FROM inbox WHERE consumer = :queue AND message_id = CAST(:id AS uuid)")


SERVICES = {
    "registration": describe_registration,
    "events": describe_events,
    "notifications": describe_notifications,
}


class Died(Exception):
    """The process ended here, as if it had been killed."""


class DyingPublisher(EmbeddedPublisher):
    """Publishes, and on demand ends the relay before it can mark what it has published."""

    crashes = False

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """See :class:`shared.messaging.publisher.Publisher`."""
        outcomes = super().publish(batch, timeout_s)
        if self.crashes:
            raise Died
        return outcomes


class Bus:
    """Attributes:
    had: the messages that each queue's consumer has had, each once, in the order of their effects.
    """

    def __init__(self, databases: ModelDatabases) -> None:
        self._databases = databases
        self._publisher = DyingPublisher(databases.urls["bus"], "model")
        self._queues = EmbeddedQueues(databases.urls["bus"])
        works = {service: databases.work(service) for service in registry.SERVICES}
        self._relays = {
            name: Relay(work, self._publisher, name, agreeing(databases.clock, work)) for name, work in works.items()
        }
        steps = count(0, 1000)
        self._cleanups = {
            name: OutboxCleanup(work, name, agreeing(databases.clock, work), monotonic=lambda: next(steps))
            for name, work in works.items()
        }
        intake = NotificationsContext(databases.clock, (PRIVATE_KEY,), databases.vault, "example.org")
        self._effects: Mapping[str, Effect] = {
            **registration_effects([PRIVATE_KEY]),
            **events_effects(ProposalKeys([PRIVATE_KEY], [PRIVATE_KEY])),
            **notifications_effects(intake),
        }
        self.had: dict[str, list[Message]] = {queue: [] for queue in registry.QUEUES}

    def forget(self) -> None:
        """Begin again, with nothing had."""
        self.had = {queue: [] for queue in registry.QUEUES}

    def relay(self, service: str, *, crashes: bool = False) -> int:
        """A tick of a service's relay; one that ``crashes`` has published everything and marked nothing."""
        self._publisher.crashes = crashes
        try:
            return self._relays[service].run_once()
        except Died:
            return 0
        finally:
            self._publisher.crashes = False

    def run_cleanup(self, service: str) -> None:
        """What a service's relay does beside its work: delete what outbox and inbox have held long enough."""
        self._cleanups[service].run_once()

    def run_cleanup_at(self, service: str, by: timedelta) -> None:
        """The same, and all else that the service's time does, by processes whose clocks differ by ``by``."""
        work, right = self._databases.work(service), self._databases.clock
        clock = CheckedClock(lambda: right() + by, work, service, lambda _connection: right(), max_step=ANY_STEP)
        OutboxCleanup(work, service, clock, SERVICES[service]().rules).run_once()
        if service == "registration":
            Tending(work, clock, MESSAGES).tick()

    def deliver(self, queue: str, pick: Callable[[int], Iterable[int]], *, crashes: bool = False) -> list[Message]:
        """Let a queue's consumer have some messages.

        Args:
            queue: whose.
            pick: which of so many that wait, and in which order; the others go back.
            crashes: it ends after the commit, before it can acknowledge: they are all redelivered.

        Returns:
            those that it had for the first time, in order.
        """
        waiting = self._queues.claim(queue, MOST)
        if not waiting:
            return []
        chosen = [waiting[index] for index in pick(len(waiting))]
        fresh = self._apply(queue, [_read(stored.body) for stored in chosen])
        done = set() if crashes else {stored.id for stored in chosen}
        back = [stored.id for stored in waiting if stored.id not in done]
        if done:
            self._queues.acknowledge(sorted(done))
        if back:
            self._queues.give_back(back)
        return fresh

    def again(self, queue: str, index: int, *, forgotten: bool) -> list[Message]:
        """A message comes that came long ago; ``forgotten``: so long that the inbox has forgotten it.

        Returns:
            the message if it was forgotten: its consumer takes it for new.
        """
        message = self.had[queue][index % len(self.had[queue])]
        if forgotten:
            with self._databases.work(registry.service_of(queue)).transaction() as connection:
                connection.execute(FORGET, {"queue": queue, "id": message.id})
            self.had[queue].remove(message)
        return self._apply(queue, [message])

    def waiting(self) -> list[str]:
        """Queues on which there is a message."""
        return [row[0] for row in self._databases.rows("bus", "SELECT DISTINCT queue FROM bus_message ORDER BY queue")]

    def close(self) -> None:
        """Close the connections."""
        self._publisher.close()
        self._queues.close()

    def _apply(self, queue: str, messages: Sequence[Message]) -> list[Message]:
        """What the consumer does, and whether it knows again what it has had."""
        known = {message.id for message in self.had[queue]}
        fresh: list[Message] = []
        wanted = []
        for message in messages:
            wanted.append("duplicate" if message.id in known else "done")
            if message.id not in known:
                fresh.append(message)
                known.add(message.id)
        work = self._databases.work(registry.service_of(queue))
        results: list[Any] = inbox.apply_batch(work, queue, messages, self._effects[queue])
        assert results == wanted, f"{queue}: {results}, not {wanted}"
        self.had[queue] += fresh
        return fresh


def _read(body: bytes) -> Message:
    message = decode(body)
    return replace(message, data=reading.read(message))
