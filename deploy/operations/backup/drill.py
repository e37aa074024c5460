"""``troika drill``: restores the newest backup for practice, apart from the live databases, and measures RPO and RTO.

It only reads the repository, and deletes the restored data at the end. It needs no running installation, so it also
runs on another machine that has the repository and its passphrase.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from deploy.operations.audit.reading import open_sources
from deploy.operations.audit.reconcile import AuditOutcome, judge, overall
from deploy.operations.backup.configuration import read_configuration
from deploy.operations.backup.figures import DRILL, LAST_SUCCESS, RECOVERY_POINT, RECOVERY_TIME, write_figures
from deploy.operations.backup.form_keys import place_of
from deploy.operations.backup.keys_fit import KeyPlace, open_sample, wrong_keys
from deploy.operations.backup.options import (
    CONFIG,
    FORM_KEYS,
    KEY_FILES,
    METRICS,
    SETTINGS,
    ended_by_signals,
    plain_errors,
)
from deploy.operations.backup.refusals import Wish, backup_faults, choose_backup, damage_faults, space_faults
from deploy.operations.backup.repository import Backup, Repository, RepositoryProblem
from deploy.operations.backup.restoring import NO_ARCHIVING, Restored, restored
from deploy.operations.backup.schemas import known_revisions, older_schemas
from deploy.operations.backup.scratch import DATA, scratch_folder
from deploy.shape import SERVICES
from shared.runtime.errors import Unavailable

SHOWN = 10
"""Differences of the audit that are printed."""


@dataclass(slots=True)
class Report:
    """The result of a drill.

    Attributes:
        backup: the label of the restored backup.
        lines: the lines of the report, for people.
        faults: why the drill failed; empty if it succeeded.
        recovery_point_s: age of the newest restored transaction when the drill began.
        recovery_time_s: seconds from the start of the drill until the databases were checked.
    """

    backup: str
    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    recovery_point_s: float = 0.0
    recovery_time_s: float = 0.0


@click.command()
@CONFIG
@METRICS
@KEY_FILES
@SETTINGS
@FORM_KEYS
@click.option("--set", "label", default="", help="Another backup than the newest.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where; else beside the data.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Add a line of JSON to this file.")
def main(
    config: Path,
    metrics: Path,
    keys: Path,
    settings: Path,
    form_keys: Path | None,
    label: str,
    folder: Path | None,
    report: Path | None,
) -> None:
    """Restore the newest backup for practice, audit it, open samples, measure RPO and RTO, and delete it."""
    began_at = datetime.now(UTC)
    with plain_errors(), ended_by_signals():
        repository = Repository(read_configuration(config))
        place = KeyPlace(keys, place_of(form_keys, settings))
        found = _drill(repository, Wish(label), folder, place, began_at)
    click.echo("\n".join([*found.lines, *found.faults]))
    if report is not None:
        with report.open("a") as file:
            file.write(json.dumps(_as_json(found, began_at)) + "\n")
    if found.faults:
        raise SystemExit(1)
    figures = {
        LAST_SUCCESS: began_at.timestamp(),
        RECOVERY_POINT: found.recovery_point_s,
        RECOVERY_TIME: found.recovery_time_s,
    }
    if not write_figures(metrics, DRILL, figures):
        click.echo(f"{metrics} is missing: no figure for Prometheus is written", err=True)


def _drill(repository: Repository, wish: Wish, folder: Path | None, place: KeyPlace, began_at: datetime) -> Report:
    cluster, began_s = repository.configuration.cluster, time.monotonic()
    backup = choose_backup(repository.backups(), wish, began_at)
    above = folder or next(parent for parent in cluster.data.parents if parent.exists())
    with scratch_folder(above, repository.configuration.account) as scratch:
        _require_fit(repository, backup, scratch)
        report = Report(backup.label)
        with restored(repository, backup, scratch / DATA, wish.target_at, NO_ARCHIVING) as found:
            report.recovery_point_s = (began_at - found.last_commit_at).total_seconds()
            report.lines.append(f"{backup.label}: restored up to {found.last_commit_at:%Y-%m-%dT%H:%M:%S.%fZ}")
            _record_schemas(found, report)
            _record_audit(found, report)
            _record_keys(found, place, report)
        report.recovery_time_s = time.monotonic() - began_s
    report.lines.append(
        f"RPO {report.recovery_point_s:.0f} s (age of the newest transaction), RTO {report.recovery_time_s:.1f} s "
        f"(restored and answering after {found.took_s:.1f} s)"
    )
    return report


def _require_fit(repository: Repository, backup: Backup, scratch: Path) -> None:
    """Do nothing if the backup can be restored here.

    Raises:
        RepositoryProblem: it cannot, or is damaged.
    """
    faults = [*backup_faults(backup, scratch / DATA), *space_faults(backup, scratch)]
    if faults := faults or damage_faults(repository, backup):
        raise RepositoryProblem("\n".join(faults))


def _record_schemas(found: Restored, report: Report) -> None:
    listed = ", ".join(f"{service} {found.revisions[service] or 'none'}" for service in SERVICES)
    report.lines.append(f"schemas: {listed}")
    if missing := [service for service in SERVICES if not found.revisions[service]]:
        report.faults.append(f"no schema in {', '.join(missing)}")
    elif older := older_schemas(found.revisions, known_revisions()):
        report.lines.append(f"to be migrated after a restore: {', '.join(older)}")


def _record_audit(found: Restored, report: Report) -> None:
    """Compare the three databases as of their newest transaction; messages in transit then are undecided."""
    urls = {service: found.server.url(service) for service in SERVICES}
    with open_sources(urls, now=found.last_commit_at) as sources:
        judgements = judge(sources)
    outcome, broken = overall(judgements), sum(judgement.broken for judgement in judgements)
    report.lines.append(f"audit: {outcome}, {broken} differences")
    if outcome is AuditOutcome.BROKEN:
        named = [str(finding) for judgement in judgements for finding in judgement.named]
        report.faults += ["the audit of the restored databases is broken:", *named[:SHOWN]]


def _record_keys(found: Restored, place: KeyPlace, report: Report) -> None:
    if not place.is_there:
        report.lines.append(f"keys: NOT CHECKED, {place.keys} holds none (--keys)")
        return
    report.faults += wrong_keys(found.server, place)
    try:
        samples = open_sample(found.server, place)
    except Unavailable:
        report.faults.append("the keys database does not answer: no sealed answer was opened")
        return
    report.lines.append(f"keys: {'; '.join(map(str, samples))}")
    report.faults += [f"some do not open: {sample}" for sample in samples if sample.opened < sample.tried]


def _as_json(found: Report, began_at: datetime) -> dict[str, object]:
    return {
        "at": began_at.isoformat(timespec="seconds"),
        "backup": found.backup,
        "ok": not found.faults,
        "recovery_point_s": round(found.recovery_point_s, 1),
        "recovery_time_s": round(found.recovery_time_s, 1),
        "lines": [*found.lines, *found.faults],
    }


if __name__ == "__main__":
    main()
