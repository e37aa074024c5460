"""Checks of the machine and of backups."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.operations.backup.configuration import Cluster, read_configuration, write_configuration
from deploy.operations.doctor.backups import CONFIG, LAST_SUCCESS, METRICS_FOLDER
from deploy.operations.doctor.grading import Grade, GradedHost
from deploy.operations.doctor.network import PROMETHEUS_URL
from deploy.operations.doctor.probes import DiskSpace, HttpAnswer, Probes
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import EVENTS, NOW, check, host, named, only, pages, probes, rows
from tests.unit.shared.runtime.test_accounts import open_to_all


def prints(text: str) -> Callable[[Sequence[str]], str]:
    """A machine on which every command prints ``text``."""
    return lambda _words: text


def has_no_command(words: Sequence[str]) -> str:
    """A machine on which nothing is installed."""
    raise Unavailable(f"{words[0]}: FileNotFoundError")


@pytest.mark.parametrize(
    ("free", "inodes", "grade"),
    [(0.5, 0.5, Grade.OK), (0.1, 0.5, Grade.WARNING), (0.5, 0.1, Grade.WARNING), (0.01, 0.5, Grade.FAILED)],
)
def test_disks(free: float, inodes: float, grade: Grade) -> None:
    graded = host(folders={"data": Path("/data")})
    assert only("host-disks", graded, probes(space=lambda _path: DiskSpace(free, inodes, 10**9)))[0] == grade


@pytest.mark.parametrize(
    ("total_kb", "free_kb", "grade"),
    [
        (4_000_000, 2_000_000, Grade.OK),
        (1_000_000, 500_000, Grade.WARNING),
        (4_000_000, 300_000, Grade.WARNING),
        (4_000_000, 100_000, Grade.FAILED),
    ],
)
def test_memory(total_kb: int, free_kb: int, grade: Grade) -> None:
    text = f"MemTotal:       {total_kb} kB\nMemFree:  1 kB\nMemAvailable:   {free_kb} kB\n"
    assert only("host-memory", host(), probes(run=prints(text)))[0] == grade


@pytest.mark.parametrize(
    ("used", "limit", "grades"),
    [
        (10, "8192", [Grade.OK, Grade.OK]),
        (80, "1024", [Grade.WARNING, Grade.WARNING]),
        (95, "unlimited", [Grade.FAILED, Grade.OK]),
    ],
)
def test_descriptors(used: int, limit: str, grades: list[Grade]) -> None:
    def run(words: Sequence[str]) -> str:
        return f"{used}\t0\t100\n" if words[-1].endswith("file-nr") else f"Max open files   1024   {limit}   files\n"

    assert [result.grade for result in check("host-descriptors", host(), probes(run=run))] == grades


def test_time() -> None:
    assert only("clock-synchronised", host(), probes(synchronised=lambda: True))[0] == Grade.OK
    assert only("clock-synchronised", host(), probes(synchronised=lambda: False))[0] == Grade.WARNING


@pytest.mark.parametrize(
    ("kinds", "grades"),
    [
        ("", [Grade.OK]),
        ("smtp, database", [Grade.WARNING, Grade.WARNING]),
        ("everything", [Grade.FAILED]),
    ],
)
def test_insecure(kinds: str, grades: list[Grade]) -> None:
    results = check("settings-insecure", named(TROIKA_INSECURE=kinds), probes())
    assert [result.grade for result in results] == grades


def grades(name: str, graded: GradedHost, asked: Probes) -> dict[str, Grade]:
    """Grades by kind of backup."""
    return {result.about: result.grade for result in check(name, graded, asked)}


def backups(kind: str, age: timedelta) -> str:
    """A metrics file as `troika backup` writes it."""
    return f'# HELP {LAST_SUCCESS} x\n{LAST_SUCCESS}{{kind="{kind}"}} {(NOW - age).timestamp():.6e}\n'


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """What `troika backup configure` writes, in a folder of the operator's choice."""
    open_to_all(tmp_path)
    file = tmp_path / "elsewhere" / "pgbackrest.conf"
    write_configuration(file, Cluster(tmp_path / "data", 5432, "/run", "postgres", str(tmp_path / "repository")))
    return file


@pytest.mark.parametrize(("hours", "grade"), [(3, Grade.OK), (30, Grade.WARNING), (100, Grade.FAILED)])
def test_backup_of_pgbackrest(hours: int, grade: Grade, tmp_path: Path, configuration: Path) -> None:
    (tmp_path / "troika_backup_keys.prom").write_text(backups("keys", timedelta(days=3)))
    (tmp_path / "troika_backup_form-keys.prom").write_text(backups("form-keys", timedelta(days=9)))
    graded = named(**{METRICS_FOLDER: str(tmp_path), CONFIG: str(configuration)})
    found = grades("backup-age", graded, probes(run=repository(configuration, hours)))
    assert found == {"database": grade, "keys": Grade.OK, "form-keys": Grade.WARNING}


def repository(configuration: Path, *ages_h: int) -> Callable[[Sequence[str]], str]:
    """A machine whose pgBackRest has these backups, in the repository of one configuration alone."""
    stopped = [(NOW - timedelta(hours=age_h)).timestamp() for age_h in ages_h]
    printed = json.dumps([{"backup": [{"timestamp": {"stop": at}} for at in stopped]}])
    expected = read_configuration(configuration).command("info", "--output=json")
    return lambda words: printed if list(words) == expected else "[]"


def test_pgbackrest_without_a_backup(tmp_path: Path, configuration: Path) -> None:
    graded = named(**{METRICS_FOLDER: str(tmp_path), CONFIG: str(configuration)})
    found = grades("backup-age", graded, probes(run=prints("[]")))
    assert found == dict.fromkeys(("database", "keys", "form-keys"), Grade.FAILED)


def test_configuration_that_the_server_archives_with_is_taken(configuration: Path) -> None:
    """No setting names it: `troika backup configure --config` was given a path."""
    command = read_configuration(configuration).server_settings()["archive_command"]
    asked = probes(run=repository(configuration, 3), query=rows({"archive": [(command,)]}))
    found = grades("backup-age", host(databases=(EVENTS,)), asked)
    assert found == {"database": Grade.OK, "keys": Grade.NOT_ASKED, "form-keys": Grade.NOT_ASKED}


@pytest.mark.parametrize("command", ["", "cp %p /archive/%f", "pgbackrest --config=/nowhere %p", "an 'end"])
def test_other_archive_command_names_no_configuration(command: str, tmp_path: Path) -> None:
    """Another repository on this host is unrelated to this installation: the figures of `troika backup` are its own."""
    (tmp_path / "troika_backup_database.prom").write_text(backups("database", timedelta(hours=30)))
    graded = host(databases=(EVENTS,), values={METRICS_FOLDER: str(tmp_path)})
    found = grades("backup-age", graded, probes(run=prints("[]"), query=rows({"archive": [(command,)]})))
    assert found == {"database": Grade.WARNING, "keys": Grade.FAILED, "form-keys": Grade.FAILED}


@pytest.mark.parametrize("content", [None, "[other]\n", "no file of this kind"])
def test_configuration_that_cannot_be_used_leaves_the_figures(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "troika_backup_database.prom").write_text(backups("database", timedelta(hours=3)))
    file = tmp_path / "pgbackrest.conf"
    if content is not None:
        file.write_text(content)
    graded = named(**{METRICS_FOLDER: str(tmp_path), CONFIG: str(file)})
    assert grades("backup-age", graded, probes(run=prints("[]")))["database"] == Grade.OK


@pytest.mark.parametrize(("days", "grade"), [(9, Grade.OK), (200, Grade.WARNING), (400, Grade.FAILED)])
def test_drill_in_a_text_file(tmp_path: Path, days: int, grade: Grade) -> None:
    (tmp_path / "troika_backup_drill.prom").write_text(backups("drill", timedelta(days=days)))
    (tmp_path / "troika_backup_keys.prom").write_text(backups("keys", timedelta()))
    assert only("backup-drill", named(**{METRICS_FOLDER: str(tmp_path)}), probes())[0] == grade


def test_backup_with_metrics_in_prometheus() -> None:
    result = [{"metric": {}, "value": [0, str((NOW - timedelta(hours=2)).timestamp())]}]
    found, none = (HttpAnswer(200, {}, json.dumps({"data": {"result": each}})) for each in (result, []))
    known = probes(
        run=has_no_command, fetch=pages({"%22database%22": found, "%22keys%22": none, "%22form-keys%22": found})
    )
    graded = named(**{PROMETHEUS_URL: "http://127.0.0.1:9090"})
    assert grades("backup-age", graded, known) == {"database": Grade.OK, "keys": Grade.FAILED, "form-keys": Grade.OK}


def test_backup_without_any_record() -> None:
    found = grades("backup-age", host(), probes(run=has_no_command))
    assert found == dict.fromkeys(("database", "keys", "form-keys"), Grade.NOT_ASKED)
