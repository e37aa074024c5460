"""What the launcher can replace by name. Each is a function that changes modules of the process that it runs in.

``quick``          pauses and leases of a test's length
``effect-ledger``  each effect leaves a row in the effect's own transaction, so that a doubled one can be seen
``troubled``       every third message is retried once, so that the retry tiers have work
the rest           negative controls: one guard taken out each, see ``tests.support.launching.controls``
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import ModuleType

from sqlalchemy import Connection, text

from services.events.usecases import solve_schedule
from services.notifications import scheduling
from services.notifications.sending import judging, sender
from shared.bus import listener, retry_plan
from shared.contracts.envelope import Message
from shared.core.errors import Retry
from shared.process import consuming, relay
from shared.store.inbox import Effect, Verdict
from shared.store.unit_of_work import UnitOfWork
from tests.support.launching.controls import CONTROLS

QUICK_S = 0.2
QUICK_LEASE = timedelta(seconds=2)

LEDGER = """
    CREATE TABLE IF NOT EXISTS effect_ledger (
        consumer text NOT NULL, type text NOT NULL, subject text NOT NULL, revision text NOT NULL)
"""
"""Made by the test in each consumer's database. A fact is type, subject and revision, whatever id it comes under."""

_WRITE = text("INSERT INTO effect_ledger VALUES (:consumer, :type, :subject, :revision)")

TROUBLED_ONE_IN = 3


def replace(names: Sequence[str]) -> None:
    """Replace the parts with these names, in this order.

    Raises:
        KeyError: there is none with that name.
    """
    for name in names:
        PARTS[name]()


def quick() -> None:
    """Shorter pauses, so that a test waits for no more than it has to."""
    _set(sender, HOUSEKEEPING_EVERY_S=QUICK_S, REST_RELAY_LEAST_S=QUICK_S, REST_RELAY_MOST_S=QUICK_S)
    for module in (sender, relay, scheduling):
        _set(module, REST_IN_OUTAGE_S=QUICK_S)
    _set(listener, OUTAGE_PROBE_S=QUICK_S)
    _set(judging, FIRST_DELAY_S=QUICK_S, LONGEST_DELAY_S=QUICK_S, EVENT_DELAY=timedelta(seconds=QUICK_S))
    _set(scheduling, REMINDERS_EVERY_S=QUICK_S)
    _set(solve_schedule, LEASE=QUICK_LEASE)
    tiers = tuple((tier, QUICK_S) for tier, _ in retry_plan.RetryPlan().delays_s)
    _set(listener, RetryPlan=partial(retry_plan.RetryPlan, delays_s=tiers))


def effect_ledger() -> None:
    """Write each effect down where the effect is."""

    def recorded(consumer: str, effect: Effect) -> Effect:
        def apply(connection: Connection, message: Message) -> None:
            effect(connection, message)
            fact = {"type": message.type, "subject": message.subject, "revision": str(message.data.get("revision"))}
            connection.execute(_WRITE, {"consumer": consumer, **fact})

        return apply

    _wrap_effects(recorded)


def troubled() -> None:
    """Refuse every third message the first time that this process sees it."""
    seen: set[str] = set()

    def sometimes(_consumer: str, effect: Effect) -> Effect:
        def apply(connection: Connection, message: Message) -> None:
            if int(message.id[-4:], 16) % TROUBLED_ONE_IN == 0 and message.id not in seen:
                seen.add(message.id)
                raise Retry("a part of the tests wants it so")
            effect(connection, message)

        return apply

    _wrap_effects(sometimes)


def _wrap_effects(wrap: Callable[[str, Effect], Effect]) -> None:
    """Have consumers apply ``wrap(consumer, effect)`` in place of each effect."""
    inner = vars(consuming)["apply_batch"]

    def apply(work: UnitOfWork, consumer: str, messages: Sequence[Message], effect: Effect) -> list[Verdict]:
        verdicts: list[Verdict] = inner(work, consumer, messages, wrap(consumer, effect))
        return verdicts

    _set(consuming, apply_batch=apply)


def _set(module: ModuleType, **values: object) -> None:
    unknown = set(values) - set(vars(module))
    assert not unknown, f"{module.__name__} has no {sorted(unknown)}"
    vars(module).update(values)


PARTS: Mapping[str, Callable[[], None]] = {
    "quick": quick,
    "effect-ledger": effect_ledger,
    "troubled": troubled,
    **CONTROLS,
}
