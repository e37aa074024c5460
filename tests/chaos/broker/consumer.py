"""``python -m tests.chaos.broker.consumer``: a consumer as our services are, whose effect is one row per message.

The table has no rule against doubles: only the inbox keeps them out. Environment: ``TROIKA_BROKER_URL``,
``EFFECTS_DATABASE_URL``.
"""

import os
import sys

from sqlalchemy import Connection, text

from shared.cli.workers import make_queue_consumer, run_consumer
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.broker import BusAddress
from shared.messaging.contracts.schemas import Message
from shared.runtime.deployment import ProbeAddress
from shared.runtime.logs import configure_logs
from shared.runtime.runner import Stop, run
from tests.chaos.broker.publisher import QUEUE

TABLE = "CREATE TABLE effect (message_id uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())"
_EFFECT = text("INSERT INTO effect (message_id) VALUES (:id)")


def _apply(connection: Connection, message: Message) -> None:
    connection.execute(_EFFECT, {"id": message.id})


def main() -> int:
    """Consume until asked to stop."""
    configure_logs("events", "consume")
    address = BusAddress(broker_urls=tuple(os.environ["TROIKA_BROKER_URL"].split(",")))
    engine = open_engine(os.environ["EFFECTS_DATABASE_URL"], application="effects")
    work = UnitOfWork(engine, "events")

    def consume(stop: Stop) -> None:
        run_consumer(make_queue_consumer(address, work, "events", {QUEUE: _apply}), stop)

    code = run({"consume": consume}, probes=ProbeAddress(), ready=lambda: ())
    engine.dispose()
    return code


if __name__ == "__main__":
    sys.exit(main())
