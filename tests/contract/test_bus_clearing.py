"""Parked messages about erased people are dropped, on every bus; all others stay."""

from collections.abc import Sequence
from dataclasses import replace

from shared.messaging.contracts.schemas import decode
from shared.messaging.dead_letters import CLEARED_EVERY_S, Clearing, drop_erased
from shared.messaging.publisher import Outgoing
from shared.runtime.errors import Poison
from shared.runtime.ids import new_id
from tests.contract.buses import QUEUE, Bus, Recorder, outgoing


def _subject(message: Outgoing) -> str:
    return decode(message.body).subject


def test_copies_about_erased_people_are_dropped(bus: Bus) -> None:
    """Also those that no one can read, however deep they are nested, and none twice."""
    theirs, others = outgoing(change={"subject": new_id()}), outgoing()
    named = b'{"subject": "' + _subject(theirs).encode().upper()
    broken, deep = replace(outgoing(), body=named), replace(outgoing(), body=named + b'", "data": ' + b"[" * 100_000)
    asked: list[set[str]] = []

    def erased(subjects: Sequence[str]) -> set[str]:
        asked.append(set(subjects))
        return {_subject(theirs)}

    with bus.listening(Recorder(lambda _message: Poison("never"))):
        bus.store([theirs, broken, deep, others])
        bus.wait_parked(4)
    now_s = [0.0]
    clearing = Clearing(bus.address, [QUEUE], erased, lambda: now_s[0])
    clearing.run_once()
    assert asked == []
    now_s[0] = CLEARED_EVERY_S
    clearing.run_once()
    assert [message.message_id for message in bus.wait_parked(1)] == [others.message_id]
    assert drop_erased(bus.address, [QUEUE], erased) == 0
    assert asked == [{_subject(theirs), _subject(others)}, {_subject(others)}]


def test_chore_that_fails_does_not_end_its_consumer(bus: Bus) -> None:
    """What the chore could not do is done the next time; messages do not wait for it."""
    recorder, tried = Recorder(), []

    def fail() -> None:
        tried.append("chore")
        raise ValueError("of this message only")

    with bus.listening(recorder, chores=[fail]):
        bus.store([outgoing()])
        recorder.wait_done(1)
    assert tried
