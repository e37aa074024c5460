"""Checks of backups: the age of the last one, and of the last drill that restored one."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from deploy.operations.backup.configuration import (
    DEFAULT_FILE,
    Configuration,
    ConfigurationProblem,
    read_configuration,
)
from deploy.operations.backup.figures import DATABASE, DEFAULT_FOLDER, DRILL, FORM_KEYS, KEYS
from deploy.operations.backup.figures import LAST_SUCCESS as FIGURE
from deploy.operations.doctor.database import place, servers
from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, not_asked, ok, warning
from deploy.operations.doctor.network import PROMETHEUS_URL
from deploy.operations.doctor.probes import Probes
from shared.runtime.errors import Unavailable

METRICS_FOLDER = "TROIKA_BACKUP_METRICS"
"""Setting of `troika backup` with the folder of its metrics, which node_exporter reads."""

CONFIG = "TROIKA_BACKUP_CONFIG"
"""Setting of `troika backup` with pgBackRest's main file."""

_ARCHIVING = "SELECT setting FROM pg_settings WHERE name = 'archive_command'"
"""`troika backup configure` names pgBackRest's files in it."""

LAST_SUCCESS = FIGURE[0]

BOUNDS = {
    DATABASE: (timedelta(hours=26), timedelta(days=3)),
    KEYS: (timedelta(days=8), timedelta(days=31)),
    FORM_KEYS: (timedelta(days=8), timedelta(days=31)),
    DRILL: (timedelta(days=100), timedelta(days=370)),
}
"""Ages from which on the result is a warning (as TroikaBackupOld) or a fault."""

ADVICE = {
    DATABASE: "Set up backups: docs/how-to/back-up.md; without one a lost disk loses everything",
    KEYS: "Back up the keys too: docs/how-to/back-up.md; what a lost key opens is lost",
    FORM_KEYS: "Back up the keys of forms too: docs/how-to/back-up.md; sealed answers of a lost key are lost",
    DRILL: "Run: troika drill; only a restore shows that a backup can be restored",
}


def check_backup(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A backup of the databases succeeded in the last day; of the keys, and of the keys of forms, in the last week."""
    try:
        found, source = _pgbackrest(_configuration(host, probes), probes), "pgbackrest info"
    except Unavailable:
        found, source = _noted(host, probes, DATABASE)
    yield _graded(DATABASE, found, source, probes)
    for kind in (KEYS, FORM_KEYS):
        yield _graded(kind, *_noted(host, probes, kind), probes)


def check_drill(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A backup was restored for practice in the last three months."""
    yield _graded(DRILL, *_noted(host, probes, DRILL), probes)


def check_archive(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """WAL is archived, and the archive accepts it."""
    statement = """SELECT current_setting('archive_mode'), failed_count, last_failed_time > coalesce(last_archived_time,
        '-infinity'), extract(epoch FROM clock_timestamp() - last_archived_time)::int FROM pg_stat_archiver"""
    for url in servers(host):
        mode, failures, failing, age_s = probes.query(url, statement)[0]
        if mode == "off":
            yield _without_archive(host, probes, place(url))
        elif failing:
            do = "Read PostgreSQL's log for archive_command: runbook TroikaWalNotArchived"
            yield failed(place(url), f"the archive refuses WAL ({failures} times)", do)
        elif age_s is None:
            yield warning(place(url), "nothing is archived yet", "Run SELECT pg_switch_wal(), then check again")
        else:
            yield ok(place(url), f"the last WAL was archived {age_s} s ago")


def _without_archive(host: GradedHost, probes: Probes, about: str) -> CheckResult:
    """The result for a server without an archive: dumps are enough, if they are made."""
    try:
        dumped, _source = _noted(host, probes, DATABASE)
    except Unavailable:
        dumped = None
    if dumped and probes.now() - dumped <= BOUNDS[DATABASE][0]:
        return ok(
            about, "archive_mode = off, and the last backup is younger than a day: a restore loses the time since"
        )
    do = "Set up backups: docs/how-to/back-up.md; without WAL a restore loses a day"
    return warning(about, "archive_mode = off", do)


def _graded(kind: str, found: datetime | None, source: str, probes: Probes) -> CheckResult:
    if not source:
        do = f"Name {METRICS_FOLDER} or {PROMETHEUS_URL}, or run the doctor where backups are made"
        return not_asked(kind, "this host has no record of one", do)
    if found is None:
        return failed(kind, f"none ({source})", ADVICE[kind])
    age, (old, too_old) = probes.now() - found, BOUNDS[kind]
    text = f"{age.days} days old ({source})" if age.days else f"{age.seconds // 3600} h old ({source})"
    if age > too_old:
        return failed(kind, text, ADVICE[kind])
    if age > old:
        return warning(kind, text, "Read why the last one failed: runbook TroikaBackupOld")
    return ok(kind, text)


def _configuration(host: GradedHost, probes: Probes) -> Configuration:
    """pgBackRest's files of this installation: as the setting names them, else the server's ``archive_command``.

    Raises:
        Unavailable: they are not on this host, or cannot be used.
    """
    named = host.value(CONFIG)
    for file in [Path(named)] if named else [*_archiving_files(host, probes), Path(DEFAULT_FILE)]:
        try:
            if file.is_file():
                return read_configuration(file)
        except (OSError, ConfigurationProblem) as error:
            raise Unavailable(f"{file}: {type(error).__name__}") from error
    raise Unavailable("no configuration of pgBackRest is on this host")


def _archiving_files(host: GradedHost, probes: Probes) -> Iterator[Path]:
    """pgBackRest's main file by which PostgreSQL archives its WAL."""
    for url in servers(host):
        try:
            words = [word for (command,) in probes.query(url, _ARCHIVING) for word in shlex.split(command)]
        except (Unavailable, ValueError):  # it does not answer, or its command is no list of words
            continue
        yield from (Path(word.removeprefix("--config=")) for word in words if word.startswith("--config="))


def _pgbackrest(configuration: Configuration, probes: Probes) -> datetime | None:
    """When the last backup ended; None if there is none.

    Raises:
        Unavailable: pgBackRest is not installed here.
    """
    stanzas = json.loads(probes.run(configuration.command("info", "--output=json")))
    return _newest([backup["timestamp"]["stop"] for stanza in stanzas for backup in stanza.get("backup", ())])


def _noted(host: GradedHost, probes: Probes, kind: str) -> tuple[datetime | None, str]:
    """When a backup of a kind last succeeded, and the source: metrics of `troika backup`, else Prometheus."""
    folder = Path(host.value(METRICS_FOLDER) or DEFAULT_FOLDER)
    files = sorted(folder.glob("troika_backup_*.prom")) if folder.is_dir() else []
    if files or host.value(METRICS_FOLDER):
        pattern = re.compile(rf'^{LAST_SUCCESS}\{{kind="{kind}"\}} ([0-9.e+]+)$', re.MULTILINE)
        return _newest([float(value) for file in files for value in pattern.findall(file.read_text())]), str(folder)
    if url := host.value(PROMETHEUS_URL).rstrip("/"):
        query = f'{LAST_SUCCESS}{{kind="{kind}"}}'
        answer = probes.fetch(f"{url}/api/v1/query?query={quote(query)}")
        return _newest(
            [float(series["value"][1]) for series in json.loads(answer.body)["data"]["result"]]
        ), "Prometheus"
    return None, ""


def _newest(values: list[float]) -> datetime | None:
    return datetime.fromtimestamp(max(values), UTC) if values else None
