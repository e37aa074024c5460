"""pgBackRest makes, lists, verifies and restores backups; its error text is passed on when it fails."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.operations.backup.configuration import PROGRAM, Configuration
from shared.runtime.accounts import run_as

FULL, INCREMENTAL = "full", "incr"
SCHEMA = "schema-"
"""Prefix of the annotation of a backup with the revision of a service's schema: ``schema-events=0007``."""

READABLE, NO_STANZA, NO_BACKUP = 0, (1, 3), 2
"""pgBackRest's codes of a stanza's state: ok; never created; no backup yet."""

_STATUS = re.compile(r"^status: (?P<state>\w+)", re.MULTILINE)
_BACKUP = re.compile(r"^ *backup: (?P<label>\S+), status: (?P<state>\w+)", re.MULTILINE)
_WAL = re.compile(
    r"archiveId: (?P<id>\S+),.*\n +missing: (?P<m>\d+), checksum invalid: (?P<c>\d+), size invalid: (?P<s>\d+)"
)


class RepositoryProblem(Exception):
    """pgBackRest refused or failed; the text has its output."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of the repository.

    Attributes:
        label: its name, ``20200302-030000F``.
        kind: ``full``, ``diff`` or ``incr``.
        began_at: the start; the backup holds at least what was committed before.
        ended_at: the end; the backup is consistent from then on.
        size_bytes: the size of the restored data folder.
        stored_bytes: the size that it added to the repository.
        postgres: major version of the server.
        archive: which part of the WAL archive belongs to it, ``17-1``.
        revisions: the revision of each service's schema when it was made; empty where ``troika backup run`` has not
            made it.
        needs: labels of the backups without which it cannot be restored.
        has_errors: PostgreSQL's page checksums did not hold when it was made.
    """

    label: str
    kind: str
    began_at: datetime
    ended_at: datetime
    size_bytes: int
    stored_bytes: int
    postgres: str
    archive: str
    revisions: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    has_errors: bool = False


class Repository:
    """pgBackRest with the files of one configuration, run as the account of the database."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def run(self, *words: str) -> str:
        """Run a command of pgBackRest to its end and return what it printed.

        Raises:
            RepositoryProblem: it failed.
        """
        kept = {name: value for name, value in os.environ.items() if name.startswith("PGBACKREST_")}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **kept}
        try:
            done = run_as(self.configuration.account, self.configuration.command(*words), env=environment)
        except FileNotFoundError as error:
            raise RepositoryProblem(f"{PROGRAM} is not installed (Debian: apt-get install pgbackrest)") from error
        if done.returncode != 0:
            raise RepositoryProblem(f"pgbackrest {words[0]}: {(done.stdout + done.stderr).strip()[-2000:]}")
        return done.stdout

    def backups(self) -> list[Backup]:
        """All backups, oldest first; empty if there is none yet.

        Raises:
            RepositoryProblem: the repository cannot be read, or another passphrase made it.
        """
        found = json.loads(self.run("info", "--output=json"), strict=False)
        if not found or found[0]["status"]["code"] in (*NO_STANZA, NO_BACKUP):
            return []
        stanza = found[0]
        if stanza["status"]["code"] != READABLE:
            detail = stanza["repo"][0]["status"]["message"] if stanza.get("repo") else stanza["status"]["message"]
            raise RepositoryProblem(
                "the repository cannot be read; it is damaged, or was made with another passphrase: "
                + detail.partition("\n")[0]
            )
        versions = {(database["repo-key"], database["id"]): database["version"] for database in stanza["db"]}
        return [_backup(backup, versions) for backup in stanza["backup"]]

    def make_stanza(self) -> None:
        """Prepare the repository for this cluster; this is idempotent."""
        self.run("stanza-create")

    def make_backup(self, kind: str, revisions: Mapping[str, str]) -> None:
        """Make a backup annotated with its schemas, and delete old backups that retention no longer covers."""
        notes = [f"--annotation={SCHEMA}{service}={revision}" for service, revision in sorted(revisions.items())]
        self.run("backup", f"--type={kind}", *notes)

    def faults(self, backup: Backup) -> list[str]:
        """Read every file of the repository, and name what is wrong with ``backup`` and its WAL; empty if it is whole.

        Takes about as long as the repository needs to be read once.
        """
        return judge_verification(self.run("verify", "--output=text", "--verbose"), backup)

    def restore(self, backup: Backup, data: str, target_at: datetime | None) -> None:
        """Restore a backup into the empty folder ``data``; the server that starts there replays WAL.

        Args:
            backup: which.
            data: the folder.
            target_at: up to when; None for all that was archived.
        """
        words = ["restore", f"--set={backup.label}", f"--pg1-path={data}"]
        if target_at is not None:
            at = target_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            words += ["--type=time", f"--target={at}", "--target-action=promote"]
        self.run(*words)


def judge_verification(report: str, backup: Backup) -> list[str]:
    """Faults in pgBackRest's ``verify`` report of ``backup``, of the backups that it needs, and of its WAL.

    A backup that the report does not name as valid is faulty: verify exits with 0 in every case.
    """
    states = {found["label"]: found["state"] for found in _BACKUP.finditer(report)}
    faults = [
        f"{label}: {states.get(label, 'not verified')}"
        for label in (*backup.needs, backup.label)
        if states.get(label) != "valid"
    ]
    for found in _WAL.finditer(report):
        counts = {"missing": found["m"], "checksum invalid": found["c"], "size invalid": found["s"]}
        if found["id"] == backup.archive and any(map(int, counts.values())):
            wrong = ", ".join(f"{count} {fault}" for fault, count in counts.items() if int(count))
            faults.append(f"WAL {backup.archive}: {wrong}")
    if not faults and _STATUS.search(report) is None:
        faults.append("pgbackrest verify has reported nothing")
    return faults


def _backup(found: Mapping[str, Any], versions: Mapping[tuple[int, int], str]) -> Backup:
    database = found["database"]
    notes = found.get("annotation") or {}
    version = versions[database["repo-key"], database["id"]]
    return Backup(
        label=found["label"],
        kind=found["type"],
        began_at=datetime.fromtimestamp(found["timestamp"]["start"], UTC),
        ended_at=datetime.fromtimestamp(found["timestamp"]["stop"], UTC),
        size_bytes=found["info"]["size"],
        stored_bytes=found["info"]["repository"]["delta"],
        postgres=version,
        archive=f"{version}-{database['id']}",
        revisions={name.removeprefix(SCHEMA): text for name, text in notes.items() if name.startswith(SCHEMA)},
        needs=tuple(found.get("reference") or ()),
        has_errors=bool(found.get("error")),
    )
