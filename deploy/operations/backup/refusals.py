"""Reasons to refuse a restore, checked before anything is changed."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.operations.backup.postgres import (
    PROGRAMS_VARIABLE,
    connected_processes,
    installed_version,
    programs_of,
    running_pid,
    version_of,
)
from deploy.operations.backup.repository import Backup, Repository, RepositoryProblem
from deploy.operations.backup.schemas import known_revisions, newer_schemas
from deploy.shape import SERVICES

SPARE = 1.2
"""A restored folder needs this much of its size: WAL is replayed in it."""

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be restored.

    Attributes:
        label: the label of a backup; empty for the newest that fits ``target_at``.
        target_at: up to when; None for all that was archived.
        replaces: a data folder that is not empty may be moved aside.
    """

    label: str = ""
    target_at: datetime | None = None
    replaces: bool = False


def choose_backup(backups: Sequence[Backup], wish: Wish, now: datetime) -> Backup:
    """The backup that fulfils the request.

    Raises:
        RepositoryProblem: there is none; the text has the reason.
    """
    if wish.target_at is not None and wish.target_at > now:
        raise RepositoryProblem(f"--target-time {wish.target_at.isoformat()} is in the future")
    if not backups:
        raise RepositoryProblem("the repository holds no backup")
    named = [backup for backup in backups if wish.label in ("", backup.label)]
    if not named:
        raise RepositoryProblem(f"there is no backup {wish.label}: troika backup list")
    fit = [backup for backup in named if wish.target_at is None or backup.ended_at <= wish.target_at]
    if not fit:
        first = min(backup.ended_at for backup in named)
        raise RepositoryProblem(
            f"--target-time is before {first.isoformat()}, the end of the backup: it cannot be restored to that time"
        )
    return fit[-1]


def installation_faults(repository: Repository, wish: Wish) -> list[str]:
    """Reasons why nothing may be restored onto this machine in its present state."""
    cluster = repository.configuration.cluster
    processes = connected_processes(repository.configuration)
    faults = []
    if pid := running_pid(cluster.data):
        faults.append(f"PostgreSQL runs in {cluster.data} (process {pid}): stop all services, then PostgreSQL")
    if processes is not None:
        faults.append(
            f"a server answers at {cluster.socket}, port {cluster.port}, and {processes} connections of our processes "
            "are open: stop all services, then that server"
        )
    if _is_filled(cluster.data) and not wish.replaces:
        faults.append(f"{cluster.data} is not empty: with --replace it is moved aside, and not deleted")
    return faults


def backup_faults(backup: Backup, data: Path) -> list[str]:
    """Reasons why ``backup`` cannot become the cluster in ``data``; quick, since it does not read the backup."""
    programs = programs_of(backup.postgres)
    installed, there = installed_version(programs), version_of(data)
    faults = []
    if installed != backup.postgres:
        found = f"PostgreSQL {installed}" if installed else "no server"
        faults.append(
            f"the backup is of PostgreSQL {backup.postgres}, and {programs} holds {found}: install that version, or "
            f"name its programs in {PROGRAMS_VARIABLE}"
        )
    if there not in ("", backup.postgres):
        faults.append(f"the backup is of PostgreSQL {backup.postgres}, and {data} is a cluster of {there}")
    if missing := [service for service in SERVICES if service not in backup.revisions]:
        faults.append(
            f"the backup does not record the schema of {', '.join(missing)}: `troika backup run` has not made "
            "it. `pgbackrest restore` restores it without these checks"
        )
    faults += newer_schemas(backup.revisions, known_revisions())
    if backup.has_errors:
        faults.append("the backup is damaged: checksums of pages did not hold when it was made")
    return faults


def space_faults(backup: Backup, folder: Path) -> list[str]:
    """Whether ``folder``, or the nearest one above it, has room for the restored data."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, needed = shutil.disk_usage(place).free, int(backup.size_bytes * SPARE)
    return [] if free >= needed else [f"{place} has {free // MIB} MiB free, and the restore needs {needed // MIB}"]


def damage_faults(repository: Repository, backup: Backup) -> list[str]:
    """What is damaged in ``backup``; reads the whole repository."""
    return [f"the backup is damaged: {fault}" for fault in repository.faults(backup)]


def _is_filled(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())
