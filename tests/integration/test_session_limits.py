"""Limits of database sessions: set with the logins, kept if an operator chose others, lifted for one transaction."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from deploy.servers.logins import LOGINS, RIGHTS, make_login, written
from shared.cli.workers import wait_for_limits
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.roles import LIMITS, limit_problems, login, roles_without_limits, set_limits
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.runner import Stop
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import Connection, PostgresServer
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

OURS = "troika_limited"
STATEMENT = "SHOW statement_timeout"


@pytest.fixture
def administrator(postgres: PostgresServer) -> Iterator[Connection]:
    with postgres.connect() as connection:
        yield connection
        connection.execute(f"DROP ROLE IF EXISTS {OURS}")


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    return make_installation(postgres, tmp_path)


@pytest.mark.parametrize("way", ["made", "written"])
def test_login_has_limits_from_its_beginning(administrator: Connection, postgres: PostgresServer, way: str) -> None:
    if way == "made":
        make_login(administrator, OURS, "a password")
    else:
        for statement in written({OURS: "a password"}).splitlines():
            administrator.execute(statement.encode())
    assert _found(postgres, "a password") == []
    assert roles_without_limits(administrator, [OURS]) == []


def test_role_without_limits_is_named_with_what_sets_them(administrator: Connection, postgres: PostgresServer) -> None:
    administrator.execute(f"CREATE ROLE {OURS} LOGIN PASSWORD 'a password'")
    assert roles_without_limits(administrator, [OURS, "nobody_of_that_name"]) == [OURS]
    found = _found(postgres, "a password")
    times = [name for name in LIMITS if name.endswith("timeout")]
    assert [problem.split()[1] for problem in found] == times  # time zone and jit are the server's, and right here
    for problem in found:
        administrator.execute(problem.partition(": ALTER")[2].partition(";")[0].join(("ALTER", "")).encode())
    assert _found(postgres, "a password") == []


def test_limit_that_an_operator_has_chosen_stays(administrator: Connection, postgres: PostgresServer) -> None:
    """A lower one is in force; a higher one is a separate problem."""
    make_login(administrator, OURS, "a password")
    administrator.execute(f"ALTER ROLE {OURS} SET lock_timeout = '900ms'")
    set_limits(administrator, OURS)
    assert _found(postgres, "a password") == []
    administrator.execute(f"ALTER ROLE {OURS} SET lock_timeout = '1min'")
    set_limits(administrator, OURS)
    assert [problem.partition(":")[2].partition(",")[0] for problem in _found(postgres, "a password")] == [
        f" lock_timeout of {OURS} is 1min"
    ]


def test_superuser_without_limits_is_reported(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        assert [problem.split()[3] for problem in limit_problems(connection)] == ["postgres"] * 3


def test_longer_statements_are_those_of_the_transaction_alone(installation: TestInstallation) -> None:
    url = installation.url("registration", "operator")
    unlimited, usual = open_engine(url, pool_size=1, statement_timeout_ms=0), open_engine(url, pool_size=1)
    with UnitOfWork(unlimited, "registration").transaction() as connection:
        assert connection.execute(text(STATEMENT)).scalar() == "0"
    with UnitOfWork(unlimited, "registration").single_statement() as connection:
        assert connection.execute(text(STATEMENT)).scalar() == "5s"
    with UnitOfWork(usual, "registration").transaction() as connection:
        assert connection.execute(text(STATEMENT)).scalar() == "5s"
    unlimited.dispose()
    usual.dispose()


def test_migration_names_logins_without_limits(administrator: Connection, installation: TestInstallation) -> None:
    url, who = installation.urls["events"], login("events", "solve")
    engine = open_engine(url, statement_timeout_ms=0)
    folder = PROJECT / "services" / "events" / "migrations"
    assert migrate(engine, folder, RIGHTS["events"]).unlimited == []
    administrator.execute(f"ALTER ROLE {who} RESET jit")
    found = migrate(engine, folder, RIGHTS["events"]).unlimited
    set_limits(administrator, who)
    engine.dispose()
    assert found == [who]


def test_worker_whose_role_has_no_limit_does_nothing(administrator: Connection, installation: TestInstallation) -> None:
    engine = open_engine(installation.url("events", "relay"))
    work, stop = UnitOfWork(engine, "events"), Stop()
    wait_for_limits(work, stop)
    engine.dispose()
    administrator.execute(f"ALTER ROLE {login('events', 'relay')} RESET lock_timeout")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_limits, work, stop)
        stop.wait(0.3)  # more than its first question takes
        assert not waiting.done()
        stop.now()
        poll_until(waiting.done, 10, what="the worker has stopped")
    set_limits(administrator, login("events", "relay"))
    engine.dispose()


def test_every_login_of_the_tests_has_them(administrator: Connection, installation: TestInstallation) -> None:
    assert installation.urls["events"]
    assert roles_without_limits(administrator, LOGINS["events"]) == []


def _found(postgres: PostgresServer, password: str) -> list[str]:
    with psycopg.connect(
        f"host=127.0.0.1 port={postgres.port} dbname=postgres user={OURS} password='{password}'"
    ) as own:
        return limit_problems(own)
