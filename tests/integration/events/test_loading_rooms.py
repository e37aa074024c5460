"""Loading rooms while side events occupy slots, on a real database."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from services.events.__main__ import command_line
from services.events.loading.folder import read_rooms
from services.events.loading.service import load_rooms
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import SettingsError
from tests.integration.events.conftest import SAMPLE
from tests.integration.events.side_events import Desk

NOON = "2020-05-06-1300"
FAULT = f"rooms.yaml:8: times: 2020-05-06-1230 overlaps {NOON}, which has side events: move them first"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scenario with another noon and a smaller hall."""
    made = tmp_path / "folder"
    made.mkdir()
    for file in SAMPLE.glob("*.yaml"):
        content = file.read_text()
        if file.name == "rooms.yaml":
            content = content.replace("13:00 to 14:00", "12:30 to 13:30").replace("capacity: 120", "capacity: 99")
        if file.name == "series.yaml":
            content = content.replace("en: UPR", "en: Another UPR", 1)
        (made / file.name).write_text(content)
    return made


def test_slots_that_overlap_slots_in_use_are_named_and_nothing_is_changed(
    desk: Desk, loaded: UnitOfWork, folder: Path
) -> None:
    desk.put(desk.accepted("One"), "lake-hall", NOON)
    before = _stored(desk)
    with pytest.raises(SettingsError) as refused:
        load_rooms(loaded, read_rooms(folder))
    assert refused.value.problems == [FAULT]
    assert _stored(desk) == before


def test_command_stores_nothing_of_such_a_folder(desk: Desk, environment: dict[str, str], folder: Path) -> None:
    desk.put(desk.accepted("One"), "lake-hall", NOON)
    before = _stored(desk)
    result = CliRunner().invoke(command_line(), ["load", str(folder)], env=environment)
    assert isinstance(result.exception, SettingsError)
    assert result.exception.problems == [FAULT]
    assert _stored(desk) == before


def test_empty_slots_give_way(desk: Desk, environment: dict[str, str], folder: Path) -> None:
    before = _stored(desk)
    CliRunner().invoke(command_line(), ["load", str(folder)], env=environment, catch_exceptions=False)
    after = _stored(desk)
    assert (after != before, "2020-05-06-1230" in str(after), NOON in str(after)) == (True, True, False)
    assert "Another" in str(after)


def test_same_folder_is_loaded_again_while_its_slots_are_in_use(desk: Desk, loaded: UnitOfWork) -> None:
    desk.put(desk.accepted("One"), "lake-hall", NOON)
    before = _stored(desk)
    load_rooms(loaded, read_rooms(SAMPLE))
    assert _stored(desk) == before


def test_slot_in_use_stays_beside_those_that_do_not_overlap_it(desk: Desk, loaded: UnitOfWork, folder: Path) -> None:
    desk.put(desk.accepted("One"), "lake-hall", NOON)
    file = folder / "rooms.yaml"
    file.write_text(file.read_text().replace("12:30 to 13:30", "12:00 to 13:00"))
    load_rooms(loaded, read_rooms(folder))
    assert {"2020-05-06-1200", NOON, "2020-05-07-1200"} < {row["id"] for row in _stored(desk)["slot"]}
    assert "2020-05-07-1300" not in str(_stored(desk))


def _stored(desk: Desk) -> dict[str, list[Any]]:
    """Everything that loading a folder could change here."""
    with desk.engine.connect() as connection:
        return {
            table: list(connection.execute(text(f"SELECT to_jsonb(t) FROM {table} t ORDER BY 1::text")).scalars())
            for table in ("slot", "room", "room_hours", "series", "outbox")
        }
