"""The database is down while thousands of messages wait: no redelivery is counted, nothing is parked."""

import time

import pytest

from shared.messaging.broker import BusAddress
from shared.messaging.dead_letters import list_parked
from tests.chaos.broker.harness import make_harness
from tests.chaos.broker.publisher import QUEUE
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode

PER_SECOND = 400
AWAY_S = 120.0


@pytest.mark.timeout(600)
def test_database_away_with_thousands_waiting(
    rabbit: RabbitNode, own_postgres: PostgresServer, processes: ProcessGroup
) -> None:
    """Longer than the deliveries that a message is granted would last, one a second."""
    harness = make_harness((rabbit.fresh_vhost(),), rabbit, own_postgres, processes)
    harness.start_consumer()
    with harness.load(PER_SECOND) as load:
        own_postgres.stop()
        time.sleep(AWAY_S)  # while messages keep arriving
        own_postgres.start()
    parked = list_parked(BusAddress(broker_urls=harness.urls), QUEUE)
    harness.assert_nothing_lost_or_doubled(load, f"database away for {AWAY_S:.0f} s, {len(parked)} parked")
    assert list_parked(BusAddress(broker_urls=harness.urls), QUEUE) == []
