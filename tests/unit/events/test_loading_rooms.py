"""Rooms and slots of a folder: each fault names file, line and field; days move with the events."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.events.loading.moving import LoadedRooms
from services.events.loading.rooms import read_rooms
from shared.runtime.errors import SettingsError
from tests.support.processes import PROJECT

SAMPLE = PROJECT / "deploy" / "samples" / "upr2020"


def test_sample_has_rooms_of_all_sizes_and_twenty_slots() -> None:
    loaded = read_rooms(SAMPLE)
    assert [(room.id, room.capacity) for room in loaded.rooms] == [
        ("lake-hall", 120),
        ("garden-room", 60),
        ("upper-library", 35),
        ("small-salon", 20),
    ]
    assert len(loaded.slots) == 20
    first = loaded.slots[0]
    assert (first.id, first.span.starts_at) == ("2020-05-06-0900", datetime(2020, 5, 6, 7, tzinfo=UTC))


def test_each_slot_knows_the_line_of_its_time() -> None:
    loaded = read_rooms(SAMPLE)
    lines = (SAMPLE / "rooms.yaml").read_text().split("\n")
    for slot in loaded.slots:
        assert f"- {slot.id[-4:-2]}:{slot.id[-2:]} to " in lines[loaded.lines[slot.id] - 1]
    assert loaded.fault("2020-05-11-1030", "is taken").startswith("rooms.yaml:7: times: is taken")


def test_days_move_and_the_clock_on_the_wall_stays() -> None:
    moved = read_rooms(SAMPLE, timedelta(weeks=30))
    assert moved.slots[0].span.starts_at == datetime(2020, 12, 2, 8, tzinfo=UTC)
    assert moved.slots[0].id == "2020-12-02-0900"
    assert moved.rooms[0].is_open(moved.slots[0].span)


def test_folder_without_the_file_has_no_rooms(tmp_path: Path) -> None:
    assert read_rooms(tmp_path) == LoadedRooms((), ())


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("capacity: 120", "capacity: none", "rooms.yaml:20: capacity: must be a whole number"),
        ("time_zone: Europe/Zurich", "time_zone: Geneva", "rooms.yaml:3: time_zone: must be an IANA time zone"),
        ("hours: [10:00 to 17:00]", "hours: []", "rooms.yaml:35: hours: must have at least one time"),
        ("hours: [10:00 to 17:00]", "hours: [10 to 17]", "rooms.yaml:35: hours: must be times such as"),
        ("10:30 to 11:30", "09:30 to 10:30", "rooms.yaml:5: times: 2020-05-06-0900 and 2020-05-06-0930 overlap"),
        ("days: [2020-05-06", "days: [2020-05-36", "rooms.yaml:4: days: must be an existing day such as 2020-05-06"),
        ("id: garden-room", "id: lake-hall", "rooms.yaml:22: id: is used twice"),
        ("title:\n      en: Lake", "titel:\n      en: Lake", "rooms.yaml:13: titel: is not known here"),
        ("fr: Salle du Lac", "de: Seehalle", "rooms.yaml:13: title: must be a text in some of the languages"),
        ("      en: Lake Hall\n", "", "rooms.yaml:13: title: must have 1 to 200 characters in en"),
    ],
)
def test_fault_names_file_line_and_field(tmp_path: Path, old: str, new: str, fault: str) -> None:
    content = (SAMPLE / "rooms.yaml").read_text()
    assert old in content
    (tmp_path / "rooms.yaml").write_text(content.replace(old, new, 1))
    with pytest.raises(SettingsError) as refused:
        read_rooms(tmp_path)
    assert any(problem.startswith(fault) for problem in refused.value.problems), refused.value.problems


def test_slot_over_midnight_ends_the_next_day(tmp_path: Path) -> None:
    content = (SAMPLE / "rooms.yaml").read_text().replace("16:00 to 17:00", "23:00 to 00:30")
    (tmp_path / "rooms.yaml").write_text(content)
    last = read_rooms(tmp_path).slots[4]
    assert last.span.ends_at - last.span.starts_at == timedelta(minutes=90)
