"""The tables around events: series, working groups, contacts with them, consultations. Each is short and read whole."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from services.events.domain.network import Consultation, ContactKind, GroupContact, HostKind, Series, WorkingGroup
from services.events.store.tables import read_all, save_value, stored_table


def _consultation(row: Mapping[str, Any]) -> Consultation:
    return Consultation(**{**row, "host_kind": HostKind(row["host_kind"])})


def _contact(row: Mapping[str, Any]) -> GroupContact:
    return GroupContact(**{**row, "kind": ContactKind(row["kind"])})


def _columns(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _series(row: Mapping[str, Any]) -> Series:
    return Series(**row)


def _group(row: Mapping[str, Any]) -> WorkingGroup:
    return WorkingGroup(**row)


SERIES = stored_table("series", _columns(Series), _series)
GROUPS = stored_table("working_group", _columns(WorkingGroup), _group)
CONSULTATIONS = stored_table("consultation", _columns(Consultation), _consultation)
CONTACTS = stored_table("group_note", _columns(GroupContact), _contact, order="held_on DESC, id")
_LAST_CONTACTS = text("SELECT working_group, max(held_on) FROM group_note WHERE held_on <= :today GROUP BY 1")


def all_series(connection: Connection) -> list[Series]:
    """Every series."""
    return read_all(connection, SERIES)


def all_working_groups(connection: Connection) -> list[WorkingGroup]:
    """Every working group."""
    return read_all(connection, GROUPS)


def save_working_group(connection: Connection, group: WorkingGroup) -> None:
    """Store ``group`` in place of what was stored under its id."""
    save_value(connection, GROUPS, group)


def all_consultations(connection: Connection) -> list[Consultation]:
    """Every consultation."""
    return read_all(connection, CONSULTATIONS)


def last_contacts(connection: Connection, today: date) -> Mapping[str, date]:
    """The day of the last noted contact with each group, up to ``today``; groups without one are not in it."""
    return {row[0]: row[1] for row in connection.execute(_LAST_CONTACTS, {"today": today})}
