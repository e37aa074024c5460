"""What the intake is measured against: the least that stores a form durably, written as three people would write it.

Each floor takes the same requests as the intake, parses the JSON, validates nothing else, and stores twelve fields by
one INSERT in autocommit; two processes behind the same address.
"""

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url

from shared.db.roles import login
from tests.support.clients import rows
from tests.support.installation import TestInstallation

POOL = 8
"""Connections of one process."""

READY = "/-/registration/readyz"
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
TABLE = """
CREATE TABLE floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, email text,
    organisation text, country text, time_zone text, language text, questions text, consent boolean, working_group text,
    representative boolean, access_needs text, partner text);
GRANT INSERT, SELECT ON floor TO {login}
"""
INSERT = f"INSERT INTO floor ({', '.join(FIELDS)}) VALUES ({', '.join(['%s'] * len(FIELDS))}) RETURNING id"
NUMBERED = INSERT.replace("%s", "${}").format(*range(1, len(FIELDS) + 1))
"""The same with asyncpg's placeholders."""


def make_table(installation: TestInstallation) -> None:
    """By the database's owner: the web process may make none."""
    rows(installation.urls["registration"], TABLE.format(login=login("registration", "web")))


def database_url() -> str:
    """Of the web process's login, as libpq reads it."""
    url = make_url(os.environ["REGISTRATION_DATABASE_URL"]).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def values(content: Mapping[str, Any]) -> list[Any]:
    """What is stored of a request, in the order of ``FIELDS``."""
    return [content.get(name) for name in FIELDS]
