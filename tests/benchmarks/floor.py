"""The reference that the intake is measured against: the least a durable web form can do.

Flask on gunicorn with threads, one durable INSERT of twelve fields a request, a psycopg pool of four.
"""

import os
from typing import Any

from flask import Flask, request
from psycopg_pool import ConnectionPool
from sqlalchemy import make_url

import shared.core.metrics  # noqa: F401 - as every process of ours; its files tell that a worker has started
from shared.core.rights import login
from tests.support.clients import rows
from tests.support.installation import TestInstallation

TABLE = """
CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, email text,
    organisation text, country text, time_zone text, language text, questions text, consent boolean, working_group text,
    representative boolean, access_needs text, partner text);
GRANT INSERT, SELECT ON floor TO {login}
"""
FIELDS = (
    "name",
    "email",
    "organisation",
    "country",
    "time_zone",
    "language",
    "questions",
    "consent",
    "working_group",
    "representative",
    "access_needs",
    "partner",
)
INSERT = f"INSERT INTO floor ({', '.join(FIELDS)}) VALUES ({', '.join(['%s'] * len(FIELDS))}) RETURNING id"


def make_table(installation: TestInstallation) -> None:
    """By the database's owner: the web process may make none."""
    rows(installation.urls["registration"], TABLE.format(login=login("registration", "web")))


def application() -> Flask:
    """The application for gunicorn."""
    url = make_url(os.environ["REGISTRATION_DATABASE_URL"]).set(drivername="postgresql")
    pool = ConnectionPool(url.render_as_string(hide_password=False), min_size=4, max_size=4, open=True)
    app = Flask(__name__)

    @app.get("/-/registration/readyz")
    def ready() -> str:
        return "ok"

    @app.post("/v1/forms/upr-webinar-10/registrations")
    def register() -> tuple[dict[str, Any], int]:
        content = request.get_json()
        with pool.connection() as connection:
            row = connection.execute(INSERT, [content.get(name) for name in FIELDS]).fetchone()
        return {"id": row[0] if row else None}, 201

    return app
