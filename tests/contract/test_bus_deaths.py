"""A consumer crashes, waits or halts, on every bus: nothing is lost and no other message suffers.

Where the two buses differ: how the reason of a message that killed its consumers is worded (RabbitMQ itself parks it:
``delivery limit``; the embedded bus: ``delivery limit reached``), and that RabbitMQ without the policies gives up only
after its own default of 20. RabbitMQ loses a queue that was declared less than a second before ``kill -9`` of the
*node*; here only consumers are killed.
"""

import time
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from shared.messaging import consumer
from shared.messaging.broker import DELIVERY_LIMIT, parked
from shared.messaging.contracts.schemas import Message
from shared.messaging.halts import POISONED_IN_A_ROW, MemoryHalts
from shared.runtime.errors import Poison, Unavailable
from tests.contract.buses import OTHER_QUEUE, QUEUE, Bus, Recorder, good, outgoing, registered
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until

PARKED_REASONS = {"delivery limit", "delivery limit reached"}


def test_consumer_killed_with_unacknowledged_messages_loses_nothing(bus: Bus, processes: ProcessGroup) -> None:
    sent = bus.store(good(30))
    victim = processes.start("victim", ["tests.contract.bus_consumer"], env=_place(bus) | {"HOLDS_AFTER": "1"})
    held = poll_until(lambda: _reported(victim, "holds"), 20.0, what="unacknowledged messages")
    victim.kill()
    settled = _reported(victim, "done")
    assert len(held) > 1
    assert not set(held) & set(settled)

    recorder = Recorder()
    with bus.listening(recorder):
        poll_until(lambda: set(settled) | set(recorder.done) == set(sent), 20.0, what="everything done")
        poll_until(lambda: bus.depth() == 0, what="an empty queue")
    again = sorted(settled + recorder.done)
    assert again == sorted(sent)
    assert bus.parked() == []
    assert [batch for batch in recorder.batches if set(batch) & set(held) and len(batch) > 1] == []


def test_message_that_kills_its_consumer_is_parked_alone(limited_bus: Bus, processes: ProcessGroup) -> None:
    bus, messages = limited_bus, good(20)
    killer = messages[10].message_id
    bus.store(messages)
    program = processes.start("victim", ["tests.contract.bus_consumer"], env=_place(bus) | {"DIES_OF": killer})
    deaths: list[int] = []

    def revive() -> bool:
        if not program.running:
            deaths.append(program.pid)
            program.start_again()
        return bool(bus.parked()) and program.running

    poll_until(revive, 90.0, every_s=0.2, what="the killer parked and the consumer alive")
    innocent = {message.message_id for message in messages} - {killer}
    poll_until(lambda: set(_reported(program, "done")) == innocent, 20.0, what="the neighbours done")
    poll_until(lambda: bus.depth() == 0, 20.0, what="the last ones settled, which is after they are done")
    program.kill()
    [found] = bus.parked()
    assert (found.message_id, found.body) == (killer, messages[10].body)
    assert found.reason in PARKED_REASONS
    assert len(deaths) == DELIVERY_LIMIT + 1
    assert bus.depth() == 0


def test_outage_uses_up_no_redeliveries(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """More refusals than the delivery limit allows deaths; the pause between two of them is made short."""
    monkeypatch.setattr(consumer, "OUTAGE_PROBE_S", 0.02)
    refusals = iter(range(3 * DELIVERY_LIMIT))
    recorder = Recorder()

    def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
        if next(refusals, None) is not None:
            raise Unavailable("database unavailable")
        return recorder(messages)

    sent = bus.store(good(20))
    with bus.listening(handle):
        recorder.wait_done(20)
    assert sorted(recorder.done) == sorted(sent)
    assert next(refusals, None) is None
    assert [len(batch) for batch in recorder.batches[:2]] == [1, 1], "it comes out of an outage as it begins: carefully"
    assert bus.parked() == []
    assert bus.depth() == 0


def test_message_that_arrives_while_consumers_restart_is_consumed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two comes with the answers of the broker to the restart; nothing more comes that would wake it."""
    monkeypatch.setattr(consumer, "OUTAGE_PROBE_S", 0.02)
    refusals = iter(range(3))
    recorder = Recorder()

    def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
        if next(refusals, None) is not None:
            raise Unavailable("database unavailable")
        listening.should_stop = len(recorder.done) == 1
        return recorder(messages)

    sent = bus.store(good(2))
    with bus.listening(handle, stop_checked_every_s=60.0) as listening:
        assert recorder.wait_done(2) == sent


@pytest.mark.parametrize(("prefetch", "good_unacknowledged"), [(1, 0), (consumer.PREFETCH, 5)])
def test_queue_halts_when_ten_in_a_row_are_poison(bus: Bus, prefetch: int, good_unacknowledged: int) -> None:
    """However many are unacknowledged: ten are parked, what has had its effect is done, the others go back."""
    broken = [outgoing(body=b"{") for _ in range(15)]
    bus.store([*broken, *good(5)])
    recorder, halts = Recorder(), MemoryHalts()
    with bus.listening(recorder, prefetch=prefetch, halts=halts) as listening:
        poll_until(lambda: listening.halted == {QUEUE}, 20.0, what="the halt")
        poll_until(lambda: bus.depth() == 10 - good_unacknowledged, what="the others wait again")
        poll_until(lambda: _halted_gauge() == 1.0, what="the metric shows the halt")
        assert (len(bus.parked()), len(recorder.done)) == (POISONED_IN_A_ROW, good_unacknowledged)
        ticked_at = listening.ticked_at
        poll_until(lambda: listening.ticked_at > ticked_at, 5.0, what="a sign of life while halted")
    with bus.listening(recorder, prefetch=prefetch, halts=halts) as restarted:
        time.sleep(2.0)  # a restart keeps the queue halted: nothing more is parked
        assert (set(restarted.halted), len(bus.parked())) == ({QUEUE}, POISONED_IN_A_ROW)
        halts.resume(QUEUE)
        recorder.wait_done(5)
        bus.wait_parked(15)
        assert (_halted_gauge(), restarted.halted) == (0.0, frozenset())
    assert {found.message_id for found in bus.parked()} == {message.message_id for message in broken}
    assert len(recorder.done) == 5
    assert bus.depth() == 0


def test_halted_queue_tries_one_message_at_a_time_until_one_succeeds(bus: Bus) -> None:
    bus.store([outgoing(body=b"{") for _ in range(12)])
    recorder, halts = Recorder(), MemoryHalts(try_every_s=1.5)
    with bus.listening(recorder, halts=halts) as listening:
        poll_until(lambda: listening.halted == {QUEUE}, 20.0, what="the halt")
        began_s = time.monotonic()
        bus.wait_parked(12)
        assert time.monotonic() - began_s > 2.0, "the two that are left, one after the other"
        assert (set(listening.halted), recorder.batches) == ({QUEUE}, [])
        sent = bus.store(good(3))
        assert set(recorder.wait_done(3)) == set(sent)
        poll_until(lambda: listening.halted == frozenset(), what="the queue continues by itself")
    assert len(recorder.batches[0]) == 1, "it was resumed by one message"
    assert len(bus.wait_parked(12)) == 12


@pytest.mark.parametrize(("fault", "tried"), [("message", 4), ("handler", 1)])
def test_trials_follow_quickly_while_the_fault_is_in_the_message_and_not_in_the_handler(
    bus: Bus, fault: str, tried: int
) -> None:
    """A message that cannot be read says little about the handler; one that the handler refuses may be its fault."""
    halts = MemoryHalts()
    with bus.listening(Recorder(lambda _message: Poison("never")), halts=halts) as listening:
        bus.store([outgoing(body=b"{") if fault == "message" else outgoing() for _ in range(POISONED_IN_A_ROW + 4)])
        poll_until(lambda: listening.halted == {QUEUE}, 20.0, what="the halt")
        halts.try_soon(QUEUE, 0.0)
        poll_until(lambda: bus.depth(parked(QUEUE)) >= POISONED_IN_A_ROW + tried, 20.0, what="the trials")
        time.sleep(2.0)  # longer than between two trials that follow quickly: there is no other
        assert bus.depth(parked(QUEUE)) == POISONED_IN_A_ROW + tried


def test_faults_that_an_operator_knows_are_parked_without_a_pause_and_others_are_handled(bus: Bus) -> None:
    """At most as many as allowed; the queue resumes once it is empty, and one message of another reason waits."""
    fine, bad = good(3), good(60)
    known = {message.message_id for message in bad}
    halts, seen = MemoryHalts(), Recorder(lambda message: Poison("never") if message.id in known else "done")
    with bus.listening(seen, halts=halts) as listening:
        bus.store(bad[:POISONED_IN_A_ROW])
        poll_until(lambda: listening.halted == {QUEUE}, 20.0, what="the halt")
        bus.store([*bad[10:35], *fine, *bad[35:]])
        halts.allow_parking(QUEUE, "never", 40)
        assert set(seen.wait_done(3)) == {message.message_id for message in fine}
        bus.wait_parked(POISONED_IN_A_ROW + 41)
        assert (set(listening.halted), bus.depth()) == ({QUEUE}, 9), "40, and one as a trial"
        halts.allow_parking(QUEUE, "never", 40)
        poll_until(lambda: listening.halted == frozenset(), 20.0, what="the queue is empty, and resumes")
    assert len(bus.wait_parked(60)) == 60


def test_halted_queue_leaves_the_other_queues_of_its_consumer_alone(bus: Bus) -> None:
    """Ten bad messages of one producer stop nothing of another's."""
    mails, rollup = Recorder(), Recorder()
    with bus.listening(mails, others={OTHER_QUEUE: rollup}) as listening:
        bus.store([outgoing(body=b"{") for _ in range(12)])
        poll_until(lambda: listening.halted == {QUEUE}, 20.0, what="the halt")
        sent = bus.store([registered() for _ in range(20)])
        assert sorted(rollup.wait_done(20)) == sorted(sent)
        assert listening.halted == {QUEUE}
    assert (mails.done, len(bus.parked()), bus.parked(OTHER_QUEUE)) == ([], POISONED_IN_A_ROW, [])


def test_messages_of_a_wrong_sender_never_halt_a_queue(bus: Bus) -> None:
    """However many: they are parked, and authentic messages are consumed."""
    sent = bus.store([outgoing(change={"source": "/troika/events"}) for _ in range(25)] + good(1))
    recorder = Recorder()
    with bus.listening(recorder, prefetch=1) as listening:
        assert recorder.wait_done(1) == sent[-1:]
        assert len(bus.wait_parked(25)) == 25
        assert listening.halted == frozenset()


def test_a_good_message_between_keeps_the_consumer_going(bus: Bus) -> None:
    messages = [outgoing(body=b"{") if number % 4 else outgoing() for number in range(40)]
    bus.store(messages)
    recorder = Recorder()
    with bus.listening(recorder, prefetch=1) as listening:
        recorder.wait_done(10)
        bus.wait_parked(30)
        assert not listening.halted


def _place(bus: Bus) -> dict[str, str]:
    if bus.address.embedded:
        return {"DATABASE_URL": bus.address.database_url}
    return {"BROKER_URL": bus.address.broker_urls[0]}


def _reported(program: Program, what: str) -> list[str]:
    """Ids that the program has reported as ``done`` or held, over all its runs."""
    return [each for line in program.logs() if what in line for each in line[what]]


def _halted_gauge() -> float | None:
    return REGISTRY.get_sample_value("troika_consumer_halted", {"service": "events", "queue": QUEUE})
