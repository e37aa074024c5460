"""Backup, restore and drill with the real pgBackRest, by an operator's commands."""

import json
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.shape import SERVICES
from services.registration.sealing.key_database import KeyDatabase
from services.registration.wiring import KEYS_MIGRATIONS
from shared.db.engine import open_engine
from shared.db.readiness import newest_revision
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.security.keys import read_keys
from tests.integration.operations.in_process_system import InProcessSystem, a_populated_system
from tests.recovery.backed_up_cluster import BackedUpCluster
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until


@dataclass(frozen=True, slots=True)
class Backed:
    """A cluster with a full and an incremental backup of a busy installation, and its keys."""

    cluster: BackedUpCluster
    keys: Path


@pytest.fixture(scope="module")
def backed(run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    folder = tmp_path_factory.mktemp("populated-system")
    cluster = BackedUpCluster(run_folder)
    cluster.make()
    installation = cluster.installation(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in installation.environment("registration").items():
            patch.setenv(name, value)
        system = InProcessSystem(installation, folder)
        a_populated_system(system, system.client())
        system.leave()
    # the services in this process make mails with other keys
    cluster.execute("notifications", "DELETE FROM key_check WHERE name IN ('signing-public', 'webhook')")
    cluster.configure()
    assert " full " in cluster.troika("backup", "run")
    cluster.execute("registration", "CREATE TABLE mark (number int)")
    assert " incr " in cluster.troika("backup", "run")
    yield Backed(cluster, installation.secrets.folder)
    cluster.remove()


def test_drill_restores_compares_opens_and_leaves_nothing(backed: Backed, tmp_path: Path) -> None:
    cluster, report = backed.cluster, tmp_path / "drills.jsonl"
    archived = _files(cluster.repository)
    printed = cluster.troika("drill", *_keys(backed), "--report", str(report))
    print(printed)
    line = json.loads(report.read_text())
    assert (line["ok"], line["backup"][-1]) == (True, "I")
    assert re.search(r"sealed answers: (\d+) of \1 opened; recipients: (\d+) of \2 opened", printed)
    assert "0 of 0" not in printed
    assert re.search(r"audit: (holds|not yet decidable), 0 differences", printed)
    assert "troika_backup_last_success_timestamp_seconds" in (cluster.metrics / "troika_backup_drill.prom").read_text()
    assert list(cluster.folder.glob("troika-drill-*")) == []
    assert _files(cluster.repository) == archived


def test_drill_with_the_keys_of_another_installation_fails(backed: Backed, tmp_path: Path) -> None:
    other = backed.cluster.installation(tmp_path).secrets.folder
    printed = backed.cluster.troika("drill", *_keys(Backed(backed.cluster, other)), code=1)
    assert "registration: the key master is not that of the database" in printed
    assert re.search(r"some do not open: sealed answers: 0 of [1-9]", printed)


def test_drill_opens_sealed_answers_with_the_keys_database(
    backed: Backed, postgres: PostgresServer, tmp_path: Path
) -> None:
    """And fails if it holds other keys, or is down; a key that was destroyed since the backup is no fault."""
    databases = FreshDatabases(postgres)
    assert databases["keys"]
    url = databases.of("keys", login("keys", "operator"))
    engine = open_engine(url)
    master, files = read_keys(backed.keys / "master.key"), backed.keys / "form-keys"
    store = KeyDatabase(UnitOfWork(engine, "keys"), master, newest_revision(KEYS_MIGRATIONS))
    forms = [file.stem for file in files.glob("*.key")]
    for form in forms:
        assert store.put(form, (files / f"{form}.key").read_bytes())
    words, settings = ("drill", "--keys", str(backed.keys)), ("--settings", str(tmp_path))
    printed = backed.cluster.troika(*words, *settings, TROIKA_KEYS_DATABASE_URL=url)
    assert re.search(r"sealed answers: ([1-9]\d*) of \1 opened", printed)
    away = url.replace(url.partition("@")[2].partition("/")[0], "127.0.0.1:1")
    printed = backed.cluster.troika(*words, *settings, code=1, TROIKA_KEYS_DATABASE_URL=away)
    assert "the keys database does not answer" in printed
    databases.break_it("keys", "UPDATE form_private_key SET wrapped = 'another key'")
    printed = backed.cluster.troika(*words, *settings, code=1, TROIKA_KEYS_DATABASE_URL=url)
    assert re.search(r"some do not open: sealed answers: 0 of [1-9]", printed)
    for form in forms:
        store.destroy(form, "2020-03-02T09:30:00+00:00")
    printed = backed.cluster.troika(*words, *settings, TROIKA_KEYS_DATABASE_URL=url)
    assert "sealed answers: 0 of 0 opened" in printed
    engine.dispose()


def test_drill_that_is_ended_or_killed_leaves_no_copy_and_no_server(backed: Backed) -> None:
    cluster = backed.cluster
    for number, code in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        drill = cluster.begin("drill", *_keys(backed))
        poll_until(lambda: list(cluster.folder.glob("troika-drill-*/data/postmaster.pid")), 120, what="its server")
        (file,) = cluster.folder.glob("troika-drill-*/data/postmaster.pid")
        server = int(file.read_text().split()[0])
        drill.send_signal(number)
        assert drill.wait(60) == code
        if number == signal.SIGKILL:
            assert _runs(server), "what a killed drill leaves"
            cluster.troika("drill", *_keys(backed))
        assert not _runs(server)
        assert list(cluster.folder.glob("troika-drill-*")) == []


@pytest.mark.parametrize("database", ["keys", "a=copy"])
def test_keys_in_the_same_cluster_are_refused(backed: Backed, database: str) -> None:
    """For any name of their database."""
    cluster = backed.cluster
    if database != "keys":
        cluster.execute("postgres", f'CREATE DATABASE "{database}"')
    cluster.execute(database, "CREATE TABLE form_private_key (form text, wrapped bytea)")
    try:
        assert f"the database {database} of this server has the table" in cluster.troika("backup", "run", code=1)
        assert "a server of its own" in cluster.troika("backup", "check", code=1)
    finally:
        cluster.execute(database, "DROP TABLE form_private_key")
        if database != "keys":
            cluster.execute("postgres", f'DROP DATABASE "{database}"')
    assert "WAL is archived" in cluster.troika("backup", "check")


def test_restore_over_a_running_installation_is_refused(backed: Backed) -> None:
    cluster = backed.cluster
    with cluster.connect("registration") as connection:
        connection.execute("SET application_name = 'troika-registration-desk'")
        printed = cluster.troika("restore", "--replace", code=1)
    assert "nothing was touched" in printed
    assert "PostgreSQL runs in" in printed
    assert "and 1 connections of our processes are open" in printed


def test_restore_after_a_power_cut_has_what_was_archived_and_is_in_quarantine(backed: Backed) -> None:
    cluster = backed.cluster
    before = datetime.now(UTC)
    cluster.execute("registration", "INSERT INTO mark VALUES (1)")
    assert "WAL is archived" in cluster.troika("backup", "check")
    cluster.execute("registration", "INSERT INTO mark VALUES (2)")
    cluster.kill()
    assert "is not empty" in cluster.troika("restore", code=1)
    printed = cluster.troika("restore", "--replace")
    print(printed)
    cluster.start()
    assert cluster.execute("registration", "SELECT number FROM mark") == [(1,)]
    for service in SERVICES:
        ((reason, backup_at),) = cluster.execute(service, "SELECT reason, backup_at FROM quarantine")
        assert reason == "restored from a backup"
        assert before < backup_at < datetime.now(UTC)
    (aside,) = cluster.folder.glob("data.before-restore-*")
    assert (aside / "PG_VERSION").exists()
    shutil.rmtree(aside)


def test_point_in_time_is_reached_on_the_newer_timeline_too(backed: Backed) -> None:
    """After a restore the cluster can be backed up and restored again."""
    cluster = backed.cluster
    cluster.troika("backup", "run")
    cluster.execute("registration", "INSERT INTO mark VALUES (3)")
    ((until,),) = cluster.execute("registration", "SELECT clock_timestamp()")
    cluster.execute("registration", "INSERT INTO mark VALUES (4)")
    cluster.troika("backup", "check")
    cluster.stop()
    cluster.troika("restore", "--replace", "--target-time", until.isoformat())
    cluster.start()
    assert cluster.execute("registration", "SELECT number FROM mark WHERE number > 2") == [(3,)]
    (aside,) = cluster.folder.glob("data.before-restore-*")
    shutil.rmtree(aside)


def test_other_version_newer_schema_and_wrong_time_are_refused(backed: Backed, tmp_path: Path) -> None:
    cluster = backed.cluster
    cluster.execute("events", "UPDATE alembic_version SET version_num = '9999'")
    cluster.troika("backup", "run", "--full")
    cluster.execute("events", "UPDATE alembic_version SET version_num = '0001'")
    cluster.stop()
    before = _files(cluster.data)
    assert "events: its schema is 9999" in cluster.troika("restore", "--replace", code=1)
    older = tmp_path / "postgres"
    older.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n")
    older.chmod(0o755)
    printed = cluster.troika("restore", "--replace", code=1, TROIKA_POSTGRES_PROGRAMS=str(tmp_path))
    assert f"the backup is of PostgreSQL 17, and {tmp_path} holds PostgreSQL 15" in printed
    assert "in the future" in cluster.troika("restore", "--target-time", "2999-01-01T00:00:00Z", "--replace", code=1)
    assert "it cannot be restored to that time" in cluster.troika(
        "restore", "--target-time", "2020-01-01T00Z", "--replace", code=1
    )
    assert _files(cluster.data) == before
    cluster.start()


def test_schema_that_became_newer_after_the_backup_is_put_in_no_place(backed: Backed) -> None:
    """The WAL since the backup holds an upgrade to a schema that this code does not support."""
    cluster = backed.cluster
    cluster.troika("backup", "run", "--full")
    cluster.execute("events", "UPDATE alembic_version SET version_num = '9999'")
    cluster.troika("backup", "check")
    cluster.stop()
    before = _files(cluster.data)
    assert "events: its schema is 9999" in cluster.troika("restore", "--replace", code=1)
    assert _files(cluster.data) == before
    assert list(cluster.folder.glob("data.before-restore-*")) == []
    cluster.start()
    cluster.execute("events", "UPDATE alembic_version SET version_num = '0001'")


def test_damaged_backup_and_wrong_passphrase_are_refused(backed: Backed) -> None:
    cluster = backed.cluster
    cluster.troika("backup", "run", "--full")
    cluster.stop()
    newest = max((cluster.repository / "backup" / "troika").glob("*F"))
    bundle = max((file for file in newest.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    before = _files(cluster.data)
    printed = cluster.troika("restore", "--replace", code=1)
    assert f"the backup is damaged: {newest.name}: invalid" in printed
    assert "damaged" in cluster.troika("drill", code=1)
    passphrase = cluster.config.parent / "conf.d" / "passphrase.conf"
    passphrase.write_text("[global]\nrepo1-cipher-pass=another\n")
    assert "another passphrase" in cluster.troika("restore", "--replace", code=1)
    passphrase.unlink()
    where = ("--data", str(cluster.data), "--repository", str(cluster.repository))
    assert "Another one would open none of them" in cluster.troika("backup", "configure", *where, code=1)
    assert _files(cluster.data) == before


def _runs(pid: int) -> bool:
    """Whether a process runs: one that has ended is there until its parent has asked for its exit code."""
    file = Path(f"/proc/{pid}/stat")
    return file.exists() and file.read_text().rpartition(") ")[2][0] != "Z"


def _keys(backed: Backed) -> tuple[str, ...]:
    return ("--keys", str(backed.keys), "--form-keys", str(backed.keys / "form-keys"))


def _files(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(file.relative_to(folder)), file.stat().st_size) for file in folder.rglob("*") if file.is_file())
