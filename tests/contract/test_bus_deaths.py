"""The scenarios in which a consumer dies, waits or halts, on every bus: nothing is lost and no neighbour suffers.

Where the two buses differ: how the reason of a message that killed its consumers is worded (RabbitMQ itself parks it:
``delivery limit``; the embedded bus: ``delivery limit reached``), and that RabbitMQ without the policies gives up only
after its own default of 20. RabbitMQ loses a queue that was declared less than a second before ``kill -9`` of the
*node*; here only consumers are killed.
"""

from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from shared.bus import listener
from shared.bus.names import DELIVERY_LIMIT
from shared.contracts.envelope import Message
from shared.core.errors import Unavailable
from tests.contract.buses import Bus, Recorder, good, outgoing
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import poll_until

PARKED_REASONS = {"delivery limit", "delivery limit reached"}


def test_consumer_killed_with_messages_in_hand_loses_nothing(bus: Bus, processes: ProcessGroup) -> None:
    sent = bus.store(good(30))
    victim = processes.start("victim", ["tests.contract.bus_consumer"], env=_place(bus) | {"HOLDS_AFTER": "1"})
    held = poll_until(lambda: _told(victim, "holds"), 20.0, what="messages in hand")
    victim.kill()
    settled = _told(victim, "done")
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
    poll_until(lambda: set(_told(program, "done")) == innocent, 20.0, what="the neighbours done")
    poll_until(lambda: bus.depth() == 0, 20.0, what="the last ones settled, which is after they are done")
    program.kill()
    [found] = bus.parked()
    assert (found.message_id, found.body) == (killer, messages[10].body)
    assert found.reason in PARKED_REASONS
    assert len(deaths) == DELIVERY_LIMIT + 1
    assert bus.depth() == 0


def test_outage_uses_up_no_redeliveries(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """More refusals than the delivery limit allows deaths; the pause between two of them is made short."""
    monkeypatch.setattr(listener, "OUTAGE_PROBE_S", 0.02)
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


def test_message_that_came_while_consumers_were_started_anew_is_not_left_lying(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two comes with the answers of the broker to the restart; nothing more comes that would wake it."""
    monkeypatch.setattr(listener, "OUTAGE_PROBE_S", 0.02)
    refusals = iter(range(3))
    recorder = Recorder()

    def handle(messages: Sequence[Message]) -> Sequence[str | Exception]:
        if next(refusals, None) is not None:
            raise Unavailable("database unavailable")
        listening.should_stop = len(recorder.done) == 1
        return recorder(messages)

    sent = bus.store(good(2))
    with bus.listening(handle, looks_every_s=60.0) as listening:
        assert recorder.wait_done(2) == sent


@pytest.mark.parametrize(("prefetch", "good_in_hand"), [(1, 0), (listener.PREFETCH, 5)])
def test_consumer_halts_when_ten_in_a_row_are_parked(bus: Bus, prefetch: int, good_in_hand: int) -> None:
    """However many it has in hand: ten are parked, what has had its effect is done, and the others come back."""
    broken = [outgoing(body=b"{") for _ in range(15)]
    bus.store([*broken, *good(5)])
    recorder = Recorder()
    with bus.listening(recorder, prefetch=prefetch) as halted:
        poll_until(lambda: halted.halted, 20.0, what="the halt")
        assert _halted_gauge() == 1.0
        assert len(bus.parked()) == listener.PARKED_IN_A_ROW
        ticked_at = halted.ticked_at
        poll_until(lambda: halted.ticked_at > ticked_at, 5.0, what="a sign of life while halted")
    assert len(recorder.done) == good_in_hand
    poll_until(lambda: bus.depth() == 10 - good_in_hand, what="the others wait again, the consumer being gone")

    with bus.listening(recorder, prefetch=1):
        recorder.wait_done(5)
        bus.wait_parked(15)
        assert _halted_gauge() == 0.0
    assert {found.message_id for found in bus.parked()} == {message.message_id for message in broken}
    assert len(recorder.done) == 5
    assert bus.depth() == 0


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


def _told(program: Program, what: str) -> list[str]:
    """Ids that the program has told to be ``done`` or to hold, over all its lives."""
    return [each for line in program.logs() if what in line for each in line[what]]


def _halted_gauge() -> float | None:
    return REGISTRY.get_sample_value("troika_consumer_halted", {"service": "events"})
