"""Numbers of registrations as a table of the console: by one thing down, by a second one across."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.registration.people.counting import Group
from services.registration.people.filters import YES_OR_NO, Choices, address
from shared.web.console import words

COUNT_WORDS: Mapping[str, str] = {
    "form": "Form",
    "event": "Event",
    "status": "Status",
    "working_group": "Working group",
    "partner": "Partner",
    "country": "Country",
    "language": "Language",
    "organisation": "Organisation",
    "representative": "Representative",
    "day": "Day of registration (UTC)",
}
"""What can be counted by on every form."""

NOTHING, OTHERS = "No answer", "All others"
MOST_ACROSS = 12
"""Values of the second thing that are columns; the rest is one column."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number; ``path`` is the list of those who are counted, empty if no filter finds them."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """The numbers of one value; ``people`` is how many different ones, None where a second thing is counted by too."""

    title: str
    cells: Sequence[Cell]
    sum: int
    people: int | None


@dataclass(frozen=True, slots=True)
class CountTable:
    """Attributes:
    down, across: titles of what is counted by; without a second thing the latter is empty.
    columns: titles of the values across.
    rows: the largest first.
    """

    down: str
    across: str
    columns: Sequence[str]
    rows: Sequence[Row]


def keys_offered(choices: Choices) -> tuple[tuple[str, str], ...]:
    """(name, words) of all that can be counted by."""
    return (*COUNT_WORDS.items(), *((one.name, one.label) for one in choices.answers if one.countable))


def count_table(
    path: str, given: Mapping[str, str], keys: Sequence[str], groups: Sequence[Group], choices: Choices
) -> CountTable:
    """The numbers of ``groups``, which were counted by ``keys``, each with the list that it stands for."""
    titles, filters = dict(keys_offered(choices)), {name: given[name] for name in given if name not in ("count", "by")}
    down, across = keys[0], keys[1] if len(keys) > 1 else ""
    columns = list(dict.fromkeys(_plain(group.by[across]) for group in groups)) if across else [""]
    shown = (sorted(columns) if across == "day" else columns)[:MOST_ACROSS]
    found: dict[str, dict[str, Group]] = {}
    for group in groups:
        found.setdefault(_plain(group.by[down]), {})[_plain(group.by[across]) if across else ""] = group
    rows = []
    for value, cells in found.items():
        narrowed, total = _narrowed(filters, down, value), sum(group.registrations for group in cells.values())
        numbers = [Cell(_number(cells, column), _path(path, narrowed, across, column)) for column in shown]
        if len(columns) > MOST_ACROSS:
            numbers.append(Cell(total - sum(cell.number for cell in numbers), ""))
        people = None if across else cells[""].people
        rows.append(Row(_title(down, value, choices), numbers, total, people))
    heads = [_title(across, column, choices) for column in shown] + [OTHERS] * (len(columns) > MOST_ACROSS)
    rows.sort(key=lambda row: (-row.sum, row.title))
    return CountTable(titles[down], titles.get(across, ""), heads if across else [], rows)


def _number(cells: Mapping[str, Group], column: str) -> int:
    return cells[column].registrations if column in cells else 0


def _plain(value: Any) -> str:
    """As an address has it; nothing is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _narrowed(filters: Mapping[str, str], key: str, value: str) -> dict[str, str] | None:
    """``filters`` for those alone whose ``key`` is ``value``; None if no filter finds them."""
    if not value or (key == "organisation" and "q" in filters):
        return None
    if key == "day":
        return {**filters, "since": value, "until": value}
    return {**filters, "q" if key == "organisation" else key: value}


def _path(path: str, narrowed: Mapping[str, str] | None, key: str, value: str) -> str:
    if narrowed is not None and key:
        narrowed = _narrowed(narrowed, key, value)
    return "" if narrowed is None else address(path, narrowed)


def _title(key: str, value: str, choices: Choices) -> str:
    if not value:
        return NOTHING
    known: Mapping[str, Sequence[tuple[str, str]]] = {
        "form": choices.forms,
        "event": choices.events,
        "status": choices.statuses,
        "working_group": choices.groups,
        "partner": choices.partners,
        "representative": tuple(YES_OR_NO.items()),
        **{one.name: one.options for one in choices.answers},
    }
    if key == "country":
        return words.country_name(value)
    if key == "language":
        return words.language_name(value)
    return dict(known.get(key, ())).get(value, value)
