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
    """Also those that no one can read, and none twice."""
    theirs, others = outgoing(change={"subject": new_id()}), outgoing()
    broken = replace(outgoing(), body=b'{"subject": "' + _subject(theirs).encode().upper())
    asked: list[set[str]] = []

    def erased(subjects: Sequence[str]) -> set[str]:
        asked.append(set(subjects))
        return {_subject(theirs)}

    with bus.listening(Recorder(lambda _message: Poison("never"))):
        bus.store([theirs, broken, others])
        bus.wait_parked(3)
    now_s = [0.0]
    clearing = Clearing(bus.address, [QUEUE], erased, lambda: now_s[0])
    clearing.run_once()
    assert asked == []
    now_s[0] = CLEARED_EVERY_S
    clearing.run_once()
    assert [message.message_id for message in bus.wait_parked(1)] == [others.message_id]
    assert drop_erased(bus.address, [QUEUE], erased) == 0
    assert asked == [{_subject(theirs), _subject(others)}, {_subject(others)}]
