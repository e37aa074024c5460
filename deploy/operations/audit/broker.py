"""Asks a broker how many messages wait in each queue, and which are parked. Takes and changes nothing."""

from collections.abc import Mapping, Sequence

from shared.bus.address import BusAddress
from shared.bus.depths import count_waiting
from shared.bus.names import RETRY_TIERS, retry_queue
from shared.bus.parked import NO_REASON, each_parked
from shared.contracts.registry import QUEUES

Letter = tuple[str, str, str]
"""Message id, queue, and reason of a parked message; the reason is empty if nobody has given one."""


def ask_broker(broker_url: str) -> tuple[Mapping[str, int], Sequence[Letter]]:
    """How many messages wait in each queue, those on their way back to be retried included; and what is parked.

    Args:
        broker_url: of the audit's login, which reads parked queues and needs no right to count the others.

    Raises:
        Unavailable: the broker does not answer, or has not all of our queues.
    """
    address = BusAddress(broker_urls=(broker_url,))
    parked = [
        (each.message_id, queue, "" if each.reason == NO_REASON else each.reason)
        for queue in QUEUES
        for each in each_parked(address, queue)
    ]
    return count_waiting(address, [*QUEUES, *map(retry_queue, RETRY_TIERS)]), parked
