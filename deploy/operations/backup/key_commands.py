"""``troika backup keys | unpack-keys``."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg

from deploy.operations.backup.configuration import ConfigurationProblem, read_configuration
from deploy.operations.backup.figures import KEYS, LAST_SUCCESS, write_figures
from deploy.operations.backup.keys_archive import (
    ArchiveProblem,
    apart_fault,
    archive_key,
    names_in,
    pack,
    unpack,
    write_archive,
)
from deploy.operations.backup.options import CONFIG, FORM_KEYS, METRICS, plain_errors
from shared.core.database_url import conninfo
from shared.process.settings import OPERATOR

KEYS_DATABASE = "TROIKA_KEYS_DATABASE_URL"
_WRAPPED = "SELECT form, wrapped, destroyed_at FROM form_private_key ORDER BY form"

DEFAULT_KEY = "/etc/troika/keys-archive.key"
SETTINGS, ACCESS, OF_FORMS = "settings", "access", "form-keys"
"""Names in the archive: settings of all processes with their keys, who has access, and the keys of forms."""

KEY = click.option(
    "--key",
    envvar="TROIKA_KEYS_ARCHIVE_KEY",
    default=DEFAULT_KEY,
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the key of the archive; `keys` makes it if it is missing.",
)

SETTINGS_FOLDER = click.option(
    "--settings",
    default="/etc/troika/settings",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of settings and keys.",
)
ACCESS_FOLDER = click.option(
    "--access",
    default="/etc/troika/access",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the access file.",
)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@CONFIG
@METRICS
@KEY
@SETTINGS_FOLDER
@ACCESS_FOLDER
@FORM_KEYS
@click.option("--kept", default=30, show_default=True, help="How many archives stay in FOLDER.")
def keys(
    folder: Path, config: Path, metrics: Path, key: Path, settings: Path, access: Path, form_keys: Path, kept: int
) -> None:
    """Write one encrypted file with all keys into FOLDER, which must be apart from the backups of the databases."""
    with plain_errors():
        _require_apart(folder, config)
        named = {SETTINGS: settings, ACCESS: access, OF_FORMS: form_keys}
        sources = {name: path for name, path in named.items() if path.exists()}
        if SETTINGS not in sources:
            raise ArchiveProblem(f"{settings} is missing: there are no keys to back up")
        now, secret = datetime.now(UTC), archive_key(key, is_made=True)
        url = _keys_database(settings)
        path = write_archive(folder, pack(sources, _from_database(url), secret), now, kept)
        count = len(names_in(path.read_bytes(), secret))  # read again: what does not open is no backup
        if OF_FORMS not in sources and not url:
            raise ArchiveProblem(
                f"{path} holds no keys of forms: {form_keys} is missing, and {KEYS_DATABASE} is not set"
            )
    click.echo(f"written: {path}, {count} files. Its key is {key}: keep a copy apart from it")
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


def _keys_database(settings: Path) -> str:
    """Address of the keys database: in the environment, else as operators' commands have it; empty without one."""
    file = settings / "tools" / OPERATOR / KEYS_DATABASE
    return os.environ.get(KEYS_DATABASE) or (file.read_text().strip() if file.exists() else "")


def _from_database(url: str) -> dict[str, bytes]:
    """The wrapped keys of forms in the keys database, as the files that they are in a folder; empty without one."""
    if not url:
        return {}
    found = {}
    with psycopg.connect(conninfo(url)) as connection:
        for form, wrapped, destroyed_at in connection.execute(_WRAPPED):
            if wrapped is not None:
                found[f"{OF_FORMS}/{form}.key"] = bytes(wrapped)
            if destroyed_at is not None:
                found[f"{OF_FORMS}/{form}.destroyed"] = destroyed_at.isoformat(timespec="seconds").encode()
    return found


def _require_apart(folder: Path, config: Path) -> None:
    """Check that the folder is apart from the repository; without a configuration there is no repository.

    Raises:
        ArchiveProblem: one is in the other.
    """
    try:
        configuration = read_configuration(config)
    except ConfigurationProblem:
        return
    if configuration.is_local and (fault := apart_fault(folder, Path(configuration.cluster.repository))):
        raise ArchiveProblem(fault)
