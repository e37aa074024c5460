"""The files of pgBackRest: written once by ``troika backup configure``, then the operator's; read by every command.

The passphrase of the repository is in a separate file that only the database's account can read. Without its
passphrase a repository is lost, so none is ever made for a repository that holds backups already.
"""

import configparser
import os
import pwd
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from shared.runtime.accounts import Account, acting_in, database_account, make_folder, write_private

STANZA = "troika"
"""Name of the cluster in the repository: an installation has one, with its three databases."""

DEFAULT_FILE = "/etc/troika/backup/pgbackrest.conf"
INCLUDED, PASSPHRASE = "conf.d", "passphrase.conf"
PROGRAM = "pgbackrest"
PASSPHRASE_BYTES = 48

TEXT = """\
# Written once by `troika backup configure`; from now on it is yours. `pgbackrest help backup` explains every option.
# The passphrase of the repository is in {passphrase}
[global]
repo1-path={repository}
repo1-cipher-type=aes-256-cbc
repo1-bundle=y
# Full backups that are kept, with all that depends on them: with one a week, a month.
repo1-retention-full=4
compress-type=zst
process-max=2
start-fast=y
lock-path={folder}/lock
log-level-console=warn
log-level-file=off

[{stanza}]
pg1-path={data}
pg1-port={port}
pg1-socket-path={socket}
pg1-user={user}
"""


class ConfigurationProblem(Exception):
    """The files of pgBackRest are missing or cannot be used; the text has what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where PostgreSQL is, and where its backups go.

    Attributes:
        data: its data folder.
        port: the port number of its Unix socket.
        socket: folder of that socket.
        user: superuser as whom pgBackRest connects.
        repository: folder of the backups, or a path in an object store.
    """

    data: Path
    port: int
    socket: str
    user: str
    repository: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Attributes:
    file: pgBackRest's main file.
    cluster: the cluster as that file describes it.
    is_local: whether the repository is a folder of this machine.
    """

    file: Path
    cluster: Cluster
    is_local: bool = True

    @property
    def account(self) -> Account | None:
        """The account that runs PostgreSQL and pgBackRest: it owns the folder of the files; None if we are it."""
        return owner_of(self.file.parent)

    def command(self, *words: str) -> list[str]:
        """A command line of pgBackRest with these files."""
        included = f"--config-include-path={self.file.parent / INCLUDED}"
        return [PROGRAM, f"--config={self.file}", included, f"--stanza={STANZA}", *words]

    def server_settings(self, data: Path | None = None) -> dict[str, str]:
        """Settings of PostgreSQL that archive each segment of WAL into the repository.

        Args:
            data: the data folder of a server that runs in another folder than the cluster's own; None for the cluster's
                own.
        """
        moved = [f"--pg1-path={data}"] if data is not None else []
        return {
            "wal_level": "replica",
            "archive_mode": "on",
            "archive_command": f"{shlex.join(self.command(*moved, 'archive-push'))} %p",
            "archive_timeout": "60",
        }


def owner_of(path: Path) -> Account | None:
    """The account that owns ``path``, to run programs as; None if we are not root and so run them as ourselves."""
    if os.geteuid() != 0:
        return None
    state = path.stat()
    entry = pwd.getpwuid(state.st_uid)
    return Account(entry.pw_name, state.st_uid, entry.pw_gid)


def write_configuration(file: Path, cluster: Cluster) -> list[str]:
    """Write what is missing, and return what was written and what was kept.

    Raises:
        ConfigurationProblem: the repository holds backups, and their passphrase is not here.
    """
    folder = file.parent
    passphrase = folder / INCLUDED / PASSPHRASE
    if not passphrase.exists() and (used := _used_repository(file, cluster)):
        raise ConfigurationProblem(
            f"{used} holds backups already, and {passphrase} is missing: put the passphrase there that "
            "they were made with. Another one would open none of them"
        )
    account = owner_of(cluster.data) if cluster.data.exists() else database_account()
    for path in (folder, passphrase.parent, Path(cluster.repository)):
        _make_folder(path, account)
    lines = [_write(passphrase, f"[global]\nrepo1-cipher-pass={secrets.token_urlsafe(PASSPHRASE_BYTES)}\n", account)]
    values = {name: getattr(cluster, name) for name in ("data", "port", "socket", "user", "repository")}
    text = TEXT.format(**values, passphrase=passphrase, folder=folder, stanza=STANZA)
    return [*lines, _write(file, text, account)]


def read_configuration(file: Path) -> Configuration:
    """Read pgBackRest's main file.

    Raises:
        ConfigurationProblem: it is missing, or names no data folder.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        found = parser.read(file)
    except configparser.Error as error:
        raise ConfigurationProblem(f"{file}: {error}") from error
    if not found:
        raise ConfigurationProblem(f"{file} is missing: run troika backup configure first")
    if not parser.has_option(STANZA, "pg1-path"):
        raise ConfigurationProblem(f"{file}: pg1-path is missing below [{STANZA}]")
    own, shared = parser[STANZA], parser["global"] if parser.has_section("global") else {}
    cluster = Cluster(
        data=Path(own["pg1-path"]),
        port=int(own.get("pg1-port", "5432")),
        socket=own.get("pg1-socket-path", "/var/run/postgresql"),
        user=own.get("pg1-user", "postgres"),
        repository=shared.get("repo1-path", "/var/lib/pgbackrest"),
    )
    return Configuration(file.resolve(), cluster, is_local=shared.get("repo1-type", "posix") in ("posix", "cifs"))


def _used_repository(file: Path, cluster: Cluster) -> str:
    """The repository that holds backups, or may; empty if there is none. A file that is there names its own."""
    named = read_configuration(file) if file.exists() else Configuration(file, cluster)
    if not named.is_local:
        return named.cluster.repository
    return next((path for path in (named.cluster.repository, cluster.repository) if _holds_backups(Path(path))), "")


def _holds_backups(repository: Path) -> bool:
    return (repository / "backup" / STANZA).exists() or (repository / "archive" / STANZA).exists()


def _make_folder(folder: Path, account: Account | None) -> None:
    """Make a folder that only ``account`` can enter; an existing folder is not changed."""
    if not folder.exists():
        make_folder(folder, account)


def _write(file: Path, text: str, account: Account | None) -> str:
    if file.exists():
        return f"kept: {file}"
    with acting_in(file.parent, account):
        write_private(file, text, account)
    return f"written: {file}"
