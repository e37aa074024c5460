"""The log of PostgreSQL: refused rows appear without their values, and statements about logins without passwords."""

from pathlib import Path

import psycopg
import pytest

from deploy.servers.audit_role import ROLE, make_role
from deploy.servers.logins import make_login, written
from deploy.servers.monitor_role import MONITOR, make_monitor
from shared.db.embedded_server import EmbeddedServer, remove_server
from shared.db.roles import login, migrator
from tests.support.postgres import Connection, PostgresServer
from tests.support.waiting import poll_until

SECRET = "canary-in-a-refused-row"
PASSWORD = "canary-password"
NEW = "troika_of_a_test"


def _be_refused(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE person (address text NOT NULL, age int CHECK (age > 0))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO person VALUES (%s, -1)", (SECRET,))
        with pytest.raises(psycopg.errors.NotNullViolation):
            connection.execute("INSERT INTO person (address, age) SELECT NULL, 1 FROM (SELECT %s) s", (SECRET,))


def _text(log: Path) -> str:
    poll_until(lambda: "violates not-null" in log.read_text(), what="the refusals are in the log")
    return log.read_text()


def test_own_server(postgres: PostgresServer) -> None:
    _be_refused(postgres.fresh_database().replace("+psycopg", ""))
    assert SECRET not in _text(postgres.log)


def test_embedded_server(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    server.start({"registration": ()})
    url = server.url("registration", migrator("registration"))
    _be_refused(url.replace("+psycopg", ""))
    assert SECRET not in _text(server.place / "log")
    server.leave()
    remove_server(tmp_path / "postgres")


def _shown(connection: psycopg.Connection[tuple[str]]) -> tuple[str] | None:
    return connection.execute("SHOW log_statement").fetchone()


def _make_logins(connection: Connection) -> None:
    """Every way in which a login gets a password, for logins that exist and for new ones."""
    make_login(connection, NEW, PASSWORD)
    make_login(connection, NEW, PASSWORD)
    make_role(connection, PASSWORD)
    make_monitor(connection, PASSWORD)
    for statement in written({f"{NEW}_2": PASSWORD}).splitlines():
        connection.execute(statement.encode())


def test_no_password_is_in_the_log_of_statements(own_postgres: PostgresServer) -> None:
    """Each statement is logged, and each login can sign in with its password."""
    with own_postgres.connect() as administrator:
        administrator.execute("SET log_statement = 'all'")
        _make_logins(administrator)
        administrator.execute("SELECT 'all of them'")
    log = own_postgres.log
    poll_until(lambda: "'all of them'" in log.read_text(), what="the statements are in the log")
    given = [line for line in log.read_text().splitlines() if " PASSWORD '" in line]
    assert [line.partition("ROLE ")[2].split('"')[1] for line in given] == [NEW, NEW, ROLE, MONITOR, f"{NEW}_2"]
    assert [line for line in given if " PASSWORD 'SCRAM-SHA-256$" not in line] == []
    assert PASSWORD not in log.read_text()
    for role in (NEW, MONITOR, f"{NEW}_2"):
        psycopg.connect(
            f"host=127.0.0.1 port={own_postgres.port} dbname=postgres user={role} password={PASSWORD}"
        ).close()


def test_no_password_is_in_the_log_of_errors(postgres: PostgresServer) -> None:
    """A statement that is refused is logged for any ``log_statement``."""
    name = "troika_of_nobody"
    postgres.create_role(name)
    url = postgres.fresh_database(owner=name)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            make_login(admin, f"{NEW}_3", PASSWORD)
    poll_until(lambda: f'CREATE ROLE "{NEW}_3"' in postgres.log.read_text(), what="the refusal is in the log")
    assert PASSWORD not in postgres.log.read_text()


def test_no_password_is_in_the_log_of_the_embedded_server(tmp_path: Path) -> None:
    server, again = EmbeddedServer(tmp_path / "postgres"), EmbeddedServer(tmp_path / "postgres")
    server.start({"registration": ()})
    with psycopg.connect(server.administrators("postgres"), autocommit=True) as administrator:
        administrator.execute("ALTER SYSTEM SET log_statement = 'all'")
        administrator.execute("SELECT pg_reload_conf()")
        poll_until(lambda: _shown(administrator) == ("all",), what="statements are logged")
    new = login("registration", "desk")
    again.start({"registration": [new]})
    log = (server.place / "log").read_text()
    assert f'CREATE ROLE "{new}" LOGIN PASSWORD \'SCRAM-SHA-256$' in log
    assert server.password(new) not in log
    again.leave()
    server.leave()
    remove_server(tmp_path / "postgres")
