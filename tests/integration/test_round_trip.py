"""Several statements in one round trip: their values, their failures, and a connection that goes away."""

from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.pq import ConnStatus
from sqlalchemy import Connection, Engine

from shared.core.errors import Unavailable
from shared.store.engine import open_engine
from shared.store.round_trip import BEGIN, COMMIT, Call, round_trip
from shared.store.unit_of_work import UnitOfWork
from tests.support.clients import rows
from tests.support.postgres import PostgresServer
from tests.support.waiting import poll_until

DOUBLE = Call("double", "SELECT 2 * CAST($1 AS integer)", b"21")
BROKEN = Call("broken", "SELECT 1 / CAST($1 AS integer)", b"0")
NOTHING = Call("nothing", "SELECT 1 WHERE CAST($1 AS integer) = 0", b"1")
END_ITSELF = Call("", "SELECT pg_terminate_backend(pg_backend_pid())")
NO_TABLE = Call("no_table", "SELECT * FROM there_is_none", None)


@pytest.fixture
def fresh_database(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.fresh_database()


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    """One connection to an empty database."""
    made = open_engine(fresh_database, pool_size=1, pre_ping=False)
    yield made
    made.dispose()


def test_values_come_in_order_and_again(engine: Engine) -> None:
    """Also the second time, when the session has the statements already; what gives no row gives None."""
    with engine.connect() as connection:
        for _ in range(2):
            assert round_trip(connection, [DOUBLE, NOTHING, DOUBLE]) == [b"42", None, b"42"]


def test_plan_from_when_a_table_was_empty_is_not_kept_for_ever(fresh_database: str) -> None:
    """The server is left to find out by itself: nobody has it count the rows."""
    rows(fresh_database, "CREATE TABLE person (number integer PRIMARY KEY) WITH (autovacuum_enabled = off)")
    rows(fresh_database, "ANALYZE person")
    look_up = Call("look_up", "SELECT number FROM person WHERE number = CAST($1 AS integer)", b"700")
    engine = open_engine(fresh_database, pool_size=1, server_settings={"plan_cache_mode": "force_generic_plan"})
    with engine.connect() as connection:
        for _trip in range(3):
            assert round_trip(connection, [look_up]) == [None]
        plans = [_plan(connection, look_up)]
        rows(fresh_database, "INSERT INTO person SELECT generate_series(1, 20000)")
        plans.append(_plan(connection, look_up))
        assert round_trip(connection, [look_up]) == [b"700"]
        plans.append(_plan(connection, look_up))
    engine.dispose()
    assert [plan.split(" on ")[0] for plan in plans] == ["Seq Scan", "Seq Scan", "Index Only Scan using person_pkey"]


def _plan(connection: Connection, call: Call) -> str:
    """The first line of the plan that the session keeps of ``call``."""
    return str(connection.exec_driver_sql(f"EXPLAIN EXECUTE {call.name}('1')").scalars().first())


def test_the_first_failure_is_raised_and_nothing_after_it_is_run(engine: Engine, fresh_database: str) -> None:
    """The transaction is rolled back by whoever opened it, and the connection goes on working."""
    rows(fresh_database, "CREATE TABLE note (words text)")
    write = Call("write", "INSERT INTO note VALUES ($1)", b"words")
    with pytest.raises(psycopg.errors.DivisionByZero), engine.begin() as connection:
        round_trip(connection, [BEGIN, write, BROKEN, DOUBLE, COMMIT])
    assert rows(fresh_database, "SELECT count(*) FROM note") == [(0,)]
    with engine.begin() as connection:
        assert round_trip(connection, [BEGIN, write, DOUBLE, COMMIT]) == [None, None, b"42", None]
    assert rows(fresh_database, "SELECT count(*) FROM note") == [(1,)]


def test_a_statement_that_cannot_be_prepared(engine: Engine) -> None:
    """Its own error is raised, and the next round trip finds the session in order."""
    with pytest.raises(psycopg.errors.UndefinedTable), engine.begin() as connection:
        round_trip(connection, [BEGIN, DOUBLE, NO_TABLE, COMMIT])
    with engine.begin() as connection:
        assert round_trip(connection, [BEGIN, DOUBLE, COMMIT]) == [None, b"42", None]


def test_a_connection_that_is_ended_is_an_outage(engine: Engine) -> None:
    """Whoever waits learns it at once, the connection is closed, and the pool opens another."""
    work = UnitOfWork(engine, "test")
    with pytest.raises(Unavailable), work.transaction() as connection:
        round_trip(connection, [BEGIN, DOUBLE, END_ITSELF, DOUBLE])
    assert _works_again(work)


def test_a_connection_that_was_ended_before(engine: Engine, fresh_database: str) -> None:
    """As after a restart of the database: an outage, then a new connection that prepares anew."""
    work = UnitOfWork(engine, "test")
    with work.transaction() as connection:
        round_trip(connection, [BEGIN, DOUBLE, COMMIT])
    ended = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'
    """
    assert rows(fresh_database, ended) == [(1,)]
    with pytest.raises(Unavailable), work.transaction() as connection:
        round_trip(connection, [BEGIN, DOUBLE, COMMIT])
    assert _works_again(work)


def _works_again(work: UnitOfWork) -> bool:
    """The next one may still get the dead connection; the one after it does not."""

    def works() -> bool:
        try:
            with work.transaction() as connection:
                return round_trip(connection, [BEGIN, DOUBLE, COMMIT]) == [None, b"42", None]
        except Unavailable:
            return False

    poll_until(works, 5.0, what="a new connection")
    return True


def test_a_dialogue_cut_short_closes_its_connection(engine: Engine) -> None:
    """Half of the statements are on their way: nobody may go on where they stopped, so the pool opens another."""
    unsendable = Call("", "SELECT $1", 5)  # type: ignore[arg-type]  # no text: it fails while it is being sent
    work = UnitOfWork(engine, "test")
    with pytest.raises((TypeError, Unavailable)), work.transaction() as connection:
        round_trip(connection, [BEGIN, DOUBLE, unsendable])
    with work.transaction() as connection:
        assert round_trip(connection, [BEGIN, DOUBLE, COMMIT]) == [None, b"42", None]


class _Gone:
    """A dialogue whose connection was lost after its last result: there is nothing more, and no end of the pipeline."""

    status = ConnStatus.BAD
    socket = -1

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_sent: None


class _Driver:
    """As much of a driver's connection as a round trip needs."""

    pgconn = _Gone()
    closed = False

    def wait(self, generator: Generator[object, int, list[object]]) -> list[object]:
        while True:
            next(generator)

    def close(self) -> None:
        self.closed = True


@pytest.mark.timeout(10)
def test_nobody_waits_for_more_from_a_connection_that_is_gone() -> None:
    """libpq then answers "no result" for ever: that is a loss, not the end of a call."""
    driver = _Driver()
    connection = SimpleNamespace(info={}, connection=SimpleNamespace(driver_connection=driver))
    with pytest.raises(psycopg.OperationalError, match="the connection was lost"):
        round_trip(connection, [DOUBLE])  # type: ignore[arg-type]  # as much of it as is needed
    assert driver.closed
