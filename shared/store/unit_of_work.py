"""One transaction: opened by a use case and nowhere else; a clean exit commits, an exception rolls back."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from shared.core.errors import Unavailable
from shared.core.failpoints import reach
from shared.core.metrics import db_errors_total
from shared.store.engine import is_outage, outage_kind


class UnitOfWork:
    """Opens transactions on one database.

    Args:
        engine: where.
        service: under which name errors are counted.
    """

    def __init__(self, engine: Engine, service: str) -> None:
        self._engine = engine
        self._service = service

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection inside a transaction (READ COMMITTED).

        Raises:
            Unavailable: the database is away or too busy; nothing is known to be stored.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
                reach("transaction.ready")
            reach("transaction.committed")
        except Exception as error:
            if not is_outage(error):
                raise
            db_errors_total.labels(self._service, outage_kind(error)).inc()
            raise Unavailable("database unavailable") from error

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """A transaction that only reads, and in which all statements see the same moment (REPEATABLE READ).

        For a page of several tables with the revision to which it belongs: with READ COMMITTED the revision may be
        older than what stands below it, and whoever acts on it is told that somebody else was faster.

        Raises:
            Unavailable: the database is away or too busy.
        """
        with self.transaction() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection
