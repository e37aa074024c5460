"""``migrate --to`` rolls back if a migration allows it, and otherwise refuses with the reason."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from services.events.__main__ import command_line
from shared.cli import commands
from shared.cli.commands import migrate_service
from shared.cli.settings import CommonSettings, Service
from shared.db.engine import open_engine
from shared.db.migrate import MigrationRefused, migrate, migrate_to
from tests.support.clients import rows
from tests.support.installation import make_installation
from tests.support.migrations import current_revision, make_migrations
from tests.support.postgres import PostgresServer

FIRST = 'def upgrade():\n    op.execute("CREATE TABLE event (id text)")\n'
SECOND = """
def upgrade():
    op.execute("ALTER TABLE event ADD COLUMN city text")


def downgrade():
    op.execute("ALTER TABLE event DROP COLUMN city")
"""
THIRD = 'irreversible = "addresses were made shorter"\n\n' + SECOND.replace("city", "venue")
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'event' ORDER BY ordinal_position"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh_database()


def _migrated(url: str, folder: Path) -> Engine:
    engine = open_engine(url)
    migrate(engine, folder, {})
    return engine


def test_rolled_back_and_migrated_again(url: str, tmp_path: Path) -> None:
    folder = make_migrations(tmp_path, r0001=FIRST, r0002=SECOND)
    engine = _migrated(url, folder)
    assert migrate_to(engine, folder, "0001").revision == current_revision(engine) == "0001"
    assert rows(url, COLUMNS) == [("id",)]
    assert migrate_to(engine, folder, "0002").revision == current_revision(engine) == "0002"
    assert rows(url, COLUMNS) == [("id",), ("city",)]
    engine.dispose()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("0002", "0003 cannot be rolled back: addresses were made shorter"),
        ("0001", "0003 cannot be rolled back: addresses were made shorter"),
        ("0000", "there is no revision 0000; there are 0001, 0002, 0003"),
    ],
)
def test_no_way_back_changes_nothing(url: str, tmp_path: Path, target: str, reason: str) -> None:
    folder = make_migrations(tmp_path, r0001=FIRST, r0002=SECOND, r0003=THIRD)
    engine = _migrated(url, folder)
    with pytest.raises(MigrationRefused, match=reason):
        migrate_to(engine, folder, target)
    assert current_revision(engine) == "0003"
    engine.dispose()


def test_migration_without_downgrade_is_not_rolled_back(url: str, tmp_path: Path) -> None:
    without = SECOND.partition("def downgrade")[0]
    folder = make_migrations(tmp_path, r0001=FIRST, r0002=without)
    engine = _migrated(url, folder)
    with pytest.raises(MigrationRefused, match="0002 cannot be rolled back: it has no downgrade"):
        migrate_to(engine, folder, "0001")
    engine.dispose()


def test_schema_that_this_version_does_not_know_is_refused(url: str, tmp_path: Path) -> None:
    engine = _migrated(url, make_migrations(tmp_path / "newer", r0001=FIRST, r0002=SECOND))
    older = make_migrations(tmp_path / "older", r0001=FIRST)
    with pytest.raises(MigrationRefused, match="the schema is at 0002, and this version supports 0001 at most"):
        migrate_to(engine, older, "0001")
    engine.dispose()


def test_empty_database_is_refused(url: str, tmp_path: Path) -> None:
    engine = open_engine(url)
    with pytest.raises(MigrationRefused, match="run migrate"):
        migrate_to(engine, make_migrations(tmp_path, r0001=FIRST), "0001")
    engine.dispose()


LOST_ONCE = """
from pathlib import Path

ATTEMPTED = Path(__file__).with_suffix(".attempted")


def upgrade():
    op.execute("CREATE TABLE event (id text)")
    if not ATTEMPTED.exists():
        ATTEMPTED.touch()
        op.execute("SELECT pg_terminate_backend(pg_backend_pid())")
"""


def test_migration_whose_connection_is_lost_is_tried_again(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_migrations(tmp_path, r0001=LOST_ONCE)
    service = Service("events", folder, lambda _process: CommonSettings("events", database_url=url), {}, lambda _: {})
    migrate_service(service, "", yes=False)
    printed = capsys.readouterr()
    assert printed.out == "events: schema 0001\n"
    assert printed.err.splitlines()[0].startswith("events: terminating connection")
    assert "CREATE TABLE" not in printed.err
    assert rows(url, COLUMNS) == [("id",)]


def test_database_that_is_away_ends_a_command_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_DATABASE_URL", "postgresql://troika_events:of-a-test@127.0.0.1:1/events")
    monkeypatch.setattr(commands, "RETRY_PAUSE_S", 0.0)
    done = CliRunner().invoke(command_line(), ["migrate"])
    lines = done.output.splitlines()
    assert (done.exit_code, len(lines), "of-a-test" in done.output) == (1, commands.ATTEMPTS, False)
    assert lines[-1].startswith("Error: the database: ")


def test_command_asks_first_and_prints_the_reason(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTS_DATABASE_URL", make_installation(postgres, tmp_path).urls["events"])
    unconfirmed = CliRunner().invoke(command_line(), ["migrate", "--to", "0001"])
    refused = CliRunner().invoke(command_line(), ["migrate", "--to", "0000", "--yes"])
    done = CliRunner().invoke(command_line(), ["migrate", "--to", "0001", "--yes"])
    assert (unconfirmed.exit_code, "use --yes" in unconfirmed.output) == (2, True)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: events: there is no revision 0000; there are 0001")
    assert (done.exit_code, done.output) == (0, "events: schema 0001\n")
