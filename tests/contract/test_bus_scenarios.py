"""How messages travel: the same scenarios on the embedded bus and on RabbitMQ, without and with its limits.

Where the two differ: RabbitMQ vouches for the sender of a message (``user_id``), the embedded bus has only its
database's word. How the reason of a message that killed its consumers is worded differs too (``test_bus_deaths``).
"""

import re
import threading
import time

import pytest

from shared.messaging import topology
from shared.messaging.contracts.schemas import Message
from shared.messaging.publisher import Outcome
from shared.messaging.topology import missing
from tests.contract.buses import QUEUE, Bus, Recorder, good, outgoing
from tests.support.waiting import allowed_s, poll_until

PREFETCH = 10


def test_topology_complete(bus: Bus) -> None:
    assert missing(bus.address) == []


def test_broker_that_is_too_old_is_named(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "OLDEST_BROKER", 99)
    found = [re.sub(r"RabbitMQ \d+\.[\d.]+ ", "RabbitMQ ", problem) for problem in missing(bus.address)]
    assert found == ([] if bus.address.embedded else ["RabbitMQ is too old, 99 is the oldest"])


def test_message_published_and_consumed_once(bus: Bus) -> None:
    [sent] = bus.store(good(1))
    assert bus.depth() == 1
    recorder = Recorder()
    with bus.listening(recorder):
        assert recorder.wait_done(1) == [sent]
    with bus.listening(recorder):
        poll_until(lambda: bus.depth() == 0, what="an empty queue")
    assert recorder.batches == [[sent]]


def test_message_reaches_the_handler_as_it_was_published(bus: Bus) -> None:
    got: list[Message] = []

    def keep(message: Message) -> str:
        got.append(message)
        return "done"

    message = outgoing()
    bus.store([message])
    with bus.listening(Recorder(keep)) as _listener:
        poll_until(lambda: got, what="the message")
    assert (got[0].id, got[0].type, got[0].source) == (message.message_id, message.type, message.source)
    assert got[0].data["kind"] == "confirmation"
    assert got[0].data["occurred_at"].tzinfo is not None


def test_unroutable_message_is_distinguished_from_its_neighbours(bus: Bus) -> None:
    fates = bus.publish([outgoing(), outgoing(key="nobody.consumes.v1"), outgoing()])
    assert fates == [Outcome.CONFIRMED, Outcome.UNROUTABLE, Outcome.CONFIRMED]
    assert bus.depth() == 2


def test_type_reaches_every_queue_that_consumes_it(bus: Bus) -> None:
    bus.store([outgoing(key="registration.confirmed.v1")])
    assert {queue: bus.depth(queue) for queue in ("events.rollup", "notifications.mail", QUEUE)} == {
        "events.rollup": 1,
        "notifications.mail": 1,
        QUEUE: 0,
    }


def test_one_consumer_sees_messages_in_order(bus: Bus) -> None:
    sent = bus.store(good(300))
    recorder = Recorder()
    with bus.listening(recorder):
        assert recorder.wait_done(300) == sent


def test_waiting_messages_come_in_batches_within_the_prefetch(bus: Bus) -> None:
    bus.store(good(100))
    recorder = Recorder()
    with bus.listening(recorder, prefetch=PREFETCH):
        recorder.wait_done(100)
    sizes = [len(batch) for batch in recorder.batches]
    assert sizes[0] == 1, "a consumer that has just started takes one message, until that one is settled"
    assert 1 < max(sizes) <= PREFETCH
    assert len(sizes) < 60


def test_prefetch_of_one_comes_one_by_one(bus: Bus) -> None:
    sent = bus.store(good(30))
    recorder = Recorder()
    with bus.listening(recorder, prefetch=1):
        recorder.wait_done(30)
    assert recorder.batches == [[each] for each in sent]


def test_two_consumers_share_the_queue(bus: Bus) -> None:
    sent = bus.store(good(200))
    first, second = Recorder(_slowly), Recorder(_slowly)
    with bus.listening(first), bus.listening(second):
        poll_until(lambda: len(first.done) + len(second.done) >= 200, 20.0, what="all messages done")
    assert first.done
    assert second.done
    assert sorted(first.done + second.done) == sorted(sent)


def test_messages_published_while_a_consumer_runs_arrive_soon(bus: Bus) -> None:
    recorder, idle = Recorder(), threading.Event()
    with bus.listening(recorder):
        assert not idle.wait(1.5)
        [sent] = bus.store(good(1))
        began = time.monotonic()
        assert recorder.wait_done(1) == [sent]
    assert time.monotonic() - began < allowed_s(2.0)


def test_unacknowledged_message_is_requeued_when_the_consumer_stops(bus: Bus) -> None:
    sent = bus.store(good(40))
    first, second = Recorder(_slowly), Recorder()
    with bus.listening(first):
        first.wait_done(5)
    with bus.listening(second):
        poll_until(lambda: set(first.done) | set(second.done) == set(sent), 20.0, what="all messages done")
    assert sorted(first.done + second.done) == sorted(sent)


def _slowly(_message: Message) -> str:
    time.sleep(0.005)
    return "done"
