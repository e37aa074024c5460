"""Transactions on a real database: what one sees while others write."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from tests.support.postgres import PostgresServer


@pytest.fixture
def work(postgres: PostgresServer) -> Iterator[UnitOfWork]:
    """Transactions on a database with one number."""
    engine = open_engine(postgres.fresh_database())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE board (revision integer); INSERT INTO board VALUES (1)"))
    yield UnitOfWork(engine, "registration")
    engine.dispose()


def _raise(work: UnitOfWork) -> None:
    with work.transaction() as connection:
        connection.execute(text("UPDATE board SET revision = revision + 1"))


@pytest.mark.parametrize(("way", "second"), [("snapshot", 1), ("transaction", 2)])
def test_all_statements_of_a_snapshot_see_the_same(work: UnitOfWork, way: str, second: int) -> None:
    with getattr(work, way)() as connection:
        first = connection.execute(text("SELECT revision FROM board")).scalar()
        _raise(work)
        assert (first, connection.execute(text("SELECT revision FROM board")).scalar()) == (1, second)


def test_read_only_snapshot_refuses_writes_and_later_transactions_write_again(work: UnitOfWork) -> None:
    with pytest.raises(InternalError, match="read-only"), work.snapshot() as connection:
        connection.execute(text("UPDATE board SET revision = 9"))
    _raise(work)
    with work.snapshot() as connection:
        assert connection.execute(text("SELECT revision FROM board")).scalar() == 2
