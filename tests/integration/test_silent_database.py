"""A connection to the database that swallows everything: callers get an error soon; a slow database is waited for."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest
from sqlalchemy import make_url, text

from shared.db import engine
from shared.db.engine import ASK_AFTER_S, LivenessConnection, answers, open_engine, waiting_as_command
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from tests.support.fault_proxy import FaultProxy, Faults, Way, both
from tests.support.postgres import PostgresServer
from tests.support.waiting import allowed_s, poll_until

ERROR_WITHIN_S = 2.5
HOLE = Way(hole=True)
HOLES = {"up": Faults(up=HOLE), "down": Faults(down=HOLE), "both": both(HOLE)}


@pytest.fixture
def line(postgres: PostgresServer) -> Iterator[FaultProxy]:
    with FaultProxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
def work(postgres: PostgresServer, line: FaultProxy) -> Iterator[UnitOfWork]:
    """Transactions over the line, with two connections."""
    url = make_url(postgres.fresh_database()).set(port=line.port)
    opened = open_engine(url.render_as_string(hide_password=False), pool_size=2)
    unit = UnitOfWork(opened, "registration")
    ask(unit)
    yield unit
    opened.dispose()


def ask(work: UnitOfWork, statement: str = "SELECT 1") -> None:
    """One transaction."""
    with work.transaction() as connection:
        connection.execute(text(statement))


def error_after_s(work: UnitOfWork) -> float:
    """How long a caller waits for the news that the database is down."""
    began_s = time.monotonic()
    with pytest.raises(Unavailable):
        ask(work)
    return time.monotonic() - began_s


@pytest.mark.parametrize("direction", ["up", "down", "both"])
def test_callers_get_an_error_in_time_and_are_served_soon_after(
    work: UnitOfWork, line: FaultProxy, direction: str
) -> None:
    """More callers than connections, before and after the pool has lost its connections."""
    line.set(HOLES[direction])
    with ThreadPoolExecutor(6) as callers:
        waits = list(callers.map(lambda _: error_after_s(work), range(12)))
    assert [wait for wait in waits if wait > allowed_s(ERROR_WITHIN_S)] == []
    line.heal()
    poll_until(lambda: answered(work), within_s=3.0, what="the database is used again")


def answered(work: UnitOfWork) -> bool:
    """Whether a transaction succeeds."""
    try:
        ask(work)
    except Unavailable:
        return False
    return True


SLOW = both(Way(delay_s=0.3))
"""A probe takes longer than a web process waits for it."""


@pytest.mark.parametrize("is_command", [False, True])
def test_command_waits_for_a_server_that_answers_late(work: UnitOfWork, line: FaultProxy, is_command: bool) -> None:
    """As a migration does at a first start on a slow disk; without the wait the probe ends it."""
    with (
        waiting_as_command() if is_command else nullcontext(),
        nullcontext() if is_command else pytest.raises(Unavailable),
        work.transaction() as connection,
    ):
        line.set(SLOW)
        connection.execute(text("SELECT pg_sleep(1.2)"))
        line.heal()


def test_slow_statement_is_waited_for(work: UnitOfWork, line: FaultProxy) -> None:
    """It takes longer than twice the idle time after which the server is probed."""
    before = line.accepted
    ask(work, f"SELECT pg_sleep({2 * ASK_AFTER_S + 0.3})")
    assert line.accepted - before == 2  # asked twice


def test_connection_lost_within_a_statement_is_noticed(work: UnitOfWork, line: FaultProxy) -> None:
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(ask, work, "SELECT pg_sleep(1)")
        poll_until(lambda: line.open == 1, what="the statement runs")
        line.set(HOLES["both"])
        began_s = time.monotonic()
        with pytest.raises(Unavailable):
            waiting.result()
    assert time.monotonic() - began_s < allowed_s(ERROR_WITHIN_S)


def test_connection_is_not_tried_again_at_once(postgres: PostgresServer, line: FaultProxy) -> None:
    """The next caller does not wait for another timeout."""
    address = make_url(postgres.fresh_database()).set(port=line.port, drivername="postgresql")
    url = address.render_as_string(hide_password=False)
    line.set(HOLES["both"])
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        LivenessConnection.connect(url, connect_timeout=2)
    before = line.accepted
    with pytest.raises(psycopg.OperationalError, match="within the last second"):
        LivenessConnection.connect(url, connect_timeout=2)
    assert line.accepted == before


def test_open_connection_of_another_pool_is_probed_at_once(postgres: PostgresServer, line: FaultProxy) -> None:
    """A request that needs two pools waits for one time limit, not for two."""
    url = make_url(postgres.fresh_database()).set(port=line.port).render_as_string(hide_password=False)
    engines = [open_engine(url, pool_size=1, pre_ping=False) for _ in range(2)]
    first, second = (UnitOfWork(opened, "registration") for opened in engines)
    for work in (first, second):
        ask(work)
    line.set(HOLES["both"])
    assert error_after_s(first) + error_after_s(second) < allowed_s(ERROR_WITHIN_S)
    for opened in engines:
        opened.dispose()


def test_server_that_answers_a_probe_is_connected_to_at_once(work: UnitOfWork, line: FaultProxy) -> None:
    """It was slow, not gone: its answer ends the second in which no connection is opened."""
    url = f"postgresql://postgres@127.0.0.1:{line.port}/nowhere"
    engine._record_unresponsive(("127.0.0.1", str(line.port)))
    ask(work, "SELECT pg_sleep(0.3)")
    with pytest.raises(psycopg.OperationalError) as refused:
        LivenessConnection.connect(url, connect_timeout=2)
    assert "within the last second" not in str(refused.value)


def test_name_with_a_dead_address_before_the_living_one(line: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``localhost`` often is: the server listens on one of its addresses only."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        refused_address = gone.getsockname()
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (refused_address, ("127.0.0.1", line.port))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)
    assert answers("database.example.org", line.port)
