"""Connections to PostgreSQL: pools with limits, connection liveness, pool metrics, kinds of outage.

Pools are opened after the fork (never at import) and closed by the code that opened them. A connection may be to a
transaction pooler: no session state is kept from one transaction to the next. Settings of the roles limit sessions
(statement timeouts and others, :mod:`shared.db.roles`).

A network that swallows packets (a black hole, a frozen machine) reports nothing: no time limit of the server ends the
wait, and TCP's own works only while the other kernel is down too. So after a while without an answer the connection
is probed on another one. If the server responds, the statement is slow and is waited for; if not, the connection is
given up. For a second no other is opened, and those that are open and wait for an answer are probed at once: callers
fail together, and not one time limit after another.
"""

import socket
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.runtime.metrics import db_pool_connections, db_pool_waiting
from shared.runtime.settings import read_database_url

ASK_AFTER_S = 1.0
"""Idle time before a probe and between two; with the time for two answers, since a request may use two pools, it is
below 2.5 s, when people get an error."""

ANSWER_WITHIN_S, COMMAND_ANSWER_S = 0.5, 30.0
"""How long a server may take for a probe, or a command's connection. People wait for a web process. No one waits for a
command, and a server that writes its first files to a slow disk answers late."""

_answer_within_s: ContextVar[float] = ContextVar("answer_within_s", default=ANSWER_WITHIN_S)
UNRESPONSIVE_S = 1.0
TICK_S = 0.1
STANDARD_PORT = 5432
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""The shortest question that any PostgreSQL answers, before any login (protocol 3.0, SSLRequest)."""

Address = tuple[str, str]
_unresponsive_until: dict[Address, float] = {}
"""Monotonic seconds, by server; of this process."""


@contextmanager
def waiting_as_command() -> Iterator[None]:
    """Within it, connections of this thread wait for slow answers, as long as a command may."""
    token = _answer_within_s.set(COMMAND_ANSWER_S)
    try:
        yield
    finally:
        _answer_within_s.reset(token)


class DatabaseUnresponsive(psycopg.OperationalError):
    """The server takes what is sent and does not answer: a black hole, or a frozen machine."""


class LivenessConnection(psycopg.Connection[Any]):
    """A psycopg connection that probes a silent server. Works with threads and with greenlets."""

    @classmethod
    def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's.

        Raises:
            psycopg.OperationalError: the server does not answer, or did not answer within the last second.
        """
        address = _address_in(conninfo, kwargs)
        if time.monotonic() < _unresponsive_until.get(address, 0.0):
            raise DatabaseUnresponsive("the database was unresponsive within the last second")
        try:
            return super().connect(conninfo, **kwargs)
        except psycopg.errors.ConnectionTimeout:
            _record_unresponsive(address)
            raise

    def wait(self, gen: Any, interval: float = TICK_S, timeout: float | None = None) -> Any:
        """Psycopg's: drive ``gen`` to its end. Called for everything that needs the server."""
        return super().wait(self._watched(gen), interval, timeout)

    def _watched(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """``gen``, with a check of the clock whenever it is woken and nothing has arrived."""
        received_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    received_at = now
                elif now - received_at >= ASK_AFTER_S or now < _unresponsive_until.get(self._address, 0.0):
                    self._require_answer()
                    received_at = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    @property
    def _address(self) -> Address:
        return self.info.host, str(self.info.port)

    def _require_answer(self) -> None:
        if answers(self.info.host, self.info.port, _answer_within_s.get()):
            _unresponsive_until.pop(self._address, None)
            return
        _record_unresponsive(self._address)
        self.pgconn.finish()
        raise DatabaseUnresponsive("the database does not answer")


def answers(host: str, port: int, within_s: float = ANSWER_WITHIN_S) -> bool:
    """Whether a PostgreSQL server at ``host`` (a name, an address, or the folder of its socket) answers at all."""
    try:
        with _line_to(host, port, within_s) as line:
            line.sendall(_SSL_REQUEST)
            return line.recv(1) != b""
    except OSError:
        return False


def _line_to(host: str, port: int, within_s: float) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port), within_s)  # whichever of its addresses answers
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(within_s)
    line.connect(f"{host}/.s.PGSQL.{port}")
    return line


def _record_unresponsive(address: Address) -> None:
    _unresponsive_until[address] = time.monotonic() + UNRESPONSIVE_S


def _address_in(conninfo: str, kwargs: dict[str, Any]) -> Address:
    names = ("autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory")
    words = conninfo_to_dict(conninfo, **{name: value for name, value in kwargs.items() if name not in names})
    return str(words.get("host") or ""), str(words.get("port") or STANDARD_PORT)


LABELS = "troika_pool"
"""Service and name of the pool, among the engine's execution options."""


def measure_pool(engine: Engine, application: str) -> None:
    """Keep the gauges of the pool of ``engine`` from now on.

    Args:
        engine: an engine with a pool of bounded size.
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
            "application_name": application,
            "tcp_user_timeout": 10000,
        },
    )
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _discard_old_plans)
    event.listen(engine, "handle_error", _leave_standby)
    if statement_timeout_ms is not None:
        event.listen(engine, "begin", partial(_limit_statements, statement_timeout_ms))
    measure_pool(engine, application)
    return engine


def _connect(_dialect: object, _record: object, arguments: list[Any], words: dict[str, Any]) -> LivenessConnection:
    words["connect_timeout"] = max(CONNECT_TIMEOUT_S, int(_answer_within_s.get()))
    return LivenessConnection.connect(*arguments, **words)


def _limit_statements(limit_ms: int, connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit_ms}")


def _discard_old_plans(connection: psycopg.Connection[Any], record: Any, _proxy: object) -> None:
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
    """Whether ``error`` means that the database is down, busy or failing over, so that the work may be retried.

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


def outage_reason(error: BaseException) -> str:
    """The reason of an outage in one line, without the statement, which may be pages long or name a person."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def outage_kind(error: BaseException) -> str:
    """The label under which ``error`` is counted: timeout, lock, connection or other."""
    state = str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")
    if state == "57014" or isinstance(error, PoolTimeout):
        return "timeout"
    if state.startswith("40") or state == "55P03":
        return "lock"
    return "connection" if is_outage(error) else "other"
