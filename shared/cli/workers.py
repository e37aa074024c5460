"""Workers: checks before the start, the queue consumer of a service, and a watchdog that ends a hung process.

A worker waits until its keys match the database, its sessions have time limits, and the broker has every exchange and
queue of this version. If the broker does not answer, the process starts nevertheless, and connects as soon as it can.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

from sqlalchemy import Connection

from shared.cli.settings import KeyFaults
from shared.db.roles import limit_problems
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import topology
from shared.messaging.broker import BusAddress, Senders, own_user
from shared.messaging.connection import open_connection
from shared.messaging.consumer import QueueConsumer, Subscription
from shared.messaging.contracts.schemas import Message
from shared.messaging.dead_letters import Clearing, Erased
from shared.messaging.halts import StoredHalts
from shared.messaging.inbox import Effect, apply_batch
from shared.runtime.errors import Unavailable
from shared.runtime.runner import Stop
from shared.runtime.tracing import CONSUME, Attributes, begin_spans, is_tracing

log = logging.getLogger(__name__)

RECHECK_S = 2.0
LOG_EVERY_S = 60.0


def wait_for_keys(compare: KeyFaults, stop: Stop) -> None:
    """Return once all keys match, or at ``stop``; until then the process only answers probes."""
    _wait(compare, _log_keys, stop)


def wait_for_limits(work: UnitOfWork, stop: Stop) -> None:
    """Return once all limits of the database's sessions are in force, or at ``stop``, as above."""
    _wait(partial(_missing_limits, work), _log_limits, stop)


def _wait(find: Callable[[], Collection[str]], report: Callable[[Collection[str]], None], stop: Stop) -> None:
    logged_at_s = float("-inf")
    while not stop:
        try:
            faults = find()
        except Unavailable as error:
            log.warning("the checks of the start wait for the database", extra={"reason": error.reason})
            stop.wait(RECHECK_S)
            continue
        if not faults:
            return
        if monotonic() - logged_at_s >= LOG_EVERY_S:
            logged_at_s = monotonic()
            report(faults)
        stop.wait(RECHECK_S)


def _log_keys(names: Collection[str]) -> None:
    for name in names:
        log.error("a key is not the key of this database: nothing is done", extra={"key": name})


def _missing_limits(work: UnitOfWork) -> Collection[str]:
    with work.transaction() as connection:
        return limit_problems(connection.connection.driver_connection)  # type: ignore[arg-type]  # psycopg's


def _log_limits(problems: Collection[str]) -> None:
    for problem in problems:
        log.error("a limit of the database's sessions is not in force: nothing is done", extra={"problem": problem})


TOPOLOGY_RECHECK_S = 2.0
MAX_NAMED = 5
"""Names that the reason lists, of some dozens."""


class TopologyCheck:
    """Checks the broker's exchanges and queues when a process starts.

    Args:
        address: the address of the message bus.
    """

    def __init__(self, address: BusAddress) -> None:
        self._address = address
        self._absent: list[str] = []

    def problem(self) -> str:
        """Why the process is not ready: what the last check missed; empty once a check misses nothing."""
        absent = self._absent  # read once: another thread replaces it
        if not absent:
            return ""
        named = ", ".join(absent[:MAX_NAMED])
        more = f" and {len(absent) - MAX_NAMED} more" if len(absent) > MAX_NAMED else ""
        return f"topology: the broker lacks {named}{more}; import the definitions of this version"

    def wait(self, stop: Stop) -> None:
        """Return once nothing is missing, or the broker does not answer, or at ``stop``."""
        while not stop and self._missing():
            log.error("the broker lacks exchanges or queues: nothing is done", extra={"missing": len(self._absent)})
            stop.wait(TOPOLOGY_RECHECK_S)

    def _missing(self) -> bool:
        self._absent = topology.missing_as_far_as_known(self._address)
        return self._absent != []


WATCHDOG_TIMEOUT_S = 45.0
EXIT_CODE = 70


def watch(ticked_at: Callable[[], float], *, timeout_s: float = WATCHDOG_TIMEOUT_S) -> threading.Thread:
    """Start a thread that ends the process when ``ticked_at`` (monotonic seconds) is older than ``timeout_s``."""

    def run() -> None:
        while time.monotonic() - ticked_at() <= timeout_s:
            time.sleep(min(1.0, timeout_s / 4))  # the polling interval of a separate thread
        log.error("no turn of the loop for too long: the process ends itself", extra={"silence_s": timeout_s})
        os._exit(EXIT_CODE)

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    return thread


ErasedIn = Callable[[Connection, Sequence[str]], set[str]]
"""Which of these subjects (UUID texts) have a tombstone in a service's database."""


def make_queue_consumer(
    address: BusAddress,
    work: UnitOfWork,
    service: str,
    effects: Mapping[str, Effect],
    erased: ErasedIn | None = None,
) -> QueueConsumer:
    """Return a consumer of all queues of a service.

    Args:
        address: the address of the message bus.
        work: the unit of work on the service's database, which holds the inbox and the effects.
        service: the name of the consuming service.
        effects: what a message does, by queue.
        erased: which of some subjects were erased: what is parked about them is dropped. None if no subject can be.
    """

    def subscription(queue: str, effect: Effect) -> Subscription:
        def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
            return _traced(queue, messages, lambda batch: apply_batch(work, queue, batch, effect))

        return Subscription(queue, handle)

    listener = QueueConsumer(
        open_connection(address, f"troika-{service}-consumer"),
        [subscription(queue, effect) for queue, effect in effects.items()],
        service,
        senders=Senders.of(address, service),
        sender=own_user(address),
        halts=StoredHalts(work),
    )
    if erased is not None:
        listener.chores.append(Clearing(address, list(effects), erased_by(work, erased)).run_once)
    return listener


Handle = Callable[[Sequence[Message]], Sequence[str | Exception]]


def _traced(queue: str, messages: Sequence[Message], handle: Handle) -> Sequence[str | Exception]:
    """Handle a batch with a span for each message; what it causes carries that span."""
    if not is_tracing():
        return handle(messages)
    spans = begin_spans(
        CONSUME, ((f"process {queue}", message.traceparent, _outcome_name(queue, message)) for message in messages)
    )
    outcomes: Sequence[str | Exception] = [Unavailable("not handled")] * len(messages)
    try:
        outcomes = handle([replace(m, traceparent=s.traceparent) for m, s in zip(messages, spans, strict=True)])
    finally:
        for span, outcome in zip(spans, outcomes, strict=True):
            span.end({"troika.outcome": outcome if isinstance(outcome, str) else "failed"})
    return outcomes


def _outcome_name(queue: str, message: Message) -> Attributes:
    return {"messaging.destination.name": queue, "messaging.rabbitmq.destination.routing_key": message.routing_key}


def erased_by(work: UnitOfWork, erased: ErasedIn) -> Erased:
    """The same question, each in a separate transaction."""

    def ask(subjects: Sequence[str]) -> set[str]:
        with work.transaction() as connection:
            return erased(connection, subjects)

    return ask


def run_consumer(listener: QueueConsumer, stop: Stop) -> None:
    """Run ``listener`` until ``stop``; the process ends itself if the loop hangs."""

    def end() -> None:
        listener.should_stop = True

    stop.then(end)
    watch(lambda: listener.ticked_at)
    listener.run()
