"""Sessions of the pool: the age of their plans, and the number in use."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from shared.db import engine as engines
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.metrics import db_pool_connections, db_pool_waiting
from tests.support.clients import rows
from tests.support.postgres import PostgresServer
from tests.support.waiting import poll_until

FIND = text("SELECT number FROM person WHERE number = :number")
OFTEN = 6
"""So often asked, a statement is prepared by psycopg and kept."""


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """A database with an empty table, which is known to be empty."""
    made = postgres.fresh_database()
    rows(made, "CREATE TABLE person (number integer PRIMARY KEY) WITH (autovacuum_enabled = off)")
    rows(made, "ANALYZE person")
    return made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """One session, which keeps a plan for any value."""
    rows(url, "ALTER ROLE CURRENT_USER SET plan_cache_mode = force_generic_plan")
    made = open_engine(url, pool_size=1, pre_ping=False)
    yield made
    made.dispose()


def test_plan_from_when_a_table_was_empty_is_forgotten(
    engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(OFTEN):
        _find(engine)
    rows(url, "INSERT INTO person SELECT generate_series(1, 20000)")
    assert _plan(engine).startswith("Seq Scan")
    monkeypatch.setattr(engines, "PLANS_KEPT_S", 0.0)
    assert _plan(engine).startswith("Index Only Scan")
    _find(engine)


def test_session_that_is_gone_when_plans_are_too_old_is_replaced(
    engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _find(engine)
    rows(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'troika'",
    )
    monkeypatch.setattr(engines, "PLANS_KEPT_S", 0.0)
    _find(engine)


def test_pool_reports_used_connections_and_waiters(url: str) -> None:
    engine = open_engine(url, pool_size=1, pool_timeout_s=5.0, application="troika-events-solve")
    work, waited = UnitOfWork(engine, "events"), threading.Event()

    def wait_for_one() -> None:
        with work.transaction():
            waited.set()

    assert _figures() == (1, 0, 0)
    with work.transaction():
        thread = threading.Thread(target=wait_for_one)
        thread.start()
        poll_until(lambda: _figures() == (1, 1, 1), what="the second one waits")
        assert not waited.is_set()
    thread.join()
    assert (waited.is_set(), _figures()) == (True, (1, 0, 0))
    engine.dispose()


def _figures() -> tuple[float, ...]:
    """Size, used, waiting."""
    pool = ("events", "solve")
    gauges = (db_pool_connections.labels(*pool, "size"), db_pool_connections.labels(*pool, "used"))
    return tuple(gauge._value.get() for gauge in (*gauges, db_pool_waiting.labels(*pool)))


def _find(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(FIND, {"number": 7})


def _plan(engine: Engine) -> str:
    """The first line of the plan that the session keeps."""
    with engine.begin() as connection:
        (name,) = connection.exec_driver_sql(
            "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT number%%'"
        ).scalars()
        return str(connection.exec_driver_sql(f"EXPLAIN EXECUTE {name}(7)").scalars().first())
