"""``troika backup keys | form-keys | unpack-keys``: two archives, with two keys, in two places."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from deploy.operations.backup.archive_files import apart_fault, archives, mixed_fault, store_archive
from deploy.operations.backup.configuration import ConfigurationProblem, read_configuration
from deploy.operations.backup.figures import FORM_KEYS as FORM_KEYS_KIND
from deploy.operations.backup.figures import KEYS, LAST_SUCCESS, write_figures
from deploy.operations.backup.form_keys import (
    IN_ARCHIVE,
    FormKeyPlace,
    keys_database,
    lost_forms,
    place_of,
    read_form_keys,
)
from deploy.operations.backup.keys_archive import (
    FORMS,
    SECRETS,
    ArchiveKind,
    ArchiveProblem,
    archive_key,
    encrypted,
    kind_of,
    names_in,
    pack_contents,
    pack_folders,
    unpack,
)
from deploy.operations.backup.options import CONFIG, FORM_KEYS, METRICS, SETTINGS, plain_errors
from services.registration.sealing.key_database import VARIABLE as KEYS_DATABASE
from services.registration.sealing.key_folder import SUFFIX, VARIABLE

IN_SETTINGS, IN_ACCESS = "settings", "access"
"""Names in the archive: settings of all processes with their keys, and who has access."""

FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
FILE_OF_KEY = click.Path(dir_okay=False, path_type=Path)


def _key(kind: ArchiveKind) -> Callable[[Any], Any]:
    return click.option(
        "--key",
        envvar=kind.variable,
        default=kind.key,
        show_default=True,
        type=FILE_OF_KEY,
        help="File with the key of the archive; made if it is missing.",
    )


def _kept(kind: ArchiveKind) -> Callable[[Any], Any]:
    number = click.IntRange(min=1)
    return click.option("--kept", default=kind.kept, show_default=True, type=number, help="Archives that stay.")


@click.command()
@FOLDER
@CONFIG
@METRICS
@SETTINGS
@click.option(
    "--access",
    default="/etc/troika/access",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the access file.",
)
@FORM_KEYS
@_key(SECRETS)
@_kept(SECRETS)
def keys(
    folder: Path,
    config: Path,
    metrics: Path,
    settings: Path,
    access: Path,
    form_keys: Path | None,
    key: Path,
    kept: int,
) -> None:
    """Write settings, keys and the access file, encrypted, into FOLDER. The keys of forms are not in it."""
    with plain_errors():
        named = ((IN_SETTINGS, settings), (IN_ACCESS, access))
        sources = {name: path.resolve() for name, path in named if path.exists()}  # a link alone would hold nothing
        if IN_SETTINGS not in sources:
            raise ArchiveProblem(f"{settings} is missing: there are no keys to back up")
        place = _Place(SECRETS, folder, config, key)
        path, count, now = place.store(pack_folders(sources, _of_forms(settings, form_keys)), kept)
    click.echo(f"written: {path}, {count} files. Its key is {key}: keep a copy apart from it")
    _write_age(metrics, KEYS, now)


@click.command("form-keys")
@FOLDER
@CONFIG
@METRICS
@SETTINGS
@FORM_KEYS
@_key(FORMS)
@_kept(FORMS)
def form_keys(
    folder: Path, config: Path, metrics: Path, settings: Path, form_keys: Path | None, key: Path, kept: int
) -> None:
    """Write the wrapped keys of forms, encrypted, into FOLDER, which is apart from all other backups.

    A destroyed key is in the older archives until they are deleted: after as many runs as archives are kept.
    """
    with plain_errors():
        if form_keys is not None and keys_database(settings):
            raise ArchiveProblem(f"{KEYS_DATABASE} is set, and {form_keys} is named too: keys are in one of them")
        source = place_of(form_keys, settings)
        contents = read_form_keys(source)
        place = _Place(FORMS, folder, config, key)
        place.require_nothing_lost(list(contents))
        path, _, now = place.store(pack_contents(contents), kept)
    count = sum(name.endswith(SUFFIX) for name in contents)
    click.echo(
        f"written: {path}, keys of {count} forms. Its key is {key}: keep a copy apart from it\n"
        f"{kept} archives are kept: a key that was destroyed is gone from {folder} after {kept} runs. "
        "Delete copies of these archives elsewhere as early"
    )
    _warn_of_leftovers(source)
    _write_age(metrics, FORM_KEYS_KIND, now)


@click.command("unpack-keys")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("into", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--key", type=FILE_OF_KEY, help=f"File with its key; else {' or '.join(k.key for k in (SECRETS, FORMS))}."
)
def unpack_keys(file: Path, into: Path, key: Path | None) -> None:
    """Open the archive FILE, of either kind, into the new folder INTO; nothing is put in place."""
    with plain_errors():
        content = file.read_bytes()
        names = unpack(content, archive_key(key or _usual_key(kind_of(content)), is_made=False), into)
    click.echo(f"{len(names)} files in {into}: {', '.join(sorted({name.partition('/')[0] for name in names}))}")


class _Place:
    """A folder of archives of one kind, checked to be apart from what must not be beside it.

    Raises:
        ArchiveProblem: it is not.
    """

    def __init__(self, kind: ArchiveKind, folder: Path, config: Path, key: Path) -> None:
        _require_apart(folder, config)
        other = FORMS if kind is SECRETS else SECRETS
        if fault := mixed_fault(folder, other):
            raise ArchiveProblem(fault)
        self._kind, self._folder = kind, folder
        self._key = archive_key(key, is_made=True)
        if _usual_key(other).exists() and self._key == archive_key(_usual_key(other), is_made=False):
            raise ArchiveProblem(f"{key} is the key of `troika backup {other.command}` too: one key must not open both")

    def store(self, plain: bytes, kept: int) -> tuple[Path, int, datetime]:
        """Encrypt and store an archive; returns its path, the number of its files, and its time."""
        now = datetime.now(UTC)
        content = encrypted(self._kind, plain, self._key)
        count = len(names_in(content, self._key))  # what does not open is no backup
        return store_archive(self._folder, self._kind, content, now, kept), count, now

    def require_nothing_lost(self, names: list[str]) -> None:
        """Compare with the newest archive: an emptied store would replace all good archives within days.

        Raises:
            ArchiveProblem: a key is missing that was not destroyed.
        """
        there = archives(self._folder, self._kind)
        if there and (lost := lost_forms(names_in(there[-1].read_bytes(), self._key), names)):
            raise ArchiveProblem(
                f"{there[-1]} holds the keys of {', '.join(lost)}, which now have neither a key nor a tombstone. "
                f"Put them back (unpack-keys); if the archive is of another time or key, move it out of {self._folder}"
            )


def _of_forms(settings: Path, form_keys: Path | None) -> set[str]:
    """What the archive of settings leaves out: the folder of the keys of forms, wherever it is among them."""
    left_out, here, there = {IN_ARCHIVE, VARIABLE}, settings.resolve(), (form_keys or Path()).resolve()
    return left_out | ({f"{IN_SETTINGS}/{there.relative_to(here)}"} if there.is_relative_to(here) else set())


def _usual_key(kind: ArchiveKind) -> Path:
    return Path(os.environ.get(kind.variable) or kind.key)


def _warn_of_leftovers(source: FormKeyPlace) -> None:
    if source.url and source.folder.is_dir() and any(source.folder.glob(f"*{SUFFIX}")):
        click.echo(f"{source.folder} still holds keys, and destruction does not reach them: delete them", err=True)


def _write_age(metrics: Path, kind: str, now: datetime) -> None:
    if not write_figures(metrics, kind, {LAST_SUCCESS: now.timestamp()}):
        click.echo(f"{metrics} is missing: no figure for Prometheus is written", err=True)


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
