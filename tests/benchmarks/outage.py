"""P7: the broker goes down and comes back: what the intake notices, how soon everything is caught up, what is lost."""

import time
from concurrent.futures import ThreadPoolExecutor

from shared.messaging import topology
from tests.benchmarks.load import Result
from tests.benchmarks.servers import Entry, Servers
from tests.benchmarks.whole_system import Whole
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

PER_SECOND = 50
BEFORE_S = 20
AIM_RATIO, AIM_MORE_MS, AIM_DRAIN_S = 1.25, 5.0, 60.0

_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


def measure(servers: Servers) -> Entry:
    """P7."""
    node = RabbitNode(servers.run)
    node.start()
    try:
        with servers.whole("outage", node) as whole:
            whole.start()
            vhost = whole.broker_urls[0].rpartition("/")[2]
            node.wait_until_saved(vhost, [queue["name"] for queue in topology.definitions()["queues"]])
            return _measure(node, whole, servers.options.broker_off_s)
    finally:
        node.remove()


def _measure(node: RabbitNode, whole: Whole, off_s: int) -> Entry:
    whole.offer(PER_SECOND, 5)
    before = whole.offer(PER_SECOND, BEFORE_S)
    during = _during(node, whole, off_s)
    backlog = _count(whole, "registration", _WAITING)
    began = time.monotonic()
    node.start()
    up_s = time.monotonic() - began
    poll_until(lambda: _count(whole, "registration", _WAITING) == 0, 300, every_s=0.1, what="the backlog is drained")
    drained_s = time.monotonic() - began - up_s
    accepted = whole.offered - sum(before.others.values()) - sum(during.others.values())
    found = _reconciled(whole, accepted)
    ratio = round(during.percentile_ms(0.99) / before.percentile_ms(0.99), 2)
    more_ms = during.percentile_ms(0.99) - before.percentile_ms(0.99)
    met = (ratio <= AIM_RATIO or more_ms <= AIM_MORE_MS) and drained_s <= AIM_DRAIN_S
    entry = {
        "ratio": ratio,
        "aim": AIM_RATIO,
        "met": met and found["lost"] == found["doubled"] == 0,
        "p99_before_ms": round(before.percentile_ms(0.99), 1),
        "p99_during_ms": round(during.percentile_ms(0.99), 1),
        "refused": sum(during.others.values()),
        "off_s": off_s,
        "backlog": backlog,
        "broker_up_s": round(up_s, 1),
        "drained_s": round(drained_s, 1),
        "everybody_told_s": round(time.monotonic() - began, 1),
        **found,
    }
    print(f"  {entry}")
    return entry


def _during(node: RabbitNode, whole: Whole, off_s: int) -> Result:
    """The load runs in a thread: servers are started and stopped in the main thread."""
    with ThreadPoolExecutor(1) as pool:
        offering = pool.submit(whole.offer, PER_SECOND, off_s)
        node.stop()
        return offering.result()


def _reconciled(whole: Whole, accepted: int) -> Entry:
    """Everyone who was answered 202 is counted and mailed: how many are not, and how many more than once."""
    sent = "SELECT count(*) FROM mail WHERE state = 'sent'"
    poll_until(lambda: _count(whole, "notifications", sent) >= accepted, 300, every_s=0.5, what="everyone is notified")
    poll_until(lambda: len(whole.copies()) >= accepted, 10, what="the relay has written all down")
    rostered = _count(whole, "events", "SELECT count(*) FROM roster")
    copies = whole.copies()
    lost = max(accepted - rostered, accepted - len(copies))
    return {"accepted": accepted, "lost": lost, "doubled": sum(copies.values()) - len(copies)}


def _count(whole: Whole, service: str, statement: str) -> int:
    return int(str(whole.sql(service, statement)[0][0]))
