"""One transaction: opened by a use case and nowhere else; a clean exit commits, an exception rolls back."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine

from shared.db.engine import DatabaseUnresponsive, connect, is_outage, outage_kind
from shared.runtime.errors import Unavailable
from shared.runtime.failpoints import reach
from shared.runtime.logs import LogInterval
from shared.runtime.metrics import db_errors_total

log = logging.getLogger(__name__)


SERVICE = "troika_service"
"""Key of the execution option with the owner of a transaction."""


class UnitOfWork:
    """Opens transactions on one database.

    Args:
        engine: the engine of the database.
        service: the service's name, the label of the metric of errors.
        monotonic: clock of the log, which has one line a minute while the database is down, seconds.
        gate: called before each transaction; an exception from it prevents the transaction.
    """

    def __init__(
        self,
        engine: Engine,
        service: str,
        monotonic: Callable[[], float] = time.monotonic,
        gate: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._service = service
        self._monotonic = monotonic
        self._gate = gate
        self._outages = LogInterval(monotonic=monotonic)

    def gated(self, gate: Callable[[], None]) -> "UnitOfWork":
        """The same database, with ``gate`` called before each transaction."""
        return UnitOfWork(self._engine, self._service, self._monotonic, gate)

    @property
    def ungated(self) -> "UnitOfWork":
        """The same database without the gate: to store results of work that is already done."""
        return self if self._gate is None else UnitOfWork(self._engine, self._service, self._monotonic)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection inside a transaction (READ COMMITTED).

        Raises:
            Unavailable: the database is down or too busy; nothing is known to be stored.
        """
        with self._begun() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that only reads, and in which all statements see the same snapshot (REPEATABLE READ).

        For a page of several tables with the revision to which it belongs: with READ COMMITTED the revision may be
        older than the rows shown below it, and a person who acts on it gets an error about a concurrent change. Its
        BEGIN contains the isolation level, which costs no separate round trip.

        Raises:
            Unavailable: the database is down or too busy.
        """
        with self._begun(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            yield connection

    @contextmanager
    def single_statement(self) -> Iterator[Connection]:
        """A connection on which each statement is its own transaction: one round trip, committed when it returns.

        Raises:
            Unavailable: the database is down or too busy; nothing is known to be stored.
        """
        with (
            self._outages_as_unavailable(),
            connect(self._engine).execution_options(isolation_level="AUTOCOMMIT") as connection,
        ):
            yield connection

    @contextmanager
    def _begun(self, **options: Any) -> Iterator[Connection]:
        """A transaction with SQLAlchemy's execution ``options``; the next user of its connection has none of them."""
        with self._outages_as_unavailable():
            options[SERVICE] = self._service
            with connect(self._engine) as connection, connection.execution_options(**options).begin():
                yield connection
                reach("transaction.ready")
            reach("transaction.committed")

    @contextmanager
    def _outages_as_unavailable(self) -> Iterator[None]:
        if self._gate is not None:
            self._gate()
        try:
            yield
        except Exception as error:
            if not is_outage(error):
                raise
            kind = outage_kind(error)
            db_errors_total.labels(self._service, kind).inc()
            self._log_outage(kind, error)
            raise Unavailable("database unavailable") from error

    def _log_outage(self, kind: str, error: Exception) -> None:
        if (left_out := self._outages.due()) is not None:
            unresponsive = isinstance(getattr(error, "orig", error), DatabaseUnresponsive)
            log.warning(
                "the database is unavailable", extra={"kind": kind, "silent": unresponsive, "left_out": left_out}
            )
