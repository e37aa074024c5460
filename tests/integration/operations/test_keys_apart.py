"""No backup of a server that has keys of forms, or without a statement whether it has some."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.operations.backup.__main__ import main
from tests.integration.operations.repository_files import FakeRepository

PSQL = """#!/bin/sh
database=${{8#dbname=}}
echo "$database: ${{10}}" >>{folder}/statements
case ${{10}} in
  *pg_database*) cat {folder}/databases ;;
  *pg_class*) cat {folder}/tables-of-$database ;;
  *alembic_version*) echo 0001 ;;
  *archived_time*) echo 5 ;;
esac
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run",),
    "check": ("check",),
    "configure": ("configure", "--apply"),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server with the four databases, none of which has keys, as a fake `psql` shows it."""

    folder: Path
    repository: FakeRepository

    def has(self, database: str, *, tables: int | None = 0, is_open: bool = True) -> None:
        """Add a database; without ``tables`` it does not answer."""
        file = self.folder / "databases"
        listed = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps([*(one for one in listed if one[0] != database), [database, is_open]]))
        if tables is None:
            (self.folder / f"tables-of-{database}").unlink(missing_ok=True)
        else:
            (self.folder / f"tables-of-{database}").write_text(f"{tables}\n")

    def run(self, command: str) -> Result:
        """As an operator types it."""
        self.repository.answer()
        words = COMMANDS[command]
        if command == "configure":
            words = (*words, "--data", str(self.folder / "data"), "--repository", str(self.folder / "repository"))
        return CliRunner().invoke(main, [*words, "--config", str(self.folder / "backup" / "pgbackrest.conf")])

    def was_changed(self) -> bool:
        """Whether a backup was made, or a setting."""
        file = self.folder / "statements"
        return "backup" in self.repository.asked() or (file.exists() and "ALTER SYSTEM" in file.read_text())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """With pgBackRest's files in place."""
    repository = FakeRepository(tmp_path / "programs")
    program = repository.folder / "psql"
    program.write_text(PSQL.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{repository.folder}:/usr/bin:/bin")
    monkeypatch.setenv("TROIKA_POSTGRES_PROGRAMS", str(repository.folder))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("17\n")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "pgbackrest.conf").write_text(f"[troika]\npg1-path={tmp_path / 'data'}\n")
    made = Server(tmp_path, repository)
    for database in ("events", "keys", "notifications", "postgres", "registration"):
        made.has(database)
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_server_without_keys_is_backed_up(server: Server, command: str) -> None:
    done = server.run(command)
    assert "keys of forms" not in done.output
    assert (server.was_changed(), done.exit_code) == (command != "check", command == "check"), done.output


UNFIT: dict[str, tuple[Callable[[Server], object], str]] = {
    "table of keys": (lambda s: s.has("keys", tables=1), "the database keys of this server has the table"),
    "under another name": (lambda s: s.has("old-copy", tables=1), "the database old-copy of this server has the table"),
    "database does not answer": (lambda s: s.has("keys", tables=None), "the database keys of this server does not"),
    "database that is closed": (lambda s: s.has("keys", is_open=False), "the database keys of this server does not"),
    "server does not answer": (lambda s: (s.folder / "databases").unlink(), "does not list its databases"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", UNFIT)
def test_server_that_may_have_keys_is_refused(server: Server, case: str, command: str) -> None:
    prepare, reason = UNFIT[case]
    prepare(server)
    done = server.run(command)
    assert (done.exit_code, server.was_changed()) == (1, False), done.output
    assert reason in done.output
