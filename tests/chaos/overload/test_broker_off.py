"""The broker is down for long while many register: the intake does not notice, and everything is caught up later."""

import time

import pytest

from tests.chaos.overload.requests import proven
from tests.chaos.overload.throttled_service import receipts_of, report
from tests.support.open_loop import fire, percentile_s
from tests.support.rabbitmq import RabbitNode
from tests.support.schedules import steady
from tests.support.stack import Stack, assert_reconciled, settle
from tests.support.waiting import poll_until

PEOPLE_PER_S = 50
BEFORE_S, OFF_S = 30.0, 600.0
_UNDECIDED = "SELECT count(*)::int FROM submission WHERE state <> 'decided'"
_UNPUBLISHED = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL"


@pytest.mark.timeout(3600)
def test_broker_off_while_many_register(rabbit_stack: Stack, own_rabbit: RabbitNode) -> None:
    """No one is refused during the outage; the outbox is empty within a minute; nothing is lost or doubled."""
    rabbit_stack.settings["TROIKA_UNVERIFIED_A_DAY"] = "1000000"
    rabbit_stack.start()
    assert rabbit_stack.web is not None
    person = proven(rabbit_stack.installation)
    before = fire(rabbit_stack.web.url, steady(PEOPLE_PER_S, BEFORE_S), person)
    poll_until(lambda: _undecided(rabbit_stack) + _waiting(rabbit_stack) == 0, 60, what="all is decided and published")
    own_rabbit.stop()
    during = fire(rabbit_stack.web.url, steady(PEOPLE_PER_S, OFF_S), person, first=len(before.shots))
    poll_until(lambda: _undecided(rabbit_stack) == 0, 60, what="all submissions are decided")
    backlog = _waiting(rabbit_stack)
    own_rabbit.start()
    back_at = time.monotonic()
    poll_until(lambda: _waiting(rabbit_stack) == 0, 120, every_s=0.2, what="the outbox is drained")
    print(f"{backlog} messages drained in {time.monotonic() - back_at:.1f} s after the broker was back")
    for name, load in (("before", before), ("broker off", during)):
        print(report(name, load), f"p99 {percentile_s([shot.latency_s for shot in load.shots], 0.99) * 1000:.0f} ms")
        assert load.statuses() == {202: len(load.shots)}
    assert backlog == len(during.shots)
    receipts = [*receipts_of(before), *receipts_of(during)]
    settle(rabbit_stack, len(receipts), within_s=2400, mails_each=1)
    assert_reconciled(rabbit_stack, receipts, confirmed_by_mail=False)


def _undecided(stack: Stack) -> int:
    return int(str(stack.sql("registration", _UNDECIDED)[0][0]))


def _waiting(stack: Stack) -> int:
    return int(str(stack.sql("registration", _UNPUBLISHED)[0][0]))
