"""What a process may do on an old answer to the question whether its database is in quarantine."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from shared.core.errors import Quarantined, Unavailable
from shared.store.quarantine import CHECK_EVERY_S, QuarantineWatch
from shared.store.unit_of_work import UnitOfWork

ROW = (datetime(2020, 3, 4, 3, tzinfo=UTC), "restored from a backup", None, False, None)


class OneRow:
    """A database with or without the row of a quarantine, and its clock."""

    def __init__(self) -> None:
        self.row: tuple[Any, ...] | None = None
        self.away = False
        self.now_s = 0.0

    @contextmanager
    def single_statement(self) -> "Iterator[OneRow]":
        """A connection."""
        if self.away:
            raise Unavailable("away")
        yield self

    def execute(self, _statement: object) -> "OneRow":
        """A result."""
        return self

    def one_or_none(self) -> tuple[Any, ...] | None:
        """Its row."""
        return self.row


def test_no_transaction_begins_on_an_answer_from_before_an_outage() -> None:
    """The database may have been restored in between, and be there again before it is asked."""
    database = OneRow()
    watch = QuarantineWatch(cast(UnitOfWork, database), "registration", lambda: database.now_s)
    watch.require_none()
    database.away, database.now_s = True, CHECK_EVERY_S
    watch.require_none()  # a short loss changes nothing
    database.now_s = 3600.0
    for require in (watch.require_none, watch.require_none_or_settling):
        with pytest.raises(Unavailable, match="not known"):
            require()
    assert watch.current() is None, "pages that are kept are shown"
    database.away, database.row = False, ROW
    with pytest.raises(Unavailable, match="not known"):
        watch.require_none()
    database.now_s += CHECK_EVERY_S
    with pytest.raises(Quarantined):
        watch.require_none()


def test_process_that_was_idle_goes_on_with_a_new_answer() -> None:
    database = OneRow()
    watch = QuarantineWatch(cast(UnitOfWork, database), "registration", lambda: database.now_s)
    watch.require_none()
    database.now_s = 3600.0
    watch.require_none()
