"""A broker that lacks queues of this version: relay and consumers wait, and readiness gives the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from shared.cli.workers import TopologyCheck
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.runtime.runner import Stop
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until


def test_process_waits_for_missing_queues_and_reports_it(rabbit: RabbitNode) -> None:
    address = BusAddress(broker_urls=(rabbit.fresh_vhost(),))
    check = TopologyCheck(address)
    with waiting(check) as thread:
        poll_until(lambda: check.problem().startswith("topology: the broker lacks troika."), what="it reports why")
        topology.declare(address)
        thread.join(20)
        assert not thread.is_alive()
    assert check.problem() == ""


def test_broker_that_is_away_holds_no_process_back() -> None:
    check = TopologyCheck(BusAddress(broker_urls=(f"amqp://nobody:none@127.0.0.1:{free_port()}/troika",)))
    with waiting(check) as thread:
        thread.join(20)
        assert not thread.is_alive()
    assert check.problem() == ""


@contextmanager
def waiting(check: TopologyCheck) -> Iterator[Thread]:
    """The start of a process, in a thread."""
    stop = Stop()
    thread = Thread(target=check.wait, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.now()
        thread.join()
