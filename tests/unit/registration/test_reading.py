"""Commands are read by their kind; one of an unknown kind is parked, never taken for another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from services.registration.intake.items import Item, Mute
from services.registration.intake.queue import QueuedRow
from services.registration.intake.reading import DeciderKeys, Links, read_items
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
