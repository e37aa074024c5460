"""Several statements in one round trip, below psycopg's cursors: for the intake alone, where each wait counts.

psycopg's own pipeline looks at the socket several times for each statement, which cost the write group two thirds of
a small batch's time (measured: docs/explanation/performance.md). Here everything is sent, then there is one wait.
Each statement takes one text parameter and gives back its first value, so that no types have to be adapted.

Plans are kept, and made anew after the first few trips and then now and then: a plan from when the tables were empty is
as good as any other on that day, and may read them whole ever after. The server knows how many pages there are now.

What it must never do: leave a connection in the middle of a dialogue. One that was cut short is closed.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.waiting import Ready, Wait
from sqlalchemy import Connection

_PREPARED = "prepared by round_trip"
_TRIPS = "trips of round_trip"
PLANNED_ANEW_EVERY = 1024
"""Trips; before that at each power of two. Planning takes a few milliseconds."""

_FAILED = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE})


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with its parameter.

    Attributes:
        name: under which the session keeps its plan; empty to parse it each time.
        sql: with ``$1`` where the parameter stands, if there is one.
        value: the parameter, as text; None for none.
    """

    name: str
    sql: str
    value: bytes | None = None


BEGIN = Call("", "BEGIN")
COMMIT = Call("", "COMMIT")
_PLAN_ANEW = Call("", "DISCARD PLANS")


def round_trip(connection: Connection, calls: Sequence[Call]) -> list[bytes | None]:
    """Run ``calls`` in order, with one wait for all; the first value of each, as text, None if it has none.

    Raises:
        psycopg.Error: of the first that failed; those after it were not run.
    """
    raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    known: set[str] = connection.info.setdefault(_PREPARED, set())
    before = [_PLAN_ANEW] if _is_time_to_plan(connection) else []
    results = None
    try:
        results = raw.wait(_exchange(raw.pgconn, [*before, *calls], known))
    finally:
        if results is None:
            raw.close()
    for result in results:
        if result.status in _FAILED:
            raise error_from_result(result, encoding="utf-8")
    return [result.get_value(0, 0) if result.ntuples else None for result in results[len(before) :]]


def _is_time_to_plan(connection: Connection) -> bool:
    trip: int = connection.info.get(_TRIPS, 0) + 1
    connection.info[_TRIPS] = trip
    return trip.bit_count() == 1 or trip % PLANNED_ANEW_EVERY == 0


def _exchange(pgconn: Any, calls: Sequence[Call], known: set[str]) -> Generator[Wait, Ready | int, list[Any]]:
    """Send everything, then read: one result a call, up to one that could not even be prepared."""
    steps = list(_steps(calls, known))
    pgconn.enter_pipeline_mode()
    for call, prepares in steps:
        _send(pgconn, call, prepares)
    pgconn.pipeline_sync()
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results = []
    while (result := (yield from _next_result(pgconn))).status != ExecStatus.PIPELINE_SYNC:
        results.append(result)
    pgconn.exit_pipeline_mode()
    return list(_answers(iter(results), steps, known))


def _steps(calls: Sequence[Call], known: set[str]) -> Iterator[tuple[Call, bool]]:
    """Each call, before it its preparation if this is the first time that the session meets it."""
    met = set(known)
    for call in calls:
        if call.name and call.name not in met:
            met.add(call.name)
            yield call, True
        yield call, False


def _next_result(pgconn: Any) -> Generator[Wait, Ready | int, Any]:
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is not None:
            return result
        if pgconn.status != ConnStatus.OK:  # else None is the end of one call's results
            raise psycopg.OperationalError("the connection was lost")


def _send(pgconn: Any, call: Call, prepares: bool) -> None:
    values = None if call.value is None else [call.value]
    if prepares:
        pgconn.send_prepare(call.name.encode(), call.sql.encode())
    elif call.name:
        pgconn.send_query_prepared(call.name.encode(), values)
    else:
        pgconn.send_query_params(call.sql.encode(), values)


def _answers(results: Iterator[Any], steps: Sequence[tuple[Call, bool]], known: set[str]) -> Iterator[Any]:
    """The calls' own results; what was prepared is noted, since the session keeps it whatever comes after."""
    for (call, prepares), result in zip(steps, results, strict=True):
        if not prepares:
            yield result
        elif result.status == ExecStatus.COMMAND_OK:
            known.add(call.name)
        else:
            yield result
            return
