"""The broker cannot store or route a message: it stays in the outbox with the reason, and arrives after the repair."""

import json
from functools import partial
from pathlib import Path

import pika
import pytest

from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.broker import DELIVERY_LIMIT, FACTS
from shared.messaging.contracts.registry import BY_KEY
from tests.chaos.broker.harness import BrokerHarness, make_harness
from tests.chaos.broker.publisher import KEY, QUEUE
from tests.contract.buses import definitions_in
from tests.contract.samples import sample_message
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

COUNT, ROOM = 10_000, 100
FULL = {
    "max-length": ROOM,
    "overflow": "reject-publish",
    "delivery-limit": DELIVERY_LIMIT,
    "dead-letter-strategy": "at-least-once",
}
SMALL_QUEUE = ("--apply-to", "quorum_queues", "--priority", "90")
LEFT = "SELECT refused_reason, count(*)::int FROM outbox WHERE published_at IS NULL GROUP BY 1 ORDER BY 1"


@pytest.fixture
def harness(rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup) -> BrokerHarness:
    """The shared node, in a vhost with all limits; no consumer yet."""
    return make_harness((rabbit.fresh_vhost(),), rabbit, postgres, processes)


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Whose notifications service has something to publish."""
    return make_installation(postgres, tmp_path)


def fill_outbox(installation: TestInstallation, count: int) -> set[str]:
    """Store ``count`` messages; their ids."""
    engine = open_engine(installation.urls["notifications"])
    messages = [sample_message(KEY) for _ in range(count)]
    with UnitOfWork(engine, "notifications").transaction() as connection:
        outbox.add(connection, messages)
    engine.dispose()
    return {message.id for message in messages}


def start_relay(harness: BrokerHarness, installation: TestInstallation) -> None:
    """The notifications service's relay."""
    environment = installation.environment("notifications", "relay") | {"TROIKA_BROKER_URL": harness.urls[0]}
    harness.processes.start("relay", "services.notifications relay", env=environment)


def left(installation: TestInstallation) -> list[tuple[object, ...]]:
    """(reason, number) of what the outbox still holds."""
    return rows(installation.urls["notifications"], LEFT)


def assert_all_arrive(harness: BrokerHarness, installation: TestInstallation, ids: set[str]) -> None:
    """The outbox empties, and every message has one effect."""
    poll_until(lambda: left(installation) == [], 300, every_s=0.2, what="the outbox is empty")
    poll_until(lambda: harness.effects() >= len(ids), 60, every_s=0.2, what="all effects")
    found = [row[0] for row in rows(harness.database, "SELECT message_id::text FROM effect")]
    assert sorted(found) == sorted(ids)


@pytest.mark.timeout(600)
def test_full_queue_leaves_the_rest_in_the_outbox(
    harness: BrokerHarness, installation: TestInstallation, rabbit: RabbitNode
) -> None:
    """The broker takes what it has room for (a quorum queue a little more); all others give the reason to wait."""
    rabbit.ctl("set_policy", "-p", harness.vhost, "small", f"^{QUEUE}$", json.dumps(FULL), *SMALL_QUEUE)
    ids = fill_outbox(installation, COUNT)
    start_relay(harness, installation)
    reason = "the broker refused it (a queue is full or down)"
    poll_until(lambda: [row[0] for row in left(installation)] == [reason], 240, every_s=0.5, what="all others refused")
    (waiting,) = [int(str(row[1])) for row in left(installation)]
    print(f"\nfull queue: room for {ROOM}, {COUNT - waiting} taken, {waiting} refused and kept")
    assert ROOM <= COUNT - waiting < COUNT / 2
    harness.start_consumer()
    assert_all_arrive(harness, installation, ids)


@pytest.mark.timeout(200)
def test_missing_binding_keeps_messages_with_the_reason(
    harness: BrokerHarness, installation: TestInstallation, rabbit: RabbitNode
) -> None:
    """No message without a queue is reported as published; after the repair everything arrives, nothing is blocked."""
    with pika.BlockingConnection(pika.URLParameters(harness.urls[0])) as connection:
        for queue in BY_KEY[KEY].consumers:
            connection.channel().queue_unbind(queue, FACTS, KEY)
    ids = fill_outbox(installation, 300)
    start_relay(harness, installation)
    harness.start_consumer()
    wanted = [("no queue is bound for this type", len(ids))]
    poll_until(partial(_equals, wanted, installation), 30, every_s=0.2, what="all report that no queue is bound")
    assert harness.effects() == 0
    rabbit.import_definitions(definitions_in(harness.vhost))
    assert_all_arrive(harness, installation, ids)


def _equals(wanted: list[tuple[str, int]], installation: TestInstallation) -> bool:
    return left(installation) == wanted
