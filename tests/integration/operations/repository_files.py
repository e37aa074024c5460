"""A fake pgBackRest that prints the answers of a test and records its commands."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

FULL, INCREMENTAL = "20200302-030000F", "20200302-030000F_20200303-030000I"
BEGAN_AT, TOOK_S, DAY_S = 1_583_118_000, 60, 86_400
REVISIONS = {f"schema-{service}": "0001" for service in ("registration", "events", "notifications")}
WHOLE = """stanza: troika
status: ok
  archiveId: 17-1, total WAL checked: 9, total valid WAL: 9
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: {full}, status: {full_state}, total files checked: 9, total valid files: 9
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: {incremental}, status: valid, total files checked: 9, total valid files: 9
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
"""

PROGRAM = """#!/bin/sh
for word in "$@"; do
  case $word in
    --*) ;;
    *) command=$word; break ;;
  esac
done
echo "$command $*" >>{folder}/asked
test -e {folder}/$command.never-ends && exec sleep 600
test -e {folder}/$command && cat {folder}/$command
exit 0
"""


def _backup(label: str, kind: str, began_at: int, needs: list[str]) -> dict[str, Any]:
    return {
        "annotation": dict(REVISIONS),
        "database": {"id": 1, "repo-key": 1},
        "error": False,
        "info": {"size": 50_000_000, "repository": {"delta": 6_000_000, "size": 6_000_000}},
        "label": label,
        "reference": needs or None,
        "timestamp": {"start": began_at, "stop": began_at + TOOK_S},
        "type": kind,
    }


class FakeRepository:
    """A repository with a full and an incremental backup, both whole, of PostgreSQL 17.

    Args:
        folder: for the program, and for what it answers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.info: dict[str, Any] = {
            "backup": [
                _backup(FULL, "full", BEGAN_AT, []),
                _backup(INCREMENTAL, "incr", BEGAN_AT + DAY_S, [FULL]),
            ],
            "db": [{"id": 1, "repo-key": 1, "version": "17"}],
            "repo": [{"status": {"code": 0, "message": "ok"}}],
            "status": {"code": 0, "message": "ok"},
        }
        self.report = WHOLE.format(full=FULL, full_state="valid", incremental=INCREMENTAL)
        self._write("pgbackrest", PROGRAM.format(folder=folder))
        self.version("17")

    @property
    def newest(self) -> dict[str, Any]:
        """The incremental backup, for a test to change."""
        found: dict[str, Any] = self.info["backup"][-1]
        return found

    def version(self, version: str) -> None:
        """Install this version of PostgreSQL on the machine."""
        self._write("postgres", f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.3'\n")

    def answer(self) -> None:
        """Set the program's answers from now on."""
        (self.folder / "info").write_text(json.dumps([deepcopy(self.info)]))
        (self.folder / "verify").write_text(self.report)

    def never_ends(self, command: str) -> None:
        """Let a command run until it is killed."""
        (self.folder / f"{command}.never-ends").touch()

    def asked(self) -> list[str]:
        """The commands that were run, in order."""
        file = self.folder / "asked"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def _write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)
