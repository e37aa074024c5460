"""How much of a process's pool of connections is in use: size, used, waiting. Costs two gauges a transaction.

A pool that is full is the first thing to look at when requests are refused or slow while the database is well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, event

from shared.core.metrics import db_pool_connections, db_pool_waiting

LABELS = "troika_pool"
"""Service and name of the pool, among the engine's execution options."""


def measure_pool(engine: Engine, application: str) -> None:
    """Keep the gauges of the pool of ``engine`` from now on.

    Args:
        engine: with a pool of bounded size.
        application: ``troika-<service>-<process>``; a command's, which has no process, is not measured.
    """
    _, _, name = application.partition("-")
    service, _, pool = name.partition("-")
    if not pool:
        return
    engine.update_execution_options(**{LABELS: (service, pool)})
    used = db_pool_connections.labels(service, pool, "used")
    db_pool_connections.labels(service, pool, "size").set(_size(engine))
    db_pool_waiting.labels(service, pool).set(0)

    def taken(*_arguments: Any) -> None:
        used.set(_used(engine))

    def given_back(*_arguments: Any) -> None:
        used.set(max(0, _used(engine) - 1))  # it is counted until this has returned

    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", given_back)


def connect(engine: Engine) -> Connection:
    """Take a connection of the pool; a caller that finds none free counts as waiting until there is one."""
    with _waiting(engine):
        return engine.connect()


@contextmanager
def _waiting(engine: Engine) -> Iterator[None]:
    labels = engine.get_execution_options().get(LABELS)
    if labels is None or _used(engine) < _size(engine):
        yield
        return
    with db_pool_waiting.labels(*labels).track_inprogress():
        yield


def _size(engine: Engine) -> int:
    return engine.pool.size() if isinstance(engine.pool, QueuePool) else 0


def _used(engine: Engine) -> int:
    return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0
