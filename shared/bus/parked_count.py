"""How many messages wait for an operator, for Prometheus."""

import time
from collections.abc import Iterable
from typing import Any

from shared.bus.names import parked
from shared.core.metrics import queue_parked_messages

EVERY_S = 10.0


class ParkedCount:
    """Counts what is parked for ``queues``."""

    def __init__(self, queues: Iterable[str]) -> None:
        self._queues = tuple(queues)
        self._counted_at = float("-inf")

    def turn(self, channel: Any) -> None:
        """Every few seconds: count, by a passive declaration, which tells it cheaply."""
        if time.monotonic() - self._counted_at < EVERY_S:
            return
        self._counted_at = time.monotonic()
        for queue in self._queues:
            found = channel.queue_declare(queue=parked(queue), passive=True)
            queue_parked_messages.labels(queue).set(found.message_count)
