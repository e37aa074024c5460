"""Services stop and come back: everyone who was answered 202 is counted and mailed exactly once."""

import time

import pytest

from tests.support.arrivals import CONFIRM_WITHIN_S, Arrivals
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import Stack, assert_reconciled, settle

RATE = 10
KILLS_EVERY_S = 5.0
WHILE_S = 60.0
"""How long people come."""


@pytest.mark.timeout(400)
def test_broker_is_off(rabbit_stack: Stack, own_rabbit: RabbitNode) -> None:
    """The intake does not notice: not one submission is refused while the broker is down."""
    rabbit_stack.start()
    assert rabbit_stack.web is not None
    time.sleep(1.0)  # a quorum queue is safe shortly after it was declared
    own_rabbit.stop()
    confirm_within_s = CONFIRM_WITHIN_S + WHILE_S  # the first mails are held up for as long as the broker is down
    people = Arrivals(rabbit_stack.web.url, RATE, rabbit_stack.mail_folder, confirm_within_s)
    confirming = people.submit(WHILE_S)
    assert (len(people.receipts), people.refused, people.lost) == (RATE * WHILE_S, {}, [])
    assert rabbit_stack.copies() == {}
    own_rabbit.start()
    confirming.join()
    assert people.lost == []
    settle(rabbit_stack, len(people.receipts))
    assert_reconciled(rabbit_stack, people.receipts)


@pytest.mark.timeout(300)
def test_consumers_killed_every_five_seconds(stack: Stack) -> None:
    """``kill -9`` of both consumers, again and again."""
    stack.start()
    assert stack.web is not None
    people = Arrivals(stack.web.url, RATE, stack.mail_folder)
    arriving = people.during(WHILE_S)
    for _ in range(int(WHILE_S / KILLS_EVERY_S)):
        time.sleep(KILLS_EVERY_S)  # between two kills
        stack.kill("notifications-consume")
        stack.kill("events-consume")
    arriving.join()
    assert (len(people.receipts), people.refused, people.lost) == (RATE * WHILE_S, {}, [])
    settle(stack, len(people.receipts))
    assert_reconciled(stack, people.receipts)


@pytest.mark.timeout(200)
def test_mail_relay_down_and_back(embedded_stack: Stack) -> None:
    """Nothing is mailed while it is down, everything once after it is back."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    embedded_stack.programs["sink"].kill()
    people = Arrivals(embedded_stack.web.url, RATE, embedded_stack.mail_folder)
    confirming = people.submit(5.0)
    assert embedded_stack.sql("notifications", "SELECT count(*) FROM mail WHERE state = 'sent'") == [(0,)]
    embedded_stack.start_sink()
    embedded_stack.sql("notifications", "UPDATE mail SET due_at = now() WHERE state = 'deferred'")
    confirming.join()
    assert people.lost == []
    settle(embedded_stack, len(people.receipts))
    assert_reconciled(embedded_stack, people.receipts)
