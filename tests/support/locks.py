"""Makes transactions meet as a test wants: one holds locks, the others arrive and wait."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import make_url

from tests.support.clients import rows
from tests.support.waiting import poll_until

WAITING = """
    SELECT count(*)::int FROM pg_locks
    WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
"""
"""How many sessions wait for a lock in this database, of any login: what others wait for in ``pg_stat_activity`` is
hidden from all but an administrator."""


@contextmanager
def holding(url: str, statement: str) -> Iterator[None]:
    """Someone else's transaction, open with the locks of ``statement``."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as other:
        other.execute(statement)
        yield


def wait_for_locks(url: str, count: int) -> None:
    """Until ``count`` transactions wait for a lock."""
    poll_until(lambda: rows(url, WAITING) == [(count,)], within_s=20, what=f"{count} wait for a lock")
