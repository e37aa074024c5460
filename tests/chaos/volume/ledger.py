"""The history of long runs: a line for each, with its seed, so that totals can be shown and runs repeated."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Entry:
    """Attributes:
    at: when the run ended, RFC 3339.
    commit: of the tree, with ``+`` if it had changes.
    bus: ``rabbitmq`` or ``embedded``.
    seed: repeats what was drawn by chance.
    registrations: people who were answered 202 and have confirmed.
    tries: requests that it took.
    otherwise: answers other than 202, by status; ``0`` is no answer.
    lost: registrations, counts or mails that were missing, and people who were never answered.
    doubled: effects or mails that were there twice without having been recorded as unknown.
    unknown: handovers recorded as unknown: so many mails may have come twice.
    twice: mails that did.
    faults: what happened, by kind.
    seconds: that it took.
    left: mails left as unknown because both of their handovers were; in older lines without it, a finding.
    """

    at: str
    commit: str
    bus: str
    seed: int
    registrations: int
    tries: int
    otherwise: Mapping[str, int]
    lost: int
    doubled: int
    unknown: int
    twice: int
    faults: Mapping[str, int]
    seconds: int
    left: int = 0


def keep(file: Path, entry: Entry) -> None:
    """Add a line to the history in ``file``."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(entry)) + "\n")


def summary(file: Path) -> str:
    """One line over all runs in the history."""
    entries = [Entry(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    total = sum(entry.registrations for entry in entries)
    faults = sum(sum(entry.faults.values()) for entry in entries)
    lost, doubled = sum(entry.lost for entry in entries), sum(entry.doubled for entry in entries)
    unknown, twice = sum(entry.unknown for entry in entries), sum(entry.twice for entry in entries)
    left = sum(entry.left for entry in entries)
    return (
        f"{len(entries)} runs, {total} registrations, {faults} faults: {lost} lost, {doubled} doubled; "
        f"{unknown} handovers unknown, {twice} mails twice for it, {left} left as unknown"
    )


def commit() -> str:
    """The commit that is tested."""
    words = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
