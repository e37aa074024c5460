"""``troika backup keys | unpack-keys``."""

from datetime import UTC, datetime
from pathlib import Path

import click

from deploy.operations.backup.configuration import ConfigurationProblem, read_configuration
from deploy.operations.backup.figures import KEYS, LAST_SUCCESS, write_figures
from deploy.operations.backup.keys_archive import (
    ArchiveProblem,
    apart_fault,
    archive_key,
    pack,
    unpack,
    write_archive,
)
from deploy.operations.backup.options import CONFIG, METRICS, plain_errors

DEFAULT_KEY = "/etc/troika/keys-archive.key"
SETTINGS, ACCESS, FORM_KEYS = "settings", "access", "form-keys"
"""Names in the archive: settings of all processes with their keys, who has access, and the keys of forms."""

KEY = click.option(
    "--key",
    envvar="TROIKA_KEYS_ARCHIVE_KEY",
    default=DEFAULT_KEY,
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key of the archive; `keys` makes it if it is missing.",
)


def _folder(option: str, place: str, about: str, variable: str | None = None):  # type: ignore[no-untyped-def]  # click's own decorator
    kind = click.Path(path_type=Path)
    return click.option(option, envvar=variable, default=place, show_default=True, type=kind, help=about)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@CONFIG
@METRICS
@KEY
@_folder("--settings", "/etc/troika/settings", "Folder of settings and keys.")
@_folder("--access", "/etc/troika/access", "Folder of the access file.")
@_folder("--form-keys", "/var/lib/troika/form-keys", "Folder of the keys of forms.", "TROIKA_FORM_KEYS")
@click.option("--kept", default=30, show_default=True, help="How many archives stay in FOLDER.")
def keys(
    folder: Path, config: Path, metrics: Path, key: Path, settings: Path, access: Path, form_keys: Path, kept: int
) -> None:
    """Write one encrypted file with all keys into FOLDER, which is no part of the backups of the databases."""
    with plain_errors():
        _require_apart(folder, config)
        named = {SETTINGS: settings, ACCESS: access, FORM_KEYS: form_keys}
        sources = {name: path for name, path in named.items() if path.exists()}
        if SETTINGS not in sources:
            raise ArchiveProblem(f"{settings} is missing: there are no keys to back up")
        now, secret = datetime.now(UTC), archive_key(key, is_made=True)
        path = write_archive(folder, pack(sources, {}, secret), now, kept)
        # read again: a file that does not open is no backup
        count = sum(1 for each in sources.values() for one in each.rglob("*") if one.is_file())
    click.echo(f"written: {path} ({', '.join(sources)}; {count} files). Its key is {key}: keep a copy apart from it")
    if not write_figures(metrics, KEYS, {LAST_SUCCESS: now.timestamp()}):
        click.echo(f"{metrics} is missing: no figure for Prometheus is written", err=True)


@click.command("unpack-keys")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("into", type=click.Path(file_okay=False, path_type=Path))
@KEY
def unpack_keys(file: Path, into: Path, key: Path) -> None:
    """Open the archive FILE into the new folder INTO; nothing is put in place."""
    with plain_errors():
        names = unpack(file.read_bytes(), archive_key(key, is_made=False), into)
    click.echo(f"{len(names)} files in {into}: {', '.join(sorted({name.partition('/')[0] for name in names}))}")


def _require_apart(folder: Path, config: Path) -> None:
    """Do nothing if the folder is apart from the repository; without a configuration there is none.

    Raises:
        ArchiveProblem: one is in the other.
    """
    try:
        configuration = read_configuration(config)
    except ConfigurationProblem:
        return
    if configuration.is_local and (fault := apart_fault(folder, Path(configuration.cluster.repository))):
        raise ArchiveProblem(fault)
