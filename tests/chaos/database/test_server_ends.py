"""PostgreSQL ends in every way while people register: every 202 is kept, and the system recovers unaided."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.arrivals import Arrivals
from tests.support.postgres import PostgresServer
from tests.support.stack import Stack, assert_reconciled, settle
from tests.support.waiting import allowed_s

RATE = 20
CALM_S = 3.0
BACK_WITHIN_S = 10.0
START_WITHIN_S = 60.0
"""Of PostgreSQL itself, which has to read its log again, on a machine that does other things too."""

WORKING = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE application_name LIKE 'troika-%'"
EVERYONE = {
    *(f"troika-{service}-relay" for service in ("registration", "events", "notifications")),
    *(f"troika-notifications-{role}" for role in ("consume", "send", "schedule")),
    "troika-events-consume",
    "troika-registration-decide",
    "troika-registration-consume",
    "troika-registration-intake",
}
"""Who has work when someone registers."""

UNAVAILABLE = 503


def kill(server: PostgresServer) -> None:
    """As a power cut would: the postmaster and all of its children at once."""
    server.kill()


def stop_fast(server: PostgresServer) -> None:
    """Everyone is cut off."""
    server.stop()


def stop_smart(server: PostgresServer) -> None:
    """No one new is let in, those who are there may stay; and after a while everyone is cut off."""
    os.kill(server.pid, signal.SIGTERM)
    time.sleep(CALM_S)  # the time that an operator gives them
    server.stop()


@dataclass(frozen=True, slots=True)
class Way:
    """Attributes:
    name: in the test's id.
    end: ends the server.
    bus: of the system.
    times: how often.
    takes_s: how long it takes to end, during which people are still served, seconds.
    """

    name: str
    end: Callable[[PostgresServer], None]
    bus: str
    times: int
    takes_s: float = 0.0


WAYS = (
    Way("killed", kill, "embedded", 20),
    Way("killed-on-rabbitmq", kill, "rabbit", 5),
    Way("stopped-fast", stop_fast, "rabbit", 3),
    Way("stopped-smart", stop_smart, "embedded", 3, takes_s=CALM_S),
)


@pytest.fixture
def stack(request: pytest.FixtureRequest, way: Way) -> Stack:
    """On the bus of the way."""
    made: Stack = request.getfixturevalue(f"own_{way.bus}_stack")
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_postgres_ends_under_load(way: Way, stack: Stack, own_postgres: PostgresServer) -> None:
    """Nothing but 202 and 503 is answered; who was answered 202 is decided, counted and mailed once."""
    stack.start()
    assert stack.web is not None
    people = Arrivals(stack.web.url, RATE, stack.mail_folder)
    load_s, slowest_s = 2 * CALM_S + way.takes_s, 0.0
    for number in range(way.times):
        arriving = people.during(load_s, first=int(number * RATE * load_s))
        time.sleep(CALM_S)  # under load, before and after
        way.end(own_postgres)
        own_postgres.start(START_WITHIN_S)
        slowest_s = max(slowest_s, recovery_s(own_postgres))
        arriving.join()
    assert (people.lost, set(people.refused) - {UNAVAILABLE}) == ([], set())
    assert len(people.receipts) == way.times * RATE * load_s
    settle(stack, len(people.receipts))
    assert_reconciled(stack, people.receipts)
    print(f"\n{way.name} {way.times} times: {len(people.receipts)} accepted; all at work within {slowest_s:.1f} s")
    assert slowest_s <= allowed_s(BACK_WITHIN_S)


def recovery_s(server: PostgresServer) -> float:
    """Seconds from now until each process has a connection to the server, which was started just now."""
    began_at, missing = time.monotonic(), set(EVERYONE)
    with server.connect() as connection:
        while missing:
            missing -= {str(row[0]) for row in connection.execute(WORKING)}
            assert time.monotonic() - began_at < 60.0, missing
            time.sleep(0.1)  # between two polls
    return time.monotonic() - began_at
