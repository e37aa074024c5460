"""Puts a listener together: each queue's messages have their effect through the inbox, the loop is watched."""

from collections.abc import Mapping, Sequence

from shared.bus.address import BusAddress
from shared.bus.connection import open_connection
from shared.bus.listener import Listener, Subscription
from shared.bus.retry_plan import RetryPlan
from shared.bus.senders import Senders, own_user
from shared.bus.watchdog import watch
from shared.contracts.envelope import Message
from shared.process.runner import Stop
from shared.store.inbox import Effect, apply_batch
from shared.store.unit_of_work import UnitOfWork


def make_listener(
    address: BusAddress, work: UnitOfWork, service: str, effects: Mapping[str, Effect], plan: RetryPlan | None = None
) -> Listener:
    """A listener for all of a service's queues.

    Args:
        address: of the bus.
        work: on the service's database, where inbox and effects are.
        service: who consumes.
        effects: what a message does, by queue.
        plan: when to retry; the project's plan if None.
    """

    def subscription(queue: str, effect: Effect) -> Subscription:
        def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
            return apply_batch(work, queue, messages, effect)

        return Subscription(queue, handle)

    return Listener(
        open_connection(address, f"troika-{service}-consumer"),
        [subscription(queue, effect) for queue, effect in effects.items()],
        service,
        plan=plan,
        senders=Senders.of(address, service),
        sender=own_user(address),
    )


def listen(listener: Listener, stop: Stop) -> None:
    """Run ``listener`` until ``stop``; the process ends itself if the loop hangs."""

    def end() -> None:
        listener.should_stop = True

    stop.then(end)
    watch(lambda: listener.ticked_at)
    listener.run()
