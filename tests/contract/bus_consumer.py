"""``python -m tests.contract.bus_consumer``: a consumer in a separate process, so that it can be killed.

Environment: ``DATABASE_URL`` or ``BROKER_URL`` of the bus; ``DIES_OF``, the id of a message that ends the process at
once; ``HOLDS_AFTER``, the number of batches after which it keeps its unacknowledged messages and does nothing more. It
writes one JSON line for each batch before it acknowledges it.
"""

import json
import os
import time
from collections.abc import Sequence

from shared.messaging.broker import BusAddress
from shared.messaging.connection import open_connection
from shared.messaging.consumer import QueueConsumer, Subscription
from shared.messaging.contracts.schemas import Message
from tests.contract.buses import QUEUE


class Handler:
    """See :data:`shared.messaging.consumer.Handler`."""

    def __init__(self) -> None:
        self._killed_by = os.environ.get("DIES_OF", "")
        self._left = int(os.environ.get("HOLDS_AFTER", "-1"))

    def __call__(self, messages: Sequence[Message]) -> list[str]:
        """All done, unless this is the batch to die of or to hold."""
        ids = [message.id for message in messages]
        if self._killed_by in ids:
            os._exit(1)
        holds = self._left == 0
        self._left -= 1
        print(json.dumps({"holds" if holds else "done": ids}), flush=True)
        while holds:
            time.sleep(1.0)
        return ["done"] * len(ids)


def main() -> None:
    """Consume until killed."""
    broker = os.environ.get("BROKER_URL", "")
    address = BusAddress(broker_urls=(broker,)) if broker else BusAddress(database_url=os.environ["DATABASE_URL"])
    QueueConsumer(open_connection(address, "to be killed"), [Subscription(QUEUE, Handler())], "events").run()


if __name__ == "__main__":
    main()
