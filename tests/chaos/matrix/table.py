"""The table of the matrix: what each cell is expected to do, and which cells a short run chooses."""

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests.chaos.matrix.actions import ACTIONS
from tests.chaos.matrix.faults import NAMES
from tests.chaos.matrix.proxied_stack import LINKS
from tests.support.processes import PROJECT

FILE = Path(__file__).with_name("matrix.tsv")
EXPECTATIONS = ("slow", "503", "no-answer", "unnoticed", "mail-late", "processing")
ALWAYS = ("refuse", "hole-down", "hole-up")
BUSES = ("rabbitmq", "embedded")
SHARE = 16
"""A short run takes one cell in so many, others with each commit."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the table."""

    action: str
    link: str
    fault: str


def read_table(file: Path = FILE) -> dict[Cell, str]:
    """Expectation by cell.

    Raises:
        ValueError: a cell is listed twice, an expectation or a name is unknown, or a line has too few fields.
    """
    lines = [line.split("\t") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    (_action, _link, *faults), *body = lines
    table: dict[Cell, str] = {}
    for action, link, *words in body:
        for fault, word in zip(faults, words, strict=True):
            cell = Cell(action, link, fault)
            if cell in table or word not in EXPECTATIONS:
                raise ValueError(f"{cell} is listed twice, or {word!r} is no expectation")
            table[cell] = word
    return table


def all_cells() -> Iterator[Cell]:
    """Every cell there is, so that no link is broken twice in a row."""
    for fault, action, link in product(NAMES, ACTIONS, LINKS):
        yield Cell(action, link, fault)


def unlisted(table: dict[Cell, str]) -> set[Cell]:
    """Cells without an expectation, or which do not exist."""
    return set(all_cells()) ^ set(table)


def chosen(bus: str, *, full: bool) -> list[Cell]:
    """The cells of a run on ``bus``: all, or its part by the commit; on RabbitMQ ``ALWAYS`` as well."""
    commit = "" if full else current_commit()
    return [cell for cell in all_cells() if full or _is_drawn(cell, bus, commit) or _is_always(cell, bus)]


def _is_always(cell: Cell, bus: str) -> bool:
    return bus == BUSES[0] and cell.action == "register" and cell.fault in ALWAYS


def _is_drawn(cell: Cell, bus: str, commit: str) -> bool:
    """Each drawn cell is played on one of the buses."""
    share, which, *_ = hashlib.sha256(f"{commit} {cell.action} {cell.link} {cell.fault}".encode()).digest()
    return share % SHARE == 0 and BUSES[which % len(BUSES)] == bus


def current_commit() -> str:
    """Of the checkout; empty where there is none, which chooses the same cells every time."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
