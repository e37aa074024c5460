"""Connections that swallow everything: a consumer's to the broker, the intake's and its relay's to PostgreSQL.

No error on the machine reveals that such a connection is dead; only heartbeats, timeouts and probes do.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.chaos.matrix.actions import ACTIONS, People, Person
from tests.chaos.matrix.proxied_stack import WEB_DATABASE, ProxiedStack
from tests.support.arrivals import Arrivals
from tests.support.fault_proxy import Faults, Way, both
from tests.support.installation import make_installation
from tests.support.journal import Journal
from tests.support.participants import Participant, SinkLinks
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup, answers
from tests.support.rabbitmq import RabbitNode
from tests.support.stack import assert_reconciled, settle
from tests.support.waiting import allowed_s, poll_until

T = TypeVar("T")
HOLE = Way(hole=True)
HOLES = {"down": Faults(down=HOLE), "up": Faults(up=HOLE), "both": both(HOLE)}
CONSUMERS = ("registration-consume", "events-consume", "notifications-consume")
NOTICED_WITHIN_S = 30.0
BACK_WITHIN_S = 15.0
LINK = "consumer-bus"
CLIENTS = 24
TRIES = 72
"""Several attempts of all clients within one hole."""

ANSWERED_WITHIN_S = 2.5
AT_ONCE_S = 1.0


@pytest.fixture
def wired(
    own_rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> Iterator[ProxiedStack]:
    """Everything on a separate RabbitMQ, over proxies."""
    with ProxiedStack(processes, make_installation(postgres, tmp_path), (own_rabbit.amqp_url(),)) as stack:
        stack.start()
        yield stack


@pytest.fixture
def embedded(postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path) -> Iterator[ProxiedStack]:
    """The same on the embedded bus."""
    with ProxiedStack(processes, make_installation(postgres, tmp_path)) as stack:
        stack.start()
        yield stack


def all_noticed(stack: ProxiedStack, before: dict[str, int]) -> bool:
    """Whether every consumer has lost its connection one more time than before."""
    return all(losses(stack, name) > count for name, count in before.items())


def losses(stack: ProxiedStack, name: str) -> int:
    """How often a consumer has lost its connection."""
    return sum(line.get("message") == "broker connection lost" for line in stack.programs[name].logs())


@pytest.mark.timeout(300)
def test_black_holed_consumers_notice_and_come_back(wired: ProxiedStack) -> None:
    people = Arrivals(wired.urls["registration"], 10, wired.mail_folder)
    for position, direction in enumerate(HOLES):
        before = {name: losses(wired, name) for name in CONSUMERS}
        began_s = time.monotonic()
        wired.set(LINK, HOLES[direction])
        confirming = people.submit(1.0, first=position * 10)
        poll_until(partial(all_noticed, wired, before), NOTICED_WITHIN_S, what=f"all consumers notice: {direction}")
        noticed_s = time.monotonic() - began_s
        ((known,),) = wired.sql("events", "SELECT count(*) FROM roster")
        assert int(str(known)) < len(people.receipts), "the hole has swallowed nothing"
        healed_s = time.monotonic()
        wired.heal(LINK)
        confirming.join()
        settle(wired, len(people.receipts), within_s=BACK_WITHIN_S)
        print(f"\nblack hole {direction}: noticed in {noticed_s:.1f} s, back in {time.monotonic() - healed_s:.1f} s")
    assert [name for name in CONSUMERS if not wired.programs[name].running] == []
    assert_reconciled(wired, people.receipts)


@pytest.mark.timeout(300)
def test_all_clients_get_an_error_in_time_while_the_database_is_a_black_hole(
    embedded: ProxiedStack, tmp_path: Path
) -> None:
    """More clients than connections or slots: each has its 503 in time, and what needs no database is answered.

    The relay's line is swallowed as well, and everything arrives once both are healed.
    """
    people = People(embedded, Journal(tmp_path / "journal.jsonl"))
    register, links = ACTIONS["register"], SinkLinks(embedded.mail_folder)
    assert people.ask(register, Person(0)).status == 202
    for position, direction in enumerate(HOLES):
        pool = [Person(position * TRIES + number + 1) for number in range(TRIES)]
        for link in (WEB_DATABASE, "relay-database"):
            embedded.set(link, HOLES[direction])
        with ThreadPoolExecutor(CLIENTS) as clients:
            asked = [clients.submit(timed, partial(people.ask, register, person)) for person in pool]
            alive, alive_s = timed(lambda: answers(f"{embedded.urls['registration']}/-/registration/livez"))
            results = [one.result() for one in asked]
        waits = sorted(took_s for _answer, took_s in results)
        assert (alive, alive_s < allowed_s(AT_ONCE_S)) == (True, True)
        assert {answer.status for answer, _took_s in results} == {503}
        print(
            f"\nblack hole {direction}: {len(waits)} 503s, half in {waits[TRIES // 2]:.2f} s, all in {waits[-1]:.2f} s"
        )
        assert waits[-1] <= allowed_s(ANSWERED_WITHIN_S)
        for link in (WEB_DATABASE, "relay-database"):
            embedded.heal(link)
        poll_until(lambda: people.ask(register, Person(0)).status == 202, 5, what="the database is used again")
        assert {people.ask(register, person).status for person in pool} == {202}
        for person in [*pool, *([Person(0)] if position == 0 else [])]:
            participant = Participant(embedded.urls["registration"], links, person.number)
            poll_until(participant.confirm, 30, what="the mail has come and nothing waits behind its link")
            participant.line.close()
        settle(embedded, 1 + (position + 1) * TRIES, within_s=30)
    assert_reconciled(embedded, people.journal.read().receipts)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` returns, and how long it took, seconds."""
    began_s = time.monotonic()
    return work(), time.monotonic() - began_s
