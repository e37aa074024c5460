"""Commands in the documents work as written."""

import os
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from shared.db.engine import open_engine
from shared.messaging.embedded import connect
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("form", ["{user}@127.0.0.1:{dead},127.0.0.1:{port}/{name}", "{user}@/{name}?{hosts}"])
def test_database_with_several_hosts_of_which_one_is_dead(postgres: PostgresServer, form: str) -> None:
    url, dead = make_url(postgres.fresh_database()), free_port()
    hosts = f"host=127.0.0.1:{dead}&host=127.0.0.1:{url.port}"
    user = f"{url.username}:{url.password}"
    address = "postgresql://" + form.format(user=user, dead=dead, port=url.port, name=url.database, hosts=hosts)
    engine = open_engine(address)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == url.database
    engine.dispose()
    with connect(address) as opened:
        assert opened.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_make_test_begins_with_all_that_make_check_does() -> None:
    """So that it is green only if format, lint, types, import rules and specifications are."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}  # no words of an outer make
    done = subprocess.run(
        ["make", "-n", "test"], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60
    )
    before, found, _ = done.stdout.partition("-m pytest")
    assert found, done.stderr
    words = ("ruff format --check", "ruff check", "mypy", "lint-imports", "deploy.specs --check")
    assert [word for word in words if word not in before] == []
