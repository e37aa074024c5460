"""Two floors in Flask: as anyone would write it, for threads; and with orjson, for gevent."""

from typing import Any

import orjson
from flask import Flask, Response, request
from psycopg_pool import ConnectionPool

from tests.benchmarks.floor import INSERT, POOL, READY, database_url, values
from tests.benchmarks.intake_adapter import ACCEPTED, PATH


def plain() -> Flask:
    """The application with Flask's own JSON."""
    app, pool = _app(), open_pool()

    @app.post(PATH)
    def store() -> tuple[dict[str, Any], int]:
        return {"id": _store(pool, request.get_json())}, ACCEPTED

    return app


def quick() -> Flask:
    """The application with orjson."""
    app, pool = _app(), open_pool()

    @app.post(PATH)
    def store() -> Response:
        stored = _store(pool, orjson.loads(request.get_data()))
        return Response(orjson.dumps({"id": stored}), ACCEPTED, content_type="application/json")

    return app


def _app() -> Flask:
    app = Flask(__name__)
    app.get(READY)(lambda: "ok")
    return app


def open_pool() -> ConnectionPool:
    """Connections of one process, each statement a transaction."""
    return ConnectionPool(database_url(), min_size=POOL, max_size=POOL, kwargs={"autocommit": True}, open=True)


def _store(pool: ConnectionPool, content: dict[str, Any]) -> int:
    with pool.connection() as connection:
        row = connection.execute(INSERT, values(content)).fetchone()
    assert row is not None
    return int(row[0])
