"""The broker runs out of memory or disk: it accepts nothing, delivers what it has, and registration is unaffected."""

import pytest

from tests.support.arrivals import Arrivals
from tests.support.clients import rows
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack, assert_reconciled, settle
from tests.support.waiting import poll_until

ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "0.0001"), ("set_vm_memory_high_watermark", "0.6")),
    "disk": (("set_disk_free_limit", "900GB"), ("set_disk_free_limit", "50MB")),
}
"""What sets it off (the disk's within 11 s, the memory's at once), and what ends it."""

RATE = 10
HOLD_S = 60.0
"""How long people register while the alarm lasts."""
WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"


def in_alarm(node: RabbitNode) -> bool:
    """Whether the node reports it."""
    return node.ctl("eval", "rabbit_alarm:get_alarms().").strip() != "[]"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_stops_no_registration_and_no_consumer(rabbit_stack: Stack, own_rabbit: RabbitNode, alarm: str) -> None:
    """What the broker holds is consumed during the alarm; what is accepted during it waits in the outbox."""
    rabbit_stack.start()
    assert rabbit_stack.web is not None
    rabbit_stack.programs["events-consume"].kill()
    before = Arrivals(rabbit_stack.web.url, RATE, rabbit_stack.mail_folder)
    before.run(5.0)
    poll_until(lambda: rabbit_stack.sql("registration", WAITING) == [(0,)], 20, what="all of them are on the broker")
    begin, end = ALARMS[alarm]
    own_rabbit.ctl(*begin)
    poll_until(lambda: in_alarm(own_rabbit), 30, every_s=0.5, what="the alarm")
    rabbit_stack.programs["events-consume"].start_again()
    people = Arrivals(rabbit_stack.web.url, RATE, rabbit_stack.mail_folder)
    confirming = people.submit(HOLD_S, first=len(before.receipts))
    assert (len(people.receipts), people.refused, people.lost) == (RATE * HOLD_S, {}, [])
    poll_until(lambda: _roster(rabbit_stack) == len(before.receipts), 30, what="what the broker held is consumed")
    poll_until(lambda: rabbit_stack.sql("registration", WAITING) == [(len(people.receipts),)], 20, what="all decided")
    connections = own_rabbit.ctl("list_connections", "name").count("->")
    own_rabbit.ctl(*end)
    confirming.join()
    assert people.lost == []
    receipts = before.receipts + people.receipts
    settle(rabbit_stack, len(receipts))
    assert_reconciled(rabbit_stack, receipts)
    print(f"\n{alarm} alarm: {len(people.receipts)} accepted during it, 0 refused, {connections} connections")


def _roster(stack: Stack) -> int:
    return int(str(rows(stack.installation.urls["events"], "SELECT count(*) FROM roster")[0][0]))
