"""A database with or without the row of a quarantine, for code that queries nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from shared.db.quarantine import QuarantineWatch
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable

ROW = (datetime(2020, 3, 4, 3, tzinfo=UTC), "restored from a backup", None, False, None)


class OneRow:
    """The database, and a clock that a test advances.

    Attributes:
        row: of the quarantine; None for none.
        away: whether the database is unavailable.
        now_s: of the clock.
        asked: how often the database was asked.
    """

    def __init__(self) -> None:
        self.row: tuple[Any, ...] | None = None
        self.away = False
        self.now_s = 0.0
        self.asked = 0

    def watch(self) -> QuarantineWatch:
        """The watch of a process on this database."""
        return QuarantineWatch(cast(UnitOfWork, self), "registration", lambda: self.now_s)

    @contextmanager
    def single_statement(self) -> "Iterator[OneRow]":
        """A connection."""
        if self.away:
            raise Unavailable("away")
        yield self

    def execute(self, _statement: object) -> "OneRow":
        """A result."""
        self.asked += 1
        return self

    def one_or_none(self) -> tuple[Any, ...] | None:
        """Its row."""
        return self.row
