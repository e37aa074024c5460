"""What the launcher can replace by name, as functions that change modules of the process that they run in.

``quick-…``        pauses and leases of a test's length, by the role that has them
``effect-ledger``  each effect leaves a row in the effect's own transaction, so that a doubled one can be seen
``troubled``       every third message is refused once, so that the retry tiers have work
``deadly``         the decider is killed by a submission with this name, as by a bug in a library
the rest           negative controls: one guard taken out each, see ``tests.support.launching.controls``

They import where they are called: a program that is killed and started again and again has no time for the others'.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from shared.db.unit_of_work import UnitOfWork
    from shared.messaging.contracts.schemas import Message
    from shared.messaging.inbox import Effect, HandlingOutcome


QUICK_S = 0.2
QUICK_LEASE = timedelta(seconds=2)

LEDGER = """
    CREATE TABLE IF NOT EXISTS effect_ledger (
        consumer text NOT NULL, type text NOT NULL, subject text NOT NULL, revision text NOT NULL)
"""
"""Made by the test in each consumer's database. A fact is type, subject and revision, under any id."""

_WRITE = text("INSERT INTO effect_ledger VALUES (:consumer, :type, :subject, :revision)")

TROUBLED_ONE_IN = 3
DEADLY = "Deadly Submission"
"""A participant's name."""


def replace(names: Sequence[str]) -> None:
    """Replace the parts with these names, in this order.

    Raises:
        KeyError: there is none with that name.
    """
    for name in names:
        (PARTS[name] if name in PARTS else _controls()[name])()


def quick_relay() -> None:
    """A relay polls again soon after an outage."""
    from shared.messaging import relay

    _set(relay, OUTAGE_POLL_DELAY_S=QUICK_S)


def quick_consume() -> None:
    """A consumer polls again soon after an outage, and messages stay in a retry tier for a short time."""
    from shared.messaging import acknowledger
    from shared.messaging import consumer as listener

    tiers = tuple((tier, QUICK_S) for tier, _ in acknowledger.RetryPlan().delays_s)
    _set(listener, OUTAGE_PROBE_S=QUICK_S, RetryPlan=partial(acknowledger.RetryPlan, delays_s=tiers))


def quick_news() -> None:
    """News about a changed event are due at once."""
    from shared.calendar import event_news

    _set(event_news, NEWS_WAIT=timedelta())


def quick_send() -> None:
    """A sender checks leases often and retries soon."""
    from services.notifications.sending import outcomes, sender

    _set(sender, CLEANUP_EVERY_S=QUICK_S, OUTAGE_DELAY_S=QUICK_S)
    _set(sender, MIN_RELAY_DELAY_S=QUICK_S, MAX_RELAY_DELAY_S=QUICK_S)
    _set(outcomes, FIRST_DELAY_S=QUICK_S, MAX_DELAY_S=QUICK_S, EVENT_DELAY=timedelta(seconds=QUICK_S))


def quick_schedule() -> None:
    """A scheduler plans reminders often."""
    from services.notifications import scheduler

    _set(scheduler, REMINDERS_EVERY_S=QUICK_S, OUTAGE_DELAY_S=QUICK_S)


def quick_solve() -> None:
    """A dead worker's job is soon someone else's."""
    from services.events.scheduling import service

    _set(service, LEASE=QUICK_LEASE)


def quick_tend() -> None:
    """What is due by time is searched often."""
    from services.registration import workers

    _set(workers, TEND_EVERY_S=QUICK_S)


def quick_decide() -> None:
    """A decider polls again soon after an outage."""
    from services.registration import workers

    _set(workers, OUTAGE_PAUSE_S=QUICK_S)


def effect_ledger() -> None:
    """Write each effect down where the effect is."""

    def recorded(consumer: str, effect: "Effect") -> "Effect":
        def apply(connection: Connection, message: "Message") -> None:
            effect(connection, message)
            fact = {"type": message.type, "subject": message.subject, "revision": str(message.data.get("revision"))}
            connection.execute(_WRITE, {"consumer": consumer, **fact})

        return apply

    _wrap_effects(recorded)


def troubled() -> None:
    """Refuse every third message the first time that this process sees it."""
    from shared.runtime.errors import Retry

    seen: set[str] = set()

    def sometimes(_consumer: str, effect: "Effect") -> "Effect":
        def apply(connection: Connection, message: "Message") -> None:
            if int(message.id[-4:], 16) % TROUBLED_ONE_IN == 0 and message.id not in seen:
                seen.add(message.id)
                raise Retry("a part of the tests wants it so")
            effect(connection, message)

        return apply

    _wrap_effects(sometimes)


def deadly() -> None:
    """Have the decider end in any batch that holds a submission of someone named ``DEADLY``."""
    from services.registration.intake import decider
    from services.registration.intake.items import Submission

    inner = vars(decider)["decide"]

    def dying(facts: Any, batch: Sequence[Any], *others: Any) -> Any:
        if any(isinstance(item, Submission) and item.content.name == DEADLY for item in batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(facts, batch, *others)

    _set(decider, decide=dying)


def _wrap_effects(wrap: Callable[[str, "Effect"], "Effect"]) -> None:
    """Have consumers apply ``wrap(consumer, effect)`` in place of each effect."""
    from shared.cli import workers as consuming

    inner = vars(consuming)["apply_batch"]

    def apply(
        work: "UnitOfWork", consumer: str, messages: "Sequence[Message]", effect: "Effect"
    ) -> "list[HandlingOutcome]":
        outcomes: list[HandlingOutcome] = inner(work, consumer, messages, wrap(consumer, effect))
        return outcomes

    _set(consuming, apply_batch=apply)


def _set(module: ModuleType, **values: object) -> None:
    unknown = set(values) - set(vars(module))
    assert not unknown, f"{module.__name__} has no {sorted(unknown)}"
    vars(module).update(values)


def _controls() -> Mapping[str, Callable[[], None]]:
    from tests.support.launching.controls import CONTROLS

    return CONTROLS


PARTS: Mapping[str, Callable[[], None]] = {
    "quick-relay": quick_relay,
    "quick-consume": quick_consume,
    "quick-news": quick_news,
    "quick-send": quick_send,
    "quick-schedule": quick_schedule,
    "quick-solve": quick_solve,
    "quick-tend": quick_tend,
    "quick-decide": quick_decide,
    "effect-ledger": effect_ledger,
    "troubled": troubled,
    "deadly": deadly,
}
