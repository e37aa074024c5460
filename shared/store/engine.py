"""Connections to PostgreSQL with limits on everything that could wait for ever.

Pools are opened after the fork (never at import) and closed by the code that opened them. A connection may be to a
transaction pooler: no session state is kept from one transaction to the next. The server's time limits are settings
of the roles (:mod:`shared.store.session_limits`).
"""

import time
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.core.database_url import read_database_url
from shared.core.silence import WatchfulConnection
from shared.store.pool_metrics import measure_pool

CONNECT_TIMEOUT_S = 2
PLANS_KEPT_S = 5.0
"""A session keeps the plans of what it asks often. One made while the tables were small may read them whole, and would
be kept until the server counts its rows: a minute or more, in a rush a hundred thousand rows later."""

_PLANNED_S = "planned at"
READ_ONLY = "25006"
"""SQLSTATE of a write that a read-only transaction refused; each transaction of a standby is one."""


def open_engine(
    url: str,
    *,
    pool_size: int = 4,
    pool_timeout_s: float = 0.5,
    statement_timeout_ms: int | None = None,
    application: str = "troika",
    pre_ping: bool = True,
) -> Engine:
    """An engine whose connections give up instead of hanging.

    Args:
        url: ``postgresql://…``, for one host or several.
        pool_size: connections of this process; none is opened beyond it.
        pool_timeout_s: how long a caller waits for a free one, seconds.
        statement_timeout_ms: longest single statement in place of the role's limit, milliseconds (0: none, for
            migrations and loads); set in each transaction.
        application: shown in ``pg_stat_activity``.
        pre_ping: test a pooled connection before each use; without it the first use after a loss
            fails, and then the whole pool is renewed.
    """
    engine = create_engine(
        read_database_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=pre_ping,
        pool_use_lifo=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": application,
            "tcp_user_timeout": 10000,
        },
    )
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _plan_anew)
    event.listen(engine, "handle_error", _leave_standby)
    if statement_timeout_ms is not None:
        event.listen(engine, "begin", partial(_limit_statements, statement_timeout_ms))
    measure_pool(engine, application)
    return engine


def _connect(_dialect: object, _record: object, arguments: list[Any], words: dict[str, Any]) -> WatchfulConnection:
    return WatchfulConnection.connect(*arguments, **words)


def _limit_statements(limit_ms: int, connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit_ms}")


def _plan_anew(connection: psycopg.Connection[Any], record: Any, _proxy: object) -> None:
    """Forget plans that are too old; the statements stay prepared, so this costs a few milliseconds of planning.

    Outside of a transaction, which would be three round trips in place of one.
    """
    now_s = time.monotonic()
    if now_s - record.info.setdefault(_PLANNED_S, now_s) < PLANS_KEPT_S:
        return
    try:
        connection.autocommit = True
        connection.execute("DISCARD PLANS", prepare=False)
        connection.autocommit = False
    except psycopg.OperationalError as error:
        raise DisconnectionError from error  # the pool opens another one
    record.info[_PLANNED_S] = now_s


def _leave_standby(context: ExceptionContext) -> None:
    """Renew the pool when a server refuses writes, although the transaction was not begun as read-only.

    The server was the primary when the connection was opened, or a proxy in between has chosen another server.
    """
    refused = getattr(context.original_exception, "sqlstate", None) == READ_ONLY
    connection = context.connection
    if refused and connection is not None and not connection.get_execution_options().get("postgresql_readonly"):
        context.is_disconnect = True


def is_outage(error: BaseException) -> bool:
    """Whether ``error`` means that the database is away, busy or failing over, so that the work may be retried.

    Serialization failures and deadlocks (class 40), lost connections (08), resource limits (53), operator
    intervention and shutdown (57), lock and statement timeouts (55P03, 57014), and a standby's refusal to write.
    """
    if isinstance(error, PoolTimeout):
        return True
    driver = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(driver, psycopg.Error):
        return False
    state = str(driver.sqlstate or "")
    if state:
        standby = state == READ_ONLY and getattr(error, "connection_invalidated", False)
        return state[:2] in {"08", "40", "53", "57"} or state == "55P03" or standby
    return getattr(error, "connection_invalidated", False) or isinstance(driver, psycopg.OperationalError)


def outage_kind(error: BaseException) -> str:
    """The label under which ``error`` is counted: timeout, lock, connection or other."""
    state = str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")
    if state == "57014" or isinstance(error, PoolTimeout):
        return "timeout"
    if state.startswith("40") or state == "55P03":
        return "lock"
    return "connection" if is_outage(error) else "other"
