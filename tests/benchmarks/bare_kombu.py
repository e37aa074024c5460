"""``python -m tests.benchmarks.bare_kombu URL QUEUE COUNT``: kombu and nothing else takes COUNT messages.

The reference for our consumers: it acknowledges each and does nothing with it. Prints
seconds from the first message to the last, and processor time, as JSON.
"""

import json
import sys
import time
from typing import Any

from kombu import Connection, Queue

from shared.messaging.consumer import PREFETCH


def main(url: str, queue: str, count: int) -> None:
    """Consume, acknowledge, print."""
    times: list[float] = []

    def take(message: Any) -> None:
        message.ack()
        times.append(time.perf_counter())

    began = time.process_time()
    with Connection(url) as connection:
        consumer = connection.Consumer(
            [Queue(queue, no_declare=True)], accept=["json"], prefetch_count=PREFETCH, on_message=take
        )
        with consumer:
            while len(times) < count:
                connection.drain_events(timeout=30)
    spent_s = time.process_time() - began
    print(json.dumps({"seconds": times[-1] - times[0], "cpu_s": spent_s}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
