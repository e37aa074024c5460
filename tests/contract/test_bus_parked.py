"""Messages that cannot be handled, on every bus: retried, parked with a reason, never blocking others."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from shared.messaging import dead_letters
from shared.messaging.connection import open_connection
from shared.messaging.contracts.schemas import Message, encode
from shared.messaging.embedded import EmbeddedQueues
from shared.messaging.publisher import Outgoing
from shared.runtime.errors import Poison, Retry
from tests.contract.buses import DELAY_S, QUEUE, Bus, Recorder, embedded_bus, good, outgoing
from tests.contract.samples import sample_message
from tests.support.postgres import PostgresServer

SECRET = "what a handler's error may quote"

UNREADABLE: dict[str, tuple[Callable[[], Outgoing], str]] = {
    "broken body": (lambda: outgoing(body=b'{"specversion": "1.0", '), "body is not JSON"),
    "not a CloudEvent": (lambda: outgoing(body=b'{"hello": "world"}'), "body is not a CloudEvent 1.0"),
    "unknown type": (lambda: outgoing(change={"type": "org.troika.mail.pondered.v1"}), "unknown message type"),
    "wrong producer": (
        lambda: outgoing(change={"source": "/troika/events"}),
        "wrong producer for this message type",
    ),
    "schema break": (
        lambda: outgoing(change={"data": {"mail_id": "short", "revision": 0}}),
        "content breaks the schema: about, caused_at, kind, mail_id, occurred_at, revision, subject",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_message_parked_with_its_reason(limited_bus: Bus, case: str) -> None:
    make, reason = UNREADABLE[case]
    bus, bad, recorder = limited_bus, make(), Recorder()
    [fine, _] = bus.store([outgoing(), bad])
    with bus.listening(recorder):
        [found] = bus.wait_parked(1)
        recorder.wait_done(1)
    assert (found.queue, found.message_id, found.type, found.reason, found.attempt, found.body) == (
        QUEUE,
        bad.message_id,
        bad.type,
        reason,
        1,
        bad.body,
    )
    assert recorder.batches == [[fine]]


def test_body_of_a_type_that_the_sender_may_not_publish_is_parked(bus: Bus) -> None:
    """A login may publish its own keys alone, for any body. On the embedded bus only the sender is known
    (tests/contract/test_senders.py), and here all share one login."""
    forged = replace(outgoing(), body=encode(sample_message("proposal.accepted.v1")))
    recorder = Recorder()
    with bus.listening(recorder):
        [fine, _] = bus.store([outgoing(), forged])
        if bus.address.embedded:
            recorder.wait_done(2)
            return
        [found] = bus.wait_parked(1)
        assert recorder.wait_done(1) == [fine]
    assert (found.body, found.reason) == (forged.body, "published under the routing key of another type")


def test_poison_parked_with_the_handlers_reason(bus: Bus) -> None:
    [bad] = bus.store([outgoing()])
    with bus.listening(Recorder(lambda _message: Poison("of no known registration"))):
        [found] = bus.wait_parked(1)
    assert (found.message_id, found.reason, found.attempt) == (bad, "of no known registration", 1)
    assert bus.depth() == 0


def test_retry_comes_back_as_attempt_two_after_its_delay(bus: Bus) -> None:
    """The attempt is seen where an operator sees it: on the message, once it is parked."""
    seen_at: list[float] = []

    def judge(_message: Message) -> Exception:
        seen_at.append(time.monotonic())
        return Retry("not yet") if len(seen_at) == 1 else Poison("enough seen")

    bus.store([outgoing()])
    with bus.listening(Recorder(judge)):
        [found] = bus.wait_parked(1)
    assert (found.reason, found.attempt) == ("enough seen", 2)
    assert DELAY_S <= seen_at[1] - seen_at[0] < DELAY_S + 3.0


def test_retry_is_done_once_it_can_be(bus: Bus) -> None:
    tries: list[str] = []

    def judge(message: Message) -> str | Exception:
        tries.append(message.id)
        return "done" if len(tries) == 4 else Retry("not yet")

    [sent] = bus.store([outgoing()])
    recorder = Recorder(judge)
    with bus.listening(recorder):
        assert recorder.wait_done(1) == [sent]
    assert tries == [sent] * 4
    assert bus.parked() == []


def test_handlers_bug_parked_after_its_tries_without_its_text(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(lambda _message: ValueError(SECRET))
    [sent] = bus.store([outgoing()])
    with bus.listening(recorder):
        [found] = bus.wait_parked(1)
    assert recorder.batches == [[sent]] * 3
    assert (found.reason, found.attempt) == ("out of tries: handler failed: ValueError", 3)
    assert [record.message for record in caplog.records if record.name == "shared.messaging.acknowledger"] == [
        "message retried",
        "message retried",
        "message parked",
    ]
    assert SECRET not in str([record.__dict__ for record in caplog.records])


def test_parked_messages_listed_shown_replayed_and_dropped(bus: Bus) -> None:
    first, second, third = bus.store(good(3))
    with bus.listening(Recorder(lambda message: Poison(f"number {[first, second, third].index(message.id)}"))):
        bus.wait_parked(3)
    assert [(found.message_id, found.reason) for found in bus.parked()] == [
        (first, "number 0"),
        (second, "number 1"),
        (third, "number 2"),
    ]
    assert json.loads(bus.parked()[0].readable_body())["id"] == first

    assert dead_letters.replay(bus.address, QUEUE, lambda found: found.message_id == second) == 1
    recorder = Recorder()
    with bus.listening(recorder):
        assert recorder.wait_done(1) == [second]
    assert [found.message_id for found in bus.parked()] == [first, third]

    assert dead_letters.drop(bus.address, QUEUE, lambda found: found.message_id == first) == 1
    assert [found.message_id for found in bus.parked()] == [third]
    assert bus.depth() == 0


def test_replayed_message_begins_at_attempt_one(bus: Bus) -> None:
    bus.store([outgoing()])
    with bus.listening(Recorder(lambda _message: ValueError())):
        assert bus.wait_parked(1)[0].attempt == 3
    dead_letters.replay(bus.address, QUEUE, lambda _found: True)
    with bus.listening(Recorder(lambda _message: Poison("again"))):
        [found] = bus.wait_parked(1)
    assert (found.reason, found.attempt) == ("again", 1)


def test_three_bad_among_a_thousand_delay_no_one(bus: Bus) -> None:
    """While one waits in a retry tier hundreds of good ones are consumed, before its second attempt."""
    messages = good(1000)
    thrower = messages[50].message_id
    order: list[str] = []

    def judge(message: Message) -> str | Exception:
        order.append(message.id)
        if message.id == thrower:
            return ValueError(SECRET)
        return "done"

    messages[30:30] = [outgoing(body=b"{")]
    messages[700:700] = [outgoing(change={"type": "org.troika.mail.pondered.v1"})]
    bus.store(messages)
    recorder = Recorder(judge)
    with bus.listening(recorder):
        recorder.wait_done(999, within_s=60.0)
        found = bus.wait_parked(3)
    assert len(set(recorder.done)) == len(recorder.done) == 999
    attempts = [place for place, identity in enumerate(order) if identity == thrower]
    assert len(attempts) == 3
    assert attempts[1] - attempts[0] > 100
    assert sorted(each.reason for each in found) == [
        "body is not JSON",
        "out of tries: handler failed: ValueError",
        "unknown message type",
    ]


def test_session_that_ends_gives_back_what_it_held(postgres: PostgresServer) -> None:
    """At once, and not only when a sweep finds its lock gone: who lists and then replays finds the message."""
    bus = embedded_bus(postgres)
    bus.store([outgoing(), outgoing()])
    with open_connection(bus.address, "first") as connection, connection.channel() as channel:
        channel.basic_qos(0, 10, False)
        assert channel.basic_get(QUEUE, no_ack=False) is not None
    with closing(EmbeddedQueues(bus.address.database_url)) as queues:
        assert [message.claims for message in queues.claim(QUEUE, 10)] == [2, 1]
