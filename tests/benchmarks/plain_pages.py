"""The reference for pages: Flask on gevent that sends one prepared page, and stores one form by a durable INSERT.

It is the maximum for a web process here: the page is a constant as large as our page, already compressed.
"""

import gzip
import os

from flask import Flask, Response, request

from tests.benchmarks.floor import INSERT, values
from tests.benchmarks.floor_flask import open_pool
from tests.benchmarks.intake_adapter import ACCEPTED, PATH

PAGE_BYTES = 92_000


def application() -> Flask:
    """The application for gunicorn; it stores where there is a table for it (``floor.make_table``)."""
    app = Flask(__name__)
    page = gzip.compress(os.urandom(10_000).hex().encode().ljust(PAGE_BYTES, b" "))
    headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}

    @app.get("/-/<service>/readyz")
    def ready(service: str) -> str:
        return service

    @app.get("/<path:_path>")
    def show(_path: str) -> Response:
        return Response(page, headers=headers)

    _add_intake(app)
    return app


def _add_intake(app: Flask) -> None:
    if "REGISTRATION_DATABASE_URL" not in os.environ:
        return
    pool = open_pool()

    @app.post(PATH)
    def store() -> Response:
        with pool.connection() as connection:
            connection.execute(INSERT, values(request.form))
        return Response("<!doctype html><title>Registered</title>", ACCEPTED, mimetype="text/html")
