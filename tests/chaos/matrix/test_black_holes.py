"""A consumer whose line to the broker swallows everything: it notices within 30 s, and hears again soon after.

Nothing on the machine says that such a line is dead; only heartbeats, time limits and the watchdog do.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.matrix.wiring import WiredStack
from tests.support.arrivals import Arrivals
from tests.support.fault_proxy import Faults, Way, both
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import assert_reconciled, settle
from tests.support.waiting import poll_until

HOLE = Way(hole=True)
HOLES = {"down": Faults(down=HOLE), "up": Faults(up=HOLE), "both": both(HOLE)}
CONSUMERS = ("registration-consume", "events-consume", "notifications-consume")
NOTICED_WITHIN_S = 30.0
BACK_WITHIN_S = 15.0
LINK = "consumer-bus"


@pytest.fixture
def wired(
    own_rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> Iterator[WiredStack]:
    """Everything on a RabbitMQ of its own, over proxies."""
    with WiredStack(processes, make_installation(postgres, tmp_path), (own_rabbit.amqp_url(),)) as stack:
        stack.start()
        yield stack


def all_noticed(stack: WiredStack, before: dict[str, int]) -> bool:
    """Whether every consumer has said that its connection is lost, once more than before."""
    return all(losses(stack, name) > count for name, count in before.items())


def losses(stack: WiredStack, name: str) -> int:
    """How often a consumer has said so."""
    return sum(line.get("message") == "broker connection lost" for line in stack.programs[name].logs())


@pytest.mark.timeout(300)
def test_black_holed_consumers_notice_and_come_back(wired: WiredStack, chaos_full: bool) -> None:
    """``down`` in the short pass, as the direction in which kombu alone never notices; all three in `make chaos`."""
    people = Arrivals(wired.urls["registration"], 10)
    for turn, direction in enumerate(HOLES if chaos_full else ("down",)):
        before = {name: losses(wired, name) for name in CONSUMERS}
        began_s = time.monotonic()
        wired.set(LINK, HOLES[direction])
        people.run(1.0, first=turn * 10)
        poll_until(partial(all_noticed, wired, before), NOTICED_WITHIN_S, what=f"all consumers notice: {direction}")
        noticed_s = time.monotonic() - began_s
        ((known,),) = wired.sql("events", "SELECT count(*) FROM roster")
        assert int(str(known)) < len(people.ids), "the hole has swallowed nothing"
        healed_s = time.monotonic()
        wired.heal(LINK)
        settle(wired, len(people.ids), within_s=BACK_WITHIN_S)
        print(f"\nblack hole {direction}: noticed in {noticed_s:.1f} s, back in {time.monotonic() - healed_s:.1f} s")
    assert [name for name in CONSUMERS if not wired.programs[name].running] == []
    assert_reconciled(wired, people.ids)
