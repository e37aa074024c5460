"""Commands are read by their kind; one of an unknown kind is parked, never taken for another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, cast, get_args, get_type_hints

import pytest
from sqlalchemy import Connection

from services.registration.intake.desk_items import DESK_COMMANDS, NamedRegistration
from services.registration.intake.items import COMMANDS, Addressed, Item, Mute
from services.registration.intake.reading import DeciderKeys, read_items
from services.registration.intake.received import Links, QueuedRow
from services.registration.people.model import AddressRefs
from services.registration.people.references import References

KEYS = DeciderKeys([], References(bytes(32)))


class Statements:
    """A connection that records the parameters of what it executes."""

    def __init__(self) -> None:
        self.executed: list[Mapping[str, Any]] = []

    def execute(self, _statement: object, parameters: Mapping[str, Any]) -> None:
        self.executed.append(parameters)


def read(kind: str) -> tuple[list[Item], int]:
    """The items of a command of this kind, and how many were parked."""
    row = QueuedRow(7, kind, "a-form", 1, None, b"", None, None, "", b"", datetime(2020, 3, 2, tzinfo=UTC), b"")
    statements = Statements()
    items = read_items(cast(Connection, statements), KEYS, [(row, {})], Links({}, {}))
    return items, len(statements.executed)


@pytest.mark.parametrize(("kind", "muted"), [("mute", True), ("unmute", False)])
def test_mail_is_muted_and_unmuted_by_name(kind: str, muted: bool) -> None:
    assert read(kind) == ([Mute(7, None, muted=muted)], 0)


@pytest.mark.parametrize("kind", ["", "forward", "Mute"])
def test_command_of_an_unknown_kind_is_parked(kind: str) -> None:
    assert read(kind) == ([], 1)


def item_of(name: str) -> Any:
    """The class of the items that a command is read as."""
    function = COMMANDS[name].read
    return get_type_hints(function.func if isinstance(function, partial) else function)["return"]


def fields_of(item: Any, kind: object) -> set[str]:
    """Names of the fields of an item that have a type."""
    return {name for name, hint in get_type_hints(item).items() if hint is kind}


def test_each_item_is_read_by_a_command() -> None:
    """A command that is not in the registry is parked and never decided."""
    assert {item_of(name) for name in COMMANDS} - {NoReturn} == set(get_args(Item))


def test_commands_of_coordinators_are_called_so() -> None:
    """The table takes their names with a coordinator, and all other names without one."""
    assert {name for name in COMMANDS if name.startswith("desk-")} == {command.name for command in DESK_COMMANDS}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"erase"}))
def test_registrations_that_an_item_names_are_looked_up(name: str) -> None:
    assert set(COMMANDS[name].names) == fields_of(item_of(name), NamedRegistration)


def test_each_item_with_an_address_is_refused_if_that_is_blocked_or_erased() -> None:
    assert {item for item in get_args(Item) if fields_of(item, AddressRefs)} == set(get_args(Addressed))
