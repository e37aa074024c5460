"""The reference for pages: Flask on gevent that sends one prepared page, and stores one form by a durable INSERT.

It is what a web process can do at most here: the page is a constant of the size of ours, already compressed.
"""

import gzip
import os

from flask import Flask, Response, request
from psycopg_pool import ConnectionPool
from sqlalchemy import make_url

import shared.core.metrics  # noqa: F401 - as every process of ours; its files tell that a worker has started
from tests.benchmarks.floor import FIELDS, INSERT

PAGE_BYTES = 92_000
CONNECTIONS = 8


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
    if (given := os.environ.get("REGISTRATION_DATABASE_URL")) is None:
        return
    url = make_url(given)
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    pool = ConnectionPool(text, min_size=1, max_size=CONNECTIONS, open=True)

    @app.post("/v1/forms/upr-webinar-10/registrations")
    def register() -> Response:
        values = [request.form.get(name) for name in FIELDS]
        with pool.connection() as connection:
            connection.execute(INSERT, values)
        return Response("<!doctype html><title>Registered</title>", 201, mimetype="text/html")
