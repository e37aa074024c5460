"""What no row can know of itself: names used twice, and names of things that are not there."""

from collections.abc import Collection, Hashable, Iterable
from typing import Any

from services.events.domain.event import EVERY_GROUP
from shared.core.yaml_source import Fields


def check_unique(rows: Iterable[Fields], *keys: str) -> None:
    """Note a fault at each row that has the same values under all of ``keys`` as an earlier row of its file."""
    first: dict[tuple[Hashable, ...], int] = {}
    for row in rows:
        values = tuple(_read(row, key) for key in keys)
        if not all(isinstance(value, str | int) for value in values):
            continue
        line = row.node.line_of((keys[-1],))
        if values in first:
            row.fault(f"is used twice, first in line {first[values]}", keys[-1])
        first.setdefault(values, line)


def check_events(
    resources: Iterable[Fields], events: Collection[str], drafts: Collection[str], internal: Collection[str]
) -> None:
    """Note a fault at each resource of an event that is not among the ids ``events``, or that is public although its
    event is among ``drafts`` or ``internal`` ones."""
    for row in resources:
        name = _read(row, "event")
        if isinstance(name, str) and name not in events:
            row.fault(f"{name[:80]!r} is not in events.yaml", "event")
        if name in drafts and _read(row, "published") is True:
            row.fault("must wait until its event is announced", "published")
        elif name in internal and _read(row, "published") is True:
            row.fault("must not be: its event is internal", "published")


def check_series(events: Iterable[Fields], series: Collection[str]) -> None:
    """Note a fault at each event of a series that is not among the ids ``series``."""
    for row in events:
        name = _read(row, "series")
        if isinstance(name, str) and name not in series:
            row.fault(f"{name[:80]!r} is not in series.yaml", "series")


def check_forms(events: Iterable[Fields], forms: Collection[str]) -> None:
    """Note a fault at each event that names a form which is not among the slugs ``forms``."""
    for row in events:
        name = _read(row, "form")
        if isinstance(name, str) and name not in forms:
            row.fault(f"{name[:80]!r} is not in forms.yaml", "form")


def check_groups(events: Iterable[Fields], groups: Collection[str]) -> None:
    """Note a fault at each asked group that is neither ``*`` nor among the ids ``groups``."""
    for row in events:
        asked = _read(row, "asked_groups")
        for index, name in enumerate(asked if isinstance(asked, list) else []):
            if isinstance(name, str) and name != EVERY_GROUP and name not in groups:
                row.fault(f"{name[:80]!r} is not in working-groups.yaml", "asked_groups", index)


def check_group(rows: Iterable[Fields], groups: Collection[str]) -> None:
    """Note a fault at each row of a working group that is not among the ids ``groups``."""
    for row in rows:
        name = _read(row, "working_group")
        if isinstance(name, str) and name not in groups:
            row.fault(f"{name[:80]!r} is not in working-groups.yaml", "working_group")


def ids_where(rows: Iterable[Fields], key: str, value: object) -> frozenset[str]:
    """The ids of the rows that have ``value`` under ``key``."""
    return ids_of(row for row in rows if _read(row, key) == value)


def ids_of(rows: Iterable[Fields], key: str = "id") -> frozenset[str]:
    """Every text under ``key``, also of rows with other faults, so that one fault does not cause others."""
    return frozenset(name for row in rows if isinstance(name := _read(row, key), str))


def _read(row: Fields, key: str) -> Any:
    return row.node.data.get(key) if isinstance(row.node.data, dict) else None
