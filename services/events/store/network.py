"""The tables around events: series, working groups, contacts with them, consultations. Each is short and read whole."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from services.events.domain.network import Consultation, ContactKind, GroupContact, HostKind, Series, WorkingGroup
from services.events.store.tables import StoredTable


def _consultation(row: Mapping[str, Any]) -> Consultation:
    return Consultation(**{**row, "host_kind": HostKind(row["host_kind"])})


def _contact(row: Mapping[str, Any]) -> GroupContact:
    return GroupContact(**{**row, "kind": ContactKind(row["kind"])})


SERIES = StoredTable(name="series", columns=tuple(one.name for one in fields(Series)), make=lambda row: Series(**row))
GROUPS = StoredTable(
    name="working_group", columns=tuple(one.name for one in fields(WorkingGroup)), make=lambda row: WorkingGroup(**row)
)
CONSULTATIONS = StoredTable(
    name="consultation", columns=tuple(one.name for one in fields(Consultation)), make=_consultation
)
CONTACTS = StoredTable(
    name="group_note",
    columns=tuple(one.name for one in fields(GroupContact)),
    make=_contact,
    order="held_on DESC, id",
)
_LAST_CONTACTS = text("SELECT working_group, max(held_on) FROM group_note WHERE held_on <= :today GROUP BY 1")


def all_series(connection: Connection) -> list[Series]:
    """Every series."""
    return SERIES.all(connection)


def save_series(connection: Connection, series: Series) -> None:
    """Store ``series`` in place of what was stored under its id."""
    SERIES.save(connection, series)


def all_working_groups(connection: Connection) -> list[WorkingGroup]:
    """Every working group."""
    return GROUPS.all(connection)


def save_working_group(connection: Connection, group: WorkingGroup) -> None:
    """Store ``group`` in place of what was stored under its id."""
    GROUPS.save(connection, group)


def all_consultations(connection: Connection) -> list[Consultation]:
    """Every consultation."""
    return CONSULTATIONS.all(connection)


def save_consultation(connection: Connection, consultation: Consultation) -> None:
    """Store ``consultation`` in place of what was stored under its id."""
    CONSULTATIONS.save(connection, consultation)


def last_contacts(connection: Connection, today: date) -> Mapping[str, date]:
    """The day of the last noted contact with each group, up to ``today``; groups without one are not in it."""
    return {row[0]: row[1] for row in connection.execute(_LAST_CONTACTS, {"today": today})}
