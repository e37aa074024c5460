"""Restores a backup beside the cluster, starts it alone, puts it in quarantine, and only then moves it into place.

The old data folder does not move until the last step, a rename.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.operations.backup.postgres import LoneServer, ServerProblem, lone_server, restored_revisions, running_pid
from deploy.operations.backup.repository import Backup, Repository
from deploy.operations.backup.schemas import known_revisions, newer_schemas
from deploy.shape import SERVICES
from shared.runtime.accounts import Account, acting_in, make_folder

REASON = "restored from a backup"
NO_ARCHIVING = {"archive_mode": "off"}
"""For a drill: a restored server must never write into the repository."""

_LAST_COMMIT = "SELECT pg_last_xact_replay_timestamp()"
_QUARANTINE = """
    INSERT INTO quarantine (reason, backup_at) VALUES (%s, %s) ON CONFLICT (only_row) DO UPDATE SET
        since = clock_timestamp(), reason = excluded.reason, backup_at = excluded.backup_at, settling = false,
        plan = NULL
"""
"""A backup may have been made in an earlier quarantine: its plan is not that of this one, and nothing may settle."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored cluster whose server runs alone.

    Attributes:
        server: the running server.
        last_commit_at: the time of the newest transaction in it.
        revisions: the revision of each service's schema.
        took_s: seconds from the first file to the answer of the server.
    """

    server: LoneServer
    last_commit_at: datetime
    revisions: dict[str, str]
    took_s: float


@contextmanager
def restored(
    repository: Repository, backup: Backup, data: Path, target_at: datetime | None, settings: dict[str, str]
) -> Iterator[Restored]:
    """Restore ``backup`` into the new folder ``data``, and run its server alone; it is stopped at the end.

    Args:
        repository: the repository of the backup.
        backup: the backup to restore.
        data: a folder that is not there yet.
        target_at: up to when; None for all that was archived.
        settings: the settings of the server.

    Raises:
        RepositoryProblem: pgBackRest failed.
        ServerProblem: the server did not start, or a schema is newer than this code.
    """
    began_s, account = time.monotonic(), repository.configuration.account
    make_folder(data, account)
    repository.restore(backup, str(data), target_at)
    with lone_server(data, repository.configuration.cluster, account, settings) as server:
        took_s = time.monotonic() - began_s
        with server.connect("postgres") as connection:
            row = connection.execute(_LAST_COMMIT).fetchone()
        last = row[0] if row and isinstance(row[0], datetime) else backup.ended_at
        revisions = restored_revisions(server)
        if problems := newer_schemas(revisions, known_revisions()):
            raise ServerProblem("\n".join(problems))
        yield Restored(server, last.astimezone(UTC), revisions, took_s)


def begin_quarantine(found: Restored) -> None:
    """Put all three databases in quarantine, so that no process writes to them before they are compared.

    Raises:
        psycopg.Error: a database has no such table; nothing was put in place.
    """
    for service in SERVICES:
        with found.server.connect(service) as connection:
            connection.execute(_QUARANTINE, [REASON, found.last_commit_at])


def put_in_place(new: Path, data: Path, now: datetime, account: Account | None = None) -> Path | None:
    """Rename ``new`` to ``data``; what was there is moved aside and its new path returned.

    Raises:
        ServerProblem: the old cluster runs; it would continue in the folder that was moved aside, with all its clients.
    """
    if pid := running_pid(data):
        raise ServerProblem(f"PostgreSQL was started in {data} (process {pid}) in the meantime: stop it, restore again")
    aside = None
    with acting_in(data.parent, account):
        if data.exists():
            if any(data.iterdir()):
                aside = data.with_name(f"{data.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
                data.rename(aside)
            else:
                data.rmdir()
        new.rename(data)
    return aside


def remove_unfinished(folder: Path, account: Account | None) -> None:
    """Delete the files of an interrupted restore, which belong to ``account``."""
    if folder.exists():
        with acting_in(folder.parent, account):
            shutil.rmtree(folder)
