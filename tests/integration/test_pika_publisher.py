"""The publisher with a real node that stops, crashes, freezes and comes back."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.messaging.publisher import Outcome, Outgoing, PikaPublisher
from tests.contract.buses import Bus
from tests.support.rabbitmq import RabbitNode
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

STOPS: dict[str, tuple[Callable[[RabbitNode], None], Callable[[RabbitNode], None]]] = {
    "stopped": (RabbitNode.stop, RabbitNode.start),
    "killed": (RabbitNode.kill, RabbitNode.start),
    "frozen": (RabbitNode.suspend, RabbitNode.resume),
}


def message() -> Outgoing:
    """A message that one queue is bound for."""
    identity = str(uuid.uuid4())
    return Outgoing(identity, "org.troika.mail.sent.v1", "mail.sent.v1", "/troika/notifications", b"{}")


@pytest.fixture(scope="module")
def node(run_folder: RunFolder) -> Iterator[RabbitNode]:
    """One for all tests of this module: each leaves it as it was, and takes a fresh vhost."""
    node = RabbitNode(run_folder)
    node.start()
    yield node
    node.remove()


def test_blocked_publisher_keeps_its_connection_and_offers_nothing(node: RabbitNode) -> None:
    """One batch is on its way when the alarm comes; until it ends no other follows, and nothing comes twice for it."""
    bus = Bus(BusAddress(broker_urls=(node.fresh_vhost(),)))
    topology.declare(bus.address)
    publisher = PikaPublisher(bus.address, "notifications")
    try:
        fates = [publisher.publish([message()], 10)]
        connections = node.ctl("list_connections", "name")
        node.ctl("set_vm_memory_high_watermark", "0.0001")
        while fates[-1] == [Outcome.CONFIRMED]:
            fates.append(publisher.publish([message()], 2))
        assert [publisher.publish([message()] * 200, 2) for _ in range(5)] == [[Outcome.UNKNOWN] * 200] * 5
        assert node.ctl("list_connections", "name") == connections
        node.ctl("set_vm_memory_high_watermark", "0.6")
        poll_until(lambda: publisher.publish([message()], 2) == [Outcome.CONFIRMED], 20, what="confirmed again")
        assert bus.depth() == len(fates) + 1
    finally:
        publisher.close()


@pytest.mark.parametrize("way", STOPS)
def test_publisher_back_after_the_broker(node: RabbitNode, way: str) -> None:
    """While it is down nothing is reported as confirmed; when it is back, publishing works again by itself."""
    stop, start = STOPS[way]
    address = BusAddress(broker_urls=(node.fresh_vhost(),))
    topology.declare(address)
    publisher = PikaPublisher(address, "notifications")
    try:
        assert publisher.publish([message()], 10) == [Outcome.CONFIRMED]
        stop(node)
        assert [publisher.publish([message()], 1) for _ in range(3)] == [[Outcome.UNKNOWN]] * 3
        start(node)
        poll_until(lambda: publisher.publish([message()], 1) == [Outcome.CONFIRMED], 30, what="confirmed again")
        assert publisher.publish([message() for _ in range(200)], 10) == [Outcome.CONFIRMED] * 200
    finally:
        publisher.close()
