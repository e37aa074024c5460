"""PostgreSQL says in its log that it refused a row, and not what stood in it."""

from pathlib import Path

import psycopg
import pytest

from shared.core.rights import migrator
from shared.store.embedded import EmbeddedServer, remove_server
from tests.support.postgres import PostgresServer
from tests.support.waiting import poll_until

SECRET = "canary-in-a-refused-row"


def _be_refused(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE person (address text NOT NULL, age int CHECK (age > 0))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO person VALUES (%s, -1)", (SECRET,))
        with pytest.raises(psycopg.errors.NotNullViolation):
            connection.execute("INSERT INTO person (address, age) SELECT NULL, 1 FROM (SELECT %s) s", (SECRET,))


def _said(log: Path) -> str:
    poll_until(lambda: "violates not-null" in log.read_text(), what="the refusals stand in the log")
    return log.read_text()


def test_own_server(postgres: PostgresServer) -> None:
    _be_refused(postgres.fresh_database().replace("+psycopg", ""))
    assert SECRET not in _said(postgres.log)


def test_embedded_server(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    server.start({"registration": ()})
    url = server.url("registration", migrator("registration"))
    _be_refused(url.replace("+psycopg", ""))
    assert SECRET not in _said(server.place / "log")
    server.leave()
    remove_server(tmp_path / "postgres")
