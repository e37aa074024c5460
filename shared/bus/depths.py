"""How many messages wait in queues, by passive declarations, which take nothing and need no right."""

from collections.abc import Sequence

from shared.bus.address import BusAddress
from shared.bus.connection import open_connection
from shared.core.errors import Unavailable


def count_waiting(address: BusAddress, queues: Sequence[str]) -> dict[str, int]:
    """Messages that wait in each of ``queues``; those in a consumer's hands are not among them.

    Raises:
        Unavailable: the bus does not answer, or lacks one of the queues.
    """
    connection = open_connection(address, "troika-counting")
    try:
        with connection, connection.channel() as channel:
            return {name: int(channel.queue_declare(queue=name, passive=True).message_count) for name in queues}
    except (*connection.connection_errors, *connection.channel_errors) as error:
        raise Unavailable(f"the bus: {type(error).__name__}") from error
