"""``troika restore``: restores the databases from a backup, in quarantine, once every check has passed."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from deploy.operations.backup.configuration import read_configuration
from deploy.operations.backup.options import CONFIG, When, ended_by_signals, plain_errors
from deploy.operations.backup.postgres import running_pid
from deploy.operations.backup.refusals import (
    Wish,
    backup_faults,
    choose_backup,
    damage_faults,
    installation_faults,
    space_faults,
)
from deploy.operations.backup.repository import Backup, Repository
from deploy.operations.backup.restoring import begin_quarantine, put_in_place, remove_unfinished, restored
from deploy.operations.backup.schemas import known_revisions, older_schemas
from deploy.shape import SERVICES

UNFINISHED = ".restoring"

START = " ".join(["systemctl start --all", *(f"'troika-{service}-*'" for service in SERVICES), "troika-audit"])
"""Starts every enabled process of a machine. `troika-*` would start the jobs of backups and the drill too."""


@click.command()
@CONFIG
@click.option(
    "--set", "label", default="", help="A backup, as `troika backup list` names it; else the newest that fits."
)
@click.option(
    "--target-time",
    "target_at",
    type=When(),
    help="Restore up to: 2020-03-02T09:30:00Z; else all archived WAL.",
)
@click.option("--replace", is_flag=True, help="A data folder that is not empty is moved aside; it is not deleted.")
def main(config: Path, label: str, target_at: datetime | None, *, replace: bool) -> None:
    """Restore the cluster, in quarantine. If a check fails, nothing is changed."""
    wish, began_s = Wish(label, target_at, replace), time.monotonic()
    with plain_errors(), ended_by_signals():
        repository = Repository(read_configuration(config))
        backup = _checked(repository, wish)
        cluster = repository.configuration.cluster
        new, settings = _unfinished(cluster.data), repository.configuration.server_settings(_unfinished(cluster.data))
        click.echo(f"restoring {backup.label} of {backup.ended_at:%Y-%m-%dT%H:%M:%SZ}, and the WAL since then")
        account = repository.configuration.account
        remove_unfinished(new, account)
        with restored(repository, backup, new, target_at, settings) as found:
            begin_quarantine(found)
        aside = put_in_place(new, cluster.data, datetime.now(UTC), account)
    if aside is not None:
        click.echo(f"the old data folder: {aside}; delete it once all is well")
    click.echo(f"restored up to {found.last_commit_at:%Y-%m-%dT%H:%M:%S.%fZ}, in {time.monotonic() - began_s:.0f} s")
    click.echo(
        "\n".join(
            ["All three databases are in quarantine: all forms are closed, and no mail is sent. Next:", *_next(backup)]
        )
    )


def _checked(repository: Repository, wish: Wish) -> Backup:
    """The backup to restore, once every check has passed; reading the backup takes longest, so it comes last."""
    data = repository.configuration.cluster.data
    faults = installation_faults(repository, wish)
    if pid := running_pid(_unfinished(data)):
        faults.append(f"another restore runs, or was killed: PostgreSQL of {_unfinished(data)} is process {pid}")
    _refuse(faults)
    backup = choose_backup(repository.backups(), wish, datetime.now(UTC))
    _refuse([*backup_faults(backup, data), *space_faults(backup, data)])
    click.echo(f"reading {backup.label} to verify it")
    _refuse(damage_faults(repository, backup))
    return backup


def _refuse(faults: list[str]) -> None:
    if faults:
        raise click.ClickException("\n".join(["nothing was touched:", *(f"  {fault}" for fault in faults)]))


def _unfinished(data: Path) -> Path:
    return data.with_name(data.name + UNFINISHED)


def _next(backup: Backup) -> list[str]:
    older = older_schemas(backup.revisions, known_revisions())
    return [
        "  1. start PostgreSQL (Debian: systemctl start postgresql)",
        *(f"  -  troika {service} migrate" for service in older),
        f"  2. start the services ({START})",
        "  3. troika recover plan",
    ]


if __name__ == "__main__":
    main()
