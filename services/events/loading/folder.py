"""Reads a folder of samples whole. It opens no database and sends nothing: what it returns may be stored or not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from services.events.domain.event import Event
from services.events.domain.hotel import HotelBlock
from services.events.domain.network import Consultation, GroupContact, Series, WorkingGroup
from services.events.domain.resource import Resource
from services.events.loading.checks import (
    check_events,
    check_forms,
    check_group,
    check_groups,
    check_series,
    check_unique,
    ids_of,
    ids_where,
)
from services.events.loading.rows import (
    consultation_of,
    event_of,
    group_contact_of,
    hotel_of,
    resource_of,
    series_of,
    working_group_of,
)
from shared.core.errors import SettingsError
from shared.core.yaml_source import Fields, read_yaml

T = TypeVar("T")

FILES = ("series.yaml", "working-groups.yaml", "events.yaml", "consultations.yaml")
"""What a folder must hold."""

OPTIONAL_FILES = ("resources.yaml", "hotels.yaml", "group-contacts.yaml")
"""What it may hold as well."""

FORMS_FILE = "forms.yaml"
"""Registration's; where it is there, events may name no form that is not in it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder says, each in the order of its file."""

    series: tuple[Series, ...]
    working_groups: tuple[WorkingGroup, ...]
    events: tuple[Event, ...]
    consultations: tuple[Consultation, ...]
    resources: tuple[Resource, ...] = ()
    hotels: tuple[HotelBlock, ...] = ()
    contacts: tuple[GroupContact, ...] = ()


def read_folder(path: Path, moved_by: timedelta | None = None) -> Loaded:
    """The content of ``series.yaml``, ``working-groups.yaml``, ``events.yaml`` and ``consultations.yaml`` in ``path``,
    and of ``resources.yaml``, ``hotels.yaml`` and ``group-contacts.yaml`` if they are there.

    Args:
        path: the folder; other files in it belong to other services and are left alone.
        moved_by: whole days by which every date is moved; the time on the clock stays, over changes of summer time too.

    Raises:
        SettingsError: with every fault of all files, ``events.yaml:14: starts: …``.
        ValueError: ``moved_by`` is not whole days.
    """
    by = moved_by or timedelta()
    if by % timedelta(days=1):
        raise ValueError("dates are moved by whole days")
    faults: list[str] = []
    series, groups, events, consultations = (_rows(path / name, faults) for name in FILES)
    resources, hotels, contacts = (
        _rows(path / name, faults) if (path / name).exists() else [] for name in OPTIONAL_FILES
    )
    loaded = Loaded(
        series=_values(series, series_of),
        working_groups=_values(groups, working_group_of),
        events=_values(events, partial(event_of, moved_by=by)),
        consultations=_values(consultations, partial(consultation_of, moved_by=by)),
        resources=_values(resources, resource_of),
        hotels=_values(hotels, partial(hotel_of, moved_by=by)),
        contacts=_values(contacts, partial(group_contact_of, moved_by=by)),
    )
    check_unique(contacts or (), "id")
    if groups is not None:
        for rows in (consultations, contacts):
            check_group(rows or (), ids_of(groups))
    _check(series, groups, events, consultations)
    _check_forms(path / FORMS_FILE, events)
    _check_resources(resources, hotels, events, series)
    if faults:
        raise SettingsError(sorted(faults, key=_place))
    return loaded


def _place(fault: str) -> tuple[int, int]:
    """Where a fault belongs when they are read from top to bottom: file, then line."""
    name, line = fault.split(":")[:2]
    return (*FILES, *OPTIONAL_FILES).index(name), int(line) if line.isdigit() else 0


def _rows(path: Path, faults: list[str]) -> list[Fields] | None:
    """The rows of one file; None if it cannot be read, which is noted."""
    try:
        node = read_yaml(path, list)
    except SettingsError as error:
        faults.extend(error.problems)
        return None
    return [Fields(node.child(index), faults) for index in range(len(node.data))]


def _values(rows: list[Fields] | None, make: Callable[[Fields], T | None]) -> tuple[T, ...]:
    return tuple(value for row in rows or () if (value := make(row)) is not None)


def _check(
    series: list[Fields] | None,
    groups: list[Fields] | None,
    events: list[Fields] | None,
    consultations: list[Fields] | None,
) -> None:
    """Checks between rows; a file that cannot be read is not blamed a second time by the others."""
    for rows in (series, groups, events, consultations):
        check_unique(rows or (), "id")
    check_unique(events or (), "series", "series_number")
    if series is not None:
        check_series(events or (), ids_of(series))
    if groups is not None:
        check_groups(events or (), ids_of(groups))


def _check_forms(path: Path, events: list[Fields] | None) -> None:
    """Check the names of forms against registration's file, if it is there; its faults are registration's to report."""
    forms = _rows(path, []) if path.exists() else None
    if forms is not None:
        check_forms(events or (), ids_of(forms, "slug"))


def _check_resources(
    resources: list[Fields] | None,
    hotels: list[Fields] | None,
    events: list[Fields] | None,
    series: list[Fields] | None,
) -> None:
    check_unique(resources or (), "id")
    check_unique(hotels or (), "id")
    if series is not None:
        check_series(resources or (), ids_of(series))
    if events is not None:
        drafts, internal = ids_where(events, "status", "draft"), ids_where(events, "internal", True)
        check_events(resources or (), ids_of(events), drafts, internal)
