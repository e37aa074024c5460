"""The database is down while thousands of messages wait: no redelivery is counted, nothing is parked."""

import time

import pytest

from shared.messaging.broker import BusAddress
from shared.messaging.dead_letters import list_parked
from tests.chaos.broker.offering import QUEUE
from tests.chaos.broker.stage import make_stage
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
    stage = make_stage((rabbit.fresh_vhost(),), rabbit, own_postgres, processes)
    stage.start_consumer()
    with stage.offering(PER_SECOND) as offering:
        own_postgres.stop()
        time.sleep(AWAY_S)  # while messages go on coming
        own_postgres.start()
    parked = list_parked(BusAddress(broker_urls=stage.urls), QUEUE)
    stage.assert_nothing_lost_or_doubled(offering, f"database away for {AWAY_S:.0f} s, {len(parked)} parked")
    assert list_parked(BusAddress(broker_urls=stage.urls), QUEUE) == []
