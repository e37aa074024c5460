"""Puts a listener together: each queue's messages have their effect through the inbox, the loop is watched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from shared.bus.address import BusAddress
from shared.bus.clearing import Clearing, Erased
from shared.bus.connection import open_connection
from shared.bus.listener import Listener, Subscription
from shared.bus.retry_plan import RetryPlan
from shared.bus.senders import Senders, own_user
from shared.bus.watchdog import watch
from shared.contracts.envelope import Message
from shared.core.errors import Unavailable
from shared.core.spans import CONSUME, Attributes
from shared.core.tracing import begin_spans, is_tracing
from shared.process.runner import Stop
from shared.store.halted_queues import StoredHalts
from shared.store.inbox import Effect, apply_batch
from shared.store.unit_of_work import UnitOfWork

ErasedIn = Callable[[Connection, Sequence[str]], set[str]]
"""Which of these subjects (UUID texts) have a tombstone in a service's database."""


def make_listener(
    address: BusAddress,
    work: UnitOfWork,
    service: str,
    effects: Mapping[str, Effect],
    plan: RetryPlan | None = None,
    erased: ErasedIn | None = None,
) -> Listener:
    """A listener for all of a service's queues.

    Args:
        address: of the bus.
        work: on the service's database, where inbox and effects are.
        service: who consumes.
        effects: what a message does, by queue.
        plan: when to retry; the project's plan if None.
        erased: which of some subjects were erased: what is parked about them is dropped. None if nobody can be.
    """

    def subscription(queue: str, effect: Effect) -> Subscription:
        def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
            return _traced(queue, messages, lambda batch: apply_batch(work, queue, batch, effect))

        return Subscription(queue, handle)

    listener = Listener(
        open_connection(address, f"troika-{service}-consumer"),
        [subscription(queue, effect) for queue, effect in effects.items()],
        service,
        plan=plan,
        senders=Senders.of(address, service),
        sender=own_user(address),
        halts=StoredHalts(work),
    )
    if erased is not None:
        listener.chore = Clearing(address, list(effects), erased_by(work, erased)).turn
    return listener


Handle = Callable[[Sequence[Message]], Sequence[str | Exception]]


def _traced(queue: str, messages: Sequence[Message], handle: Handle) -> Sequence[str | Exception]:
    """Handle a batch with a span for each message; what it causes carries that span."""
    if not is_tracing():
        return handle(messages)
    spans = begin_spans(CONSUME, ((f"process {queue}", one.traceparent, _said(queue, one)) for one in messages))
    outcomes: Sequence[str | Exception] = [Unavailable("not handled")] * len(messages)
    try:
        outcomes = handle([replace(m, traceparent=s.traceparent) for m, s in zip(messages, spans, strict=True)])
    finally:
        for span, outcome in zip(spans, outcomes, strict=True):
            span.end({"troika.outcome": outcome if isinstance(outcome, str) else "failed"})
    return outcomes


def _said(queue: str, message: Message) -> Attributes:
    return {"messaging.destination.name": queue, "messaging.rabbitmq.destination.routing_key": message.routing_key}


def erased_by(work: UnitOfWork, erased: ErasedIn) -> Erased:
    """The same question, each in a transaction of its own."""

    def ask(subjects: Sequence[str]) -> set[str]:
        with work.transaction() as connection:
            return erased(connection, subjects)

    return ask


def listen(listener: Listener, stop: Stop) -> None:
    """Run ``listener`` until ``stop``; the process ends itself if the loop hangs."""

    def end() -> None:
        listener.should_stop = True

    stop.then(end)
    watch(lambda: listener.ticked_at)
    listener.run()
