"""Checks of backups: the age of the last one, and of the last drill that restored one."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, not_asked, ok, warning
from deploy.operations.doctor.network import PROMETHEUS_URL
from deploy.operations.doctor.probes import Probes
from shared.core.errors import Unavailable

METRICS_FOLDER = "TROIKA_DOCTOR_TEXTFILES"
BACKUP, DRILL = "troika_backup_last_success_timestamp_seconds", "troika_drill_last_success_timestamp_seconds"
BACKUP_WARNING, BACKUP_FAILED = timedelta(hours=26), timedelta(days=3)
DRILL_WARNING, DRILL_FAILED = timedelta(days=100), timedelta(days=370)
SET_UP = "Set up backups: docs/how-to/operate.md, Backups; without one a lost disk loses everything"


def check_backup(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A backup succeeded in the last day."""
    try:
        found, source = _pgbackrest(probes), "pgbackrest info"
    except Unavailable:
        found, source = _noted(host, probes, BACKUP)
    yield _graded("backup", found, source, (BACKUP_WARNING, BACKUP_FAILED), probes, SET_UP)


def check_drill(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """A backup was restored for practice in the last three months."""
    found, source = _noted(host, probes, DRILL)
    do = "Restore a backup for practice: a backup that was never restored is a hope"
    yield _graded("drill", found, source, (DRILL_WARNING, DRILL_FAILED), probes, do)


def _graded(
    about: str, found: datetime | None, source: str, bounds: tuple[timedelta, timedelta], probes: Probes, do: str
) -> CheckResult:
    if not source:
        name = f"Name {METRICS_FOLDER} or {PROMETHEUS_URL}, or run the doctor where pgbackrest is installed"
        return not_asked(about, "nothing here knows of one", name)
    if found is None:
        return failed(about, f"none ({source})", do)
    age = probes.now() - found
    text = f"{age.days} days old ({source})" if age.days else f"{age.seconds // 3600} h old ({source})"
    if age > bounds[1]:
        return failed(about, text, do)
    return (
        warning(about, text, "Read why the last one failed: runbook TroikaBackupOld")
        if age > bounds[0]
        else ok(about, text)
    )


def _pgbackrest(probes: Probes) -> datetime | None:
    """When the last backup ended; None if there is none.

    Raises:
        Unavailable: pgBackRest is not installed here.
    """
    stanzas = json.loads(probes.run(["pgbackrest", "info", "--output=json"]))
    return _newest([backup["timestamp"]["stop"] for stanza in stanzas for backup in stanza.get("backup", ())])


def _noted(host: GradedHost, probes: Probes, metric: str) -> tuple[datetime | None, str]:
    """The newest value of a metric, and where it was read: a node exporter's text file, else Prometheus."""
    folder = host.value(METRICS_FOLDER)
    if folder:
        texts = [path.read_text() for path in sorted(Path(folder).glob("*.prom"))] if Path(folder).is_dir() else []
        pattern = re.compile(rf"^{metric}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", re.MULTILINE)
        values = [float(value) for text in texts for value in pattern.findall(text)]
        return _newest(values), folder
    if url := host.value(PROMETHEUS_URL).rstrip("/"):
        answer = probes.fetch(f"{url}/api/v1/query?query={quote(metric)}")
        return _newest([float(one["value"][1]) for one in json.loads(answer.body)["data"]["result"]]), "Prometheus"
    return None, ""


def _newest(values: list[float]) -> datetime | None:
    return datetime.fromtimestamp(max(values), UTC) if values else None
