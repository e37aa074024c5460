"""``troika backup configure | run | list | check | keys | form-keys | unpack-keys``."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from deploy.operations.backup.configuration import (
    Cluster,
    Configuration,
    read_configuration,
    write_configuration,
)
from deploy.operations.backup.figures import DATABASE, LAST_SUCCESS, await_backups, write_figures
from deploy.operations.backup.key_commands import form_keys, keys, unpack_keys
from deploy.operations.backup.keys_apart import keys_fault, require_no_keys
from deploy.operations.backup.options import CONFIG, METRICS, plain_errors
from deploy.operations.backup.postgres import apply_settings, ask, live_revisions
from deploy.operations.backup.repository import FULL, INCREMENTAL, Backup, Repository

FULL_EVERY = timedelta(days=6, hours=12)
"""Age of the newest full backup from which on a new one is full: a daily timer may start a little early or late."""

OLD_AFTER = timedelta(hours=26)
"""As the alert TroikaBackupOld."""

WAL_OLD_AFTER_S = 900
"""As the alert TroikaWalNotArchived."""

MIB = 1 << 20
_ARCHIVER = "SELECT extract(epoch FROM now() - last_archived_time)::int FROM pg_stat_archiver"


@click.group()
def main() -> None:
    """Back up the databases; and, apart from them and from each other, the keys, and the keys of forms."""


main.add_command(keys)
main.add_command(form_keys)
main.add_command(unpack_keys)


@main.command()
@CONFIG
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Data folder of PostgreSQL.")
@click.option("--port", default=5432, show_default=True, help="Of PostgreSQL's Unix socket.")
@click.option("--socket", default="/var/run/postgresql", show_default=True, help="Folder of that socket.")
@click.option("--user", default="postgres", show_default=True, help="PostgreSQL's superuser.")
@click.option("--repository", default="/var/lib/pgbackrest", show_default=True, help="Folder of the backups.")
@click.option("--apply", is_flag=True, help="Set PostgreSQL (ALTER SYSTEM); else the settings are printed.")
def configure(config: Path, data: Path, port: int, socket: str, user: str, repository: str, *, apply: bool) -> None:
    """Write pgBackRest's files with a new passphrase, and print the settings that PostgreSQL needs."""
    with plain_errors():
        cluster = Cluster(data.resolve(), port, socket, user, repository)
        click.echo("\n".join(write_configuration(config.resolve(), cluster)))
        configuration = read_configuration(config.resolve())
        settings = configuration.server_settings()
        if apply:
            require_no_keys(configuration)
            apply_settings(configuration, settings)
            click.echo("PostgreSQL is configured: restart it once, then run troika backup run")
        else:
            click.echo("\n".join(["PostgreSQL needs these settings, and a restart:", *map(_setting, settings.items())]))
    click.echo(
        f"Without the passphrase no backup can be read. Copy {config.resolve().parent / 'conf.d'} to a place apart "
        "from the backups, now."
    )


@main.command()
@CONFIG
@METRICS
@click.option("--full", is_flag=True, help="A full backup; otherwise the kind is chosen: one in a week is full.")
def run(config: Path, metrics: Path, *, full: bool) -> None:
    """Make a backup of the whole cluster, which holds all three databases at one point in time."""
    with plain_errors():
        configuration = read_configuration(config)
        repository = Repository(configuration)
        revisions = live_revisions(configuration)
        require_no_keys(configuration)
        repository.make_stanza()
        began_s = time.monotonic()
        kind = FULL if full or _needs_full(repository.backups(), datetime.now(UTC)) else INCREMENTAL
        repository.make_backup(kind, revisions)
        newest = repository.backups()[-1]
        click.echo(f"{_line(newest)}, in {time.monotonic() - began_s:.1f} s")
        _write_age(metrics, newest)


@main.command("list")
@CONFIG
def list_all(config: Path) -> None:
    """List the backups, oldest first, with the schemas that they hold."""
    with plain_errors():
        found = Repository(read_configuration(config)).backups()
    click.echo("\n".join(map(_line, found)) or "no backups")


@main.command()
@CONFIG
@METRICS
def check(config: Path, metrics: Path) -> None:
    """Check that this server holds no keys of forms, archive a segment of WAL, and check the age of the newest backup.

    Writes the metrics, also of kinds of backup that have never succeeded; exit code 1 if a check fails.
    """
    with plain_errors():
        await_backups(metrics, datetime.now(UTC))
        configuration = read_configuration(config)
        repository = Repository(configuration)
        repository.run("check")
        found = [backup for backup in repository.backups() if not backup.has_errors]
        if found:
            _write_age(metrics, found[-1])
        faults = [*_age_faults(found, datetime.now(UTC)), *_archiving_faults(configuration)]
        faults += [fault] if (fault := keys_fault(configuration)) else []
    click.echo("\n".join(faults) or f"the newest backup: {_line(found[-1])}; WAL is archived")
    if faults:
        raise SystemExit(1)


def _needs_full(found: list[Backup], now: datetime) -> bool:
    ended = [backup.ended_at for backup in found if backup.kind == FULL]
    return not ended or now - max(ended) > FULL_EVERY


def _age_faults(found: list[Backup], now: datetime) -> list[str]:
    if not found:
        return ["there is no backup: run troika backup run"]
    age = now - found[-1].ended_at
    return [f"the newest backup is {age.total_seconds() / 3600:.0f} hours old"] if age > OLD_AFTER else []


def _archiving_faults(configuration: Configuration) -> list[str]:
    age_s = ask(configuration, "postgres", _ARCHIVER)
    if not age_s:
        return ["PostgreSQL has archived no WAL since its statistics began, or does not answer"]
    return [f"the last segment of WAL was archived {age_s} seconds ago"] if int(age_s) > WAL_OLD_AFTER_S else []


def _write_age(metrics: Path, newest: Backup) -> None:
    if not write_figures(metrics, DATABASE, {LAST_SUCCESS: newest.ended_at.timestamp()}):
        click.echo(f"{metrics} is missing: no figure for Prometheus is written", err=True)


def _setting(setting: tuple[str, str]) -> str:
    name, value = setting
    return f"  {name} = '{value}'"


def _line(one: Backup) -> str:
    schemas = " ".join(f"{service}={revision}" for service, revision in sorted(one.revisions.items()))
    sizes = f"{one.size_bytes / MIB:.0f} MiB, {one.stored_bytes / MIB:.0f} MiB stored"
    damaged = ", DAMAGED" if one.has_errors else ""
    ended = f"{one.ended_at:%Y-%m-%dT%H:%M:%SZ}"
    return "  ".join([one.label, ended, one.kind, f"PostgreSQL {one.postgres}", schemas, sizes + damaged])


if __name__ == "__main__":
    main()
