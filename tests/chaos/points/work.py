"""Work that leads every kind of process to its fail points: people, broken messages, a moved date, a timetable."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from services.events.desk.service import ANY, EventAction, change_event
from services.events.event.lifecycle import StepWish, step_of
from services.events.scheduling.service import request_schedule
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.broker import parked
from shared.messaging.connection import open_publisher
from shared.messaging.contracts.registry import BY_KEY, source_of
from shared.messaging.contracts.schemas import TYPE_PREFIX
from shared.messaging.dead_letters import drop, list_parked
from shared.messaging.publisher import Outcome, Outgoing
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from tests.support.clients import WEBINAR
from tests.support.stack import Stack

BROKEN_KEY = "registration.confirmed.v1"
CONFIRM_S = 10.0
REMINDED = timedelta(days=1, minutes=10)
"""From now: reminders of such a date are planned and not due yet."""
QUIET = timedelta(days=5)
"""From now: of such a date no one is reminded."""


class Work:
    """What is asked of a stack beside registrations.

    Args:
        stack: that runs.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._moves = 0
        self._engine = open_engine(stack.installation.urls["events"])
        self._events = UnitOfWork(self._engine, "events")
        self.broken: list[str] = []

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def break_messages(self, count: int) -> None:
        """Publish messages that no one can read; each is to be parked by every consumer of its type."""
        messages = [
            Outgoing(new_id(), TYPE_PREFIX + BROKEN_KEY, BROKEN_KEY, source_of("registration"), b"{")
            for _ in range(count)
        ]
        publisher = open_publisher(self._stack.address, "registration")
        try:
            assert publisher.publish(messages, CONFIRM_S) == [Outcome.CONFIRMED] * count
        finally:
            publisher.close()
        self.broken += [message.message_id for message in messages]

    def parked(self) -> dict[str, set[str]]:
        """Ids of what is parked, by queue."""
        queues = BY_KEY[BROKEN_KEY].consumers
        return {parked(queue): {one.message_id for one in list_parked(self._stack.address, queue)} for queue in queues}

    def all_parked(self) -> dict[str, set[str]]:
        """What ``parked`` gives when nothing is lost and nothing else is there."""
        return {parked(queue): set(self.broken) for queue in BY_KEY[BROKEN_KEY].consumers}

    def drop_parked(self) -> None:
        """Delete what was parked: it came from no outbox, so that no reconciliation would find where it is from."""
        for queue in BY_KEY[BROKEN_KEY].consumers:
            dropped = drop(self._stack.address, queue, lambda message: message.message_id in self.broken)
            assert dropped >= len(self.broken)  # a copy may have been parked twice, and none was lost

    def move_event(self, until: timedelta = REMINDED) -> None:
        """Give the event a new date, which is to be announced to everyone; each time another one."""
        self._moves += 1
        starts_at = system_clock().replace(second=0, microsecond=0) + until + timedelta(minutes=self._moves % 5)
        wish = StepWish(name="reschedule", starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))
        change_event(
            self._events, system_clock, WEBINAR, step_of(wish), (ANY,), EventAction(wish.name, "a coordinator")
        )

    def ask_for_timetable(self) -> None:
        """Ask for a timetable."""
        request_schedule(self._events, system_clock, "a coordinator")


@contextmanager
def work_for(stack: Stack) -> Iterator[Work]:
    """Work for a stack that runs."""
    work = Work(stack)
    try:
        yield work
    finally:
        work.close()
