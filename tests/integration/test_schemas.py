"""Outbox and inbox are the same tables in every service: the library for them knows one shape."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared.db import readiness
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.readiness import database_problem, newest_revision
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.errors import SettingsError, Unavailable
from tests.support.clients import rows
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_name IN ('outbox', 'inbox') ORDER BY 1, 2
"""
INDEXES = """
    SELECT indexdef FROM pg_indexes
    WHERE tablename IN ('outbox', 'inbox') AND indexname <> 'outbox_subject' ORDER BY 1
"""
"""Only where people are erased messages are searched by their subject: notifications needs no index for that."""


def test_outbox_and_inbox_alike_everywhere(postgres: PostgresServer, tmp_path: Path) -> None:
    """Migrations are frozen copies, so nothing but this keeps them equal."""
    urls = make_installation(postgres, tmp_path).urls
    shapes = [
        (rows(urls[name], COLUMNS), rows(urls[name], INDEXES)) for name in ("registration", "events", "notifications")
    ]
    assert len(shapes[0][0]) == 15
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("service", SERVICES)
def test_numbered_files_are_the_revisions_in_one_line(service: str) -> None:
    folder = migrations_of(service)
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    assert newest_revision(folder) == scripts.get_current_head() == newest_first[0]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", ""),
        ("UPDATE alembic_version SET version_num = '0000'", "schema: at 0000, this program needs {}; run migrate"),
        ("UPDATE alembic_version SET version_num = '9999'", ""),
        ("DELETE FROM alembic_version", "schema: at None, this program needs {}; run migrate"),
        ("DROP TABLE alembic_version", "schema: there is none, this program needs {}; run migrate"),
    ],
)
def test_database_is_far_enough_from_its_newest_revision_on(
    postgres: PostgresServer, tmp_path: Path, statement: str, expected: str
) -> None:
    """A later version's migration must not take the running processes out of the gateway."""
    engine = open_engine(make_installation(postgres, tmp_path).urls["registration"])
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    newest = newest_revision(migrations_of("registration"))
    assert database_problem(UnitOfWork(engine, "registration"), newest) == expected.format(newest)
    engine.dispose()


def test_schema_of_a_later_version_is_left_as_it_is(postgres: PostgresServer, tmp_path: Path) -> None:
    """So that the version before it can be started again."""
    url = make_installation(postgres, tmp_path).urls["events"]
    rows(url, "UPDATE alembic_version SET version_num = '9999'")
    engine = open_engine(url)
    done = migrate(engine, migrations_of("events"), {"outbox": {"troika_events_web": "delete"}})
    engine.dispose()
    assert (done.revision, done.missing) == ("9999", [])
    assert rows(url, "SELECT has_table_privilege('troika_events_web', 'outbox', 'delete')") == [(False,)]


def test_database_that_is_away_is_not_far_enough(own_postgres: PostgresServer) -> None:
    engine = open_engine(own_postgres.fresh_database())
    own_postgres.kill()
    with pytest.raises(Unavailable):
        database_problem(UnitOfWork(engine, "registration"), "0001")
    engine.dispose()


def test_server_that_is_too_old_is_refused_by_probe_and_migration(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(make_installation(postgres, tmp_path).urls["registration"])
    monkeypatch.setattr(readiness, "OLDEST_SERVER", 99)
    assert database_problem(UnitOfWork(engine, "registration"), "0001") == (
        "database: PostgreSQL 18 is too old, 99 is the oldest"
    )
    with pytest.raises(SettingsError, match="too old"):
        migrate(engine, migrations_of("registration"), {})
    engine.dispose()


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations."""
    return PROJECT / "services" / service / "migrations"
