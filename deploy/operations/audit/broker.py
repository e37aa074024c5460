"""Asks a broker how many messages wait in each queue, and which are parked. Takes and changes nothing."""

from collections.abc import Mapping, Sequence

from shared.messaging.broker import RETRY_TIERS, BusAddress, retry_queue
from shared.messaging.connection import open_connection
from shared.messaging.contracts.registry import QUEUES
from shared.messaging.dead_letters import NO_REASON, each_parked
from shared.runtime.errors import Unavailable

ParkedCopy = tuple[str, str, str]
"""Message id, queue, and reason of a parked message; the reason is empty if none was given."""


def ask_broker(broker_url: str) -> tuple[Mapping[str, int], Sequence[ParkedCopy]]:
    """Return how many messages wait in each queue, including those that wait to be retried, and the parked copies.

    Args:
        broker_url: the address with the audit's login, which reads parked queues and needs no right to count the
            others.

    Raises:
        Unavailable: the broker does not answer, or has not all of our queues.
    """
    address = BusAddress(broker_urls=(broker_url,))
    parked = [
        (message.message_id, queue, "" if message.reason == NO_REASON else message.reason)
        for queue in QUEUES
        for message in each_parked(address, queue)
    ]
    return _count_waiting(address, [*QUEUES, *map(retry_queue, RETRY_TIERS)]), parked


def _count_waiting(address: BusAddress, queues: Sequence[str]) -> dict[str, int]:
    """Count the messages that wait in each of ``queues``, by passive declarations, which need no right.

    Messages that a consumer holds are not counted.

    Raises:
        Unavailable: the bus does not answer, or lacks one of the queues.
    """
    connection = open_connection(address, "troika-counting")
    try:
        with connection, connection.channel() as channel:
            return {name: int(channel.queue_declare(queue=name, passive=True).message_count) for name in queues}
    except (*connection.connection_errors, *connection.channel_errors) as error:
        raise Unavailable(f"the bus: {type(error).__name__}") from error
