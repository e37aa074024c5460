"""Queries a database by a connection that is kept for the next query.

To open one takes seven milliseconds of processor time on its two sides, and most tests query ten times, the same
databases. A few connections are kept, and only to a server that no test kills: for others, each read opens its own.
"""

import threading
from collections.abc import Sequence
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

KEPT = 4
"""A test reads the databases of three services and of the bus alternately."""

_servers: set[int] = set()
_kept: dict[str, Connection] = {}
_lock = threading.Lock()


def keep_connections_to(port: int) -> None:
    """The server on this port is not killed, and what copies or drops its databases calls ``close_kept`` before."""
    _servers.add(port)


def close_kept() -> None:
    """Close what is kept: a database can be copied only while it has no connections."""
    with _lock:
        while _kept:
            _kept.popitem()[1].close()


def query(address: str, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of one statement, which is its own transaction.

    Args:
        address: for libpq (``postgresql://…``).
        statement: with a placeholder for each value.
        values: of the placeholders.
    """
    with _lock:
        kept = _kept.pop(address, None)
    if kept is not None:
        try:
            return _ask(kept, address, statement, values)
        except psycopg.OperationalError:
            if not kept.broken:
                raise
            # an administrator ended it while it was idle: no statement was sent
    return _ask(psycopg.connect(address, autocommit=True, prepare_threshold=None), address, statement, values)


def _ask(connection: Connection, address: str, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        cursor = connection.execute(statement, values)
        found = cursor.fetchall() if cursor.description else []
    except BaseException:
        connection.close()
        raise
    _keep(address, connection)
    return found


def _keep(address: str, connection: Connection) -> None:
    """Keep it in place of the oldest, if its server is one that is not killed."""
    ending: Connection | None = connection
    with _lock:
        if connection.info.port in _servers:
            oldest = next(iter(_kept)) if len(_kept) >= KEPT else address
            ending = _kept.pop(oldest, None)
            _kept[address] = connection
    if ending is not None:
        ending.close()
