"""``troika restore`` refuses before it changes anything; `make test-recovery` shows the same with real backups."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.operations.backup.postgres import ServerProblem, version_of
from deploy.operations.backup.restore import main
from deploy.operations.backup.restoring import put_in_place
from tests.integration.operations.repository_files import FULL, INCREMENTAL, WHOLE, FakeRepository


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine whose cluster was lost, and what its repository holds."""

    repository: FakeRepository
    data: Path
    config: Path

    def restore(self, *words: str) -> Result:
        """As an operator types it."""
        self.repository.answer()
        return CliRunner().invoke(main, ["--config", str(self.config), *words])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """It has pgBackRest and PostgreSQL 17, and a data folder with an old file."""
    repository = FakeRepository(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{repository.folder}:/usr/bin:/bin")
    monkeypatch.setenv("TROIKA_POSTGRES_PROGRAMS", str(repository.folder))
    data, config = tmp_path / "data", tmp_path / "pgbackrest.conf"
    data.mkdir()
    (data / "PG_VERSION").write_text("17\n")
    config.write_text(f"[troika]\npg1-path={data}\npg1-socket-path={tmp_path}\n")
    return Machine(repository, data, config)


def _run(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n")


def _report(machine: Machine, full_state: str = "valid", wal: str = "missing: 0") -> None:
    text = WHOLE.format(full=FULL, full_state=full_state, incremental=INCREMENTAL)
    machine.repository.report = text.replace("missing: 0", wal, 1)


def _unreadable(machine: Machine) -> None:
    status = {"code": 99, "message": "[FormatError] unable to load info file\nmore"}
    machine.repository.info |= {"status": status, "repo": [{"status": status}], "backup": []}


REFUSED: dict[str, tuple[Callable[[Machine], object], str]] = {
    "running": (lambda m: _run(m.data), "stop all services, then PostgreSQL"),
    "another restore": (lambda m: _run(m.data.with_name("data.restoring")), "another restore runs, or was killed"),
    "no backup": (lambda m: m.repository.info["backup"].clear(), "the repository holds no backup"),
    "unreadable": (_unreadable, "another passphrase: [FormatError] unable to load info file"),
    "other server": (lambda m: m.repository.version("15"), "is of PostgreSQL 17, and {programs} holds PostgreSQL 15"),
    "no server": (lambda m: (m.repository.folder / "postgres").unlink(), "{programs} holds no server"),
    "other cluster": (lambda m: (m.data / "PG_VERSION").write_text("16\n"), "and {data} is a cluster of 16"),
    "newer schema": (
        lambda m: m.repository.newest["annotation"].update({"schema-events": "9999"}),
        "events: its schema is 9999, this version of Troika supports",
    ),
    "unknown schema": (
        lambda m: m.repository.newest["annotation"].pop("schema-events"),
        "does not record the schema of events",
    ),
    "page checksums": (lambda m: m.repository.newest.update(error=True), "checksums of pages did not hold"),
    "no room": (lambda m: m.repository.newest["info"].update(size=1 << 60), "MiB free, and the restore needs"),
    "damaged": (lambda m: setattr(m.repository, "report", ""), f"damaged: {INCREMENTAL}: not verified"),
    "damaged before": (lambda m: _report(m, full_state="invalid"), f"the backup is damaged: {FULL}: invalid"),
    "WAL lost": (lambda m: _report(m, wal="missing: 2"), "the backup is damaged: WAL 17-1: 2 missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_restore_is_refused_before_anything_is_touched(machine: Machine, case: str) -> None:
    prepare, reason = REFUSED[case]
    prepare(machine)
    before = _everything(machine)
    done = machine.restore("--replace")
    assert done.exit_code == 1
    assert reason.format(programs=machine.repository.folder, data=machine.data) in done.output
    assert "restore" not in machine.repository.asked()
    assert _everything(machine) == before


def test_existing_data_is_not_replaced_without_confirmation(machine: Machine) -> None:
    done = machine.restore()
    assert (done.exit_code, "with --replace it is moved aside, and not deleted" in done.output) == (1, True)
    assert machine.repository.asked() == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--set", "20190101-000000F"), "there is no backup 20190101-000000F"),
        (("--target-time", "2999-01-01T00:00:00Z"), "is in the future"),
        (("--target-time", "2020-03-01T00:00:00Z"), "it cannot be restored to that time"),
        (("--set", INCREMENTAL, "--target-time", "2020-03-02T12:00:00Z"), "it cannot be restored to that time"),
        (("--target-time", "2020-03-02T12:00:00"), "a time with its zone is required"),
    ],
)
def test_wish_that_no_backup_meets_is_refused(machine: Machine, words: tuple[str, ...], reason: str) -> None:
    done = machine.restore("--replace", *words)
    assert (done.exit_code > 0, reason in done.output) == (True, True), done.output
    assert "restore" not in machine.repository.asked()


def test_newest_backup_before_the_time_is_chosen(machine: Machine) -> None:
    """The fake restores nothing, so the start of the server fails; the old data folder stays in place."""
    done = machine.restore("--replace", "--target-time", "2020-03-02T12:00:00Z")
    assert f"restoring {FULL} " in done.output
    assert machine.repository.asked() == ["info", "verify", "restore"]
    assert (machine.data / "PG_VERSION").read_text() == "17\n"


def test_pid_file_of_a_server_that_is_gone_does_not_count(machine: Machine) -> None:
    """A crash leaves the pid file, and a restore often follows a crash."""
    (machine.data / "postmaster.pid").write_text("4194304\n")
    assert "runs in" not in machine.restore("--replace").output
    assert "restore" in machine.repository.asked()


def test_missing_program_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.repository.folder / "pgbackrest").unlink()
    monkeypatch.setenv("PATH", str(machine.repository.folder))
    assert "pgbackrest is not installed" in machine.restore("--replace").output


def _everything(machine: Machine) -> list[tuple[str, bytes]]:
    folders = (machine.data, machine.data.with_name("data.restoring"))
    return sorted((str(path), path.read_bytes()) for folder in folders for path in folder.glob("*"))


@pytest.mark.parametrize("version", ["../../tmp", "17/../x", "-rf", "1\n7", "17x"])
def test_version_that_leads_to_another_folder_starts_no_program(machine: Machine, version: str) -> None:
    """The account of PostgreSQL writes both, and root runs what is in the folder of that version."""
    machine.repository.info["db"][0]["version"] = version
    done = machine.restore("--replace")
    assert (done.exit_code, "is no major version of PostgreSQL" in done.output) == (1, True), done.output
    (machine.data / "PG_VERSION").write_text(version)
    assert version_of(machine.data) == ""


def test_cluster_that_was_started_while_the_restore_ran_is_not_moved_away(tmp_path: Path) -> None:
    new, data = tmp_path / "data.restoring", tmp_path / "data"
    new.mkdir()
    data.mkdir()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with pytest.raises(ServerProblem, match="in the meantime"):
        put_in_place(new, data, datetime(2020, 3, 4, 3, tzinfo=UTC))
    assert (new.exists(), (data / "postmaster.pid").exists()) == (True, True)
    (data / "postmaster.pid").unlink()
    (data / "PG_VERSION").touch()
    aside = put_in_place(new, data, datetime(2020, 3, 4, 3, tzinfo=UTC))
    assert (aside, list(data.iterdir())) == (tmp_path / "data.before-restore-20200304T030000Z", [])
