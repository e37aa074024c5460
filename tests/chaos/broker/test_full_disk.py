"""The broker's disk is full to its last byte: its queues end, are seen to be down, and come back with the node."""

import threading
from collections.abc import Iterator

import pytest
import requests

from shared.messaging.broker import BusAddress
from shared.messaging.dead_letters import count_parked
from shared.messaging.publisher import Outcome, Outgoing
from tests.contract.buses import QUEUE, Bus, definitions_in, outgoing
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder
from tests.support.small_disk import SmallDisk
from tests.support.waiting import poll_until

DISK_BYTES = 400 * 1024 * 1024
PADDING = "x" * 20_000
"""Of each message: without it the broker notices the full disk, and blocks publishers, before a write fails."""


@pytest.fixture
def disk(run_folder: RunFolder, own_rabbit: RabbitNode) -> Iterator[SmallDisk]:
    """The node's own, which is soon full."""
    own_rabbit.stop()
    disk = SmallDisk(run_folder, own_rabbit.data_folder, DISK_BYTES)
    disk.copy_in(own_rabbit.data_folder)
    own_rabbit.inside = disk.words
    own_rabbit.start()
    yield disk
    own_rabbit.stop()
    disk.remove()


def batch() -> list[Outgoing]:
    """Some large messages."""
    return [outgoing(change={"padding": PADDING}) for _ in range(20)]


def states(node: RabbitNode, vhost: str) -> set[str]:
    """Of all queues, as an operator sees them."""
    listed = node.ctl("list_queues", "-p", vhost, "--no-table-headers", "state").splitlines()
    assert len(listed) > 10
    return set(listed)


def is_reported(node: RabbitNode, vhost: str) -> bool:
    """Whether the queue has the series in which TroikaQueueDown looks for it."""
    families = {"vhost": vhost, "family": "ra_metrics"}
    found = requests.get(f"{node.metrics_url}/detailed", families, timeout=10).text
    return f'rabbitmq_detailed_raft_log_commit_index{{vhost="{vhost}",queue="{QUEUE}"}}' in found


@pytest.mark.timeout(200)
def test_queues_that_a_full_disk_has_ended_stay_down_until_the_node_is_restarted(
    own_rabbit: RabbitNode, disk: SmallDisk
) -> None:
    """Nothing that was confirmed is lost. The runbook TroikaQueueDown and its alert depend on what is asserted here."""
    url = own_rabbit.fresh_vhost()
    vhost = url.rpartition("/")[2]
    own_rabbit.import_definitions(definitions_in(vhost))
    bus, confirmed, over = Bus(BusAddress(broker_urls=(url,))), [0], threading.Event()

    def publish() -> None:
        while not over.is_set():
            confirmed[0] += bus.publish(batch()).count(Outcome.CONFIRMED)

    publishing = threading.Thread(target=publish)
    publishing.start()
    poll_until(lambda: confirmed[0] > 0, 20, what="messages are confirmed")
    poll_until(lambda: is_reported(own_rabbit, vhost), 20, what="the queue is reported")
    disk.fill()
    poll_until(lambda: states(own_rabbit, vhost) == {"down"}, 40, every_s=1.0, what="all queues are down")
    disk.make_room()
    over.set()
    publishing.join()
    poll_until(lambda: own_rabbit.ctl("eval", "rabbit_alarm:get_alarms().").strip() == "[]", 40, what="no alarm")
    poll_until(
        lambda: not is_reported(own_rabbit, vhost), 90, every_s=1.0, what="the series ends, for which alerts look"
    )
    assert states(own_rabbit, vhost) == {"down"}, "space does not heal them"
    assert set(bus.publish(batch())) == {Outcome.REFUSED}
    own_rabbit.ctl("stop_app")
    own_rabbit.ctl("start_app")
    poll_until(lambda: states(own_rabbit, vhost) == {"running"}, 40, every_s=1.0, what="all queues run again")
    assert set(bus.publish(batch())) == {Outcome.CONFIRMED}
    assert bus.depth() >= confirmed[0] + len(batch())
    assert count_parked(bus.address, QUEUE) == 0
    print(f"\nfull disk: all queues down until the node was restarted; {confirmed[0]} confirmed before it, 0 lost")
