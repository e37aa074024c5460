"""Reading a folder: the reference scenario, and every kind of fault with its file, line and field."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import deploy
from services.events.event.lifecycle import merge_loaded
from services.events.event.model import EventKind, EventStatus
from services.events.loading.export import render_files
from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded
from services.events.loading.rooms import read_rooms
from services.events.loading.service import merge_described
from services.events.network.model import Allotment, ContactKind, GroupContact, RoomKind, WorkingGroup
from services.events.venue.model import Room, Span, TimeSlot
from shared.i18n.languages import Text
from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import read_yaml

SAMPLE = Path(deploy.__file__).parent / "samples" / "upr2020"
FILES = {
    "series.yaml": "- id: wednesdays\n  title: Wednesdays\n",
    "working-groups.yaml": "- id: housing\n  title: Housing\n",
    "events.yaml": """\
- id: webinar-1
  kind: webinar
  series: wednesdays
  series_number: 1
  title: The first
  status: confirmed
  starts: 2020-03-04 14:00
  ends: 2020-03-04 15:00
  time_zone: America/New_York
  mode: online
  asked_groups:
    - housing
""",
    "consultations.yaml": """\
- id: round
  title: A round
  city: Geneva
  host_kind: embassy
  hosts: 2
  presentations: 3
""",
}


def folder(path: Path, **changed: str) -> Path:
    """The small folder above, with some files replaced: ``events`` means ``events.yaml``."""
    for name, content in FILES.items():
        path.joinpath(name).write_text(changed.get(name.removesuffix(".yaml").replace("-", "_"), content))
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_folder(path)
    return refused.value.problems


def test_scenario_holds_the_stated_facts() -> None:
    loaded = read_folder(SAMPLE)
    webinar = loaded.events[0]
    assert (webinar.id, webinar.series, webinar.series_number) == ("upr-webinar-10", "upr-webinar-wednesday", 10)
    assert webinar.starts_at == datetime(2020, 3, 4, 19, 0, tzinfo=UTC)
    assert (webinar.status, webinar.asked_groups) == (EventStatus.CONFIRMED, ("*",))
    assert [(event.kind, event.status, event.city) for event in loaded.events[1:]] == [
        (EventKind.COUNCIL_SESSION, EventStatus.CONFIRMED, "Geneva"),
        (EventKind.REVIEW, EventStatus.TENTATIVE, "Geneva"),
        (EventKind.PRESS_CONFERENCE, EventStatus.TENTATIVE, "Geneva"),
        (EventKind.TRAINING, EventStatus.DRAFT, None),
    ]
    assert [(consultation.presentations, consultation.hosts) for consultation in loaded.consultations] == [
        (16, 9),
        (27, 2),
    ]
    assert (len(loaded.working_groups), [series.began_in for series in loaded.series]) == (12, [2019])


def test_scenario_forms_and_partners_fit_together() -> None:
    forms, partners = (read_yaml(SAMPLE / name, list).data for name in ("forms.yaml", "partners.yaml"))
    events = {event.id for event in read_folder(SAMPLE).events}
    named = [form[key] for form in forms for key in ("event", "attend") if key in form]
    assert set(named) <= events
    assert {form["slug"] for form in forms if "event" not in form} == {"join-working-group", "side-event-proposal"}
    assert {slug for form in forms for slug in form["partners"]} <= {partner["slug"] for partner in partners}


def test_scenario_loaded_twice_changes_nothing() -> None:
    first, second = read_folder(SAMPLE), read_folder(SAMPLE)
    stored = [merge_loaded(None, event) for event in first.events]
    assert [change for _, change in stored] == ["published"] * 4 + ["none"]
    again = [merge_loaded(old, new) for (old, _), new in zip(stored, second.events, strict=True)]
    assert again == [(old, "none") for old, _ in stored]
    groups = [merge_described(merge_described(None, group)[0], group) for group in second.working_groups]
    assert groups == [(group, "none") for group in first.working_groups]


def event_with(old: str, new: str) -> str:
    assert FILES["events.yaml"].count(old) == 1
    return FILES["events.yaml"].replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: webinar-1", "id: Webinar 1", "1: id: must be lower-case letters and digits joined "
         "by hyphens, at most 80"),
        ("  title: The first\n", "", "1: title: is required"),
        ("kind: webinar", "kind: party", "2: kind: must be one of webinar, side_event, review, council_session, "
         "press_conference, consultation, training"),
        ("status: confirmed", "status: on", "6: status: must be one of draft, tentative, confirmed, postponed, "
         "cancelled, held"),
        ("mode: online", "mode: hybrid", "1: city: is required: people come in person"),
        ("starts: 2020-03-04 14:00", "starts: 4 March", "7: starts: must be a date and a local time such as "
         "2020-03-04 14:00"),
        ("starts: 2020-03-04 14:00", "starts: 2020-02-30 14:00", "7: starts: is not a date and time that exists"),
        ("starts: 2020-03-04 14:00", "starts: 2020-03-04 16:00", "8: ends: must be later than the start"),
        ("starts: 2020-03-04 14:00\n  ", "", "1: starts: is required: a date has a start and an end"),
        ("starts: 2020-03-04 14:00\n  ends: 2020-03-04 15:00\n  ", "", "1: starts: is required: a confirmed event "
         "has a date"),
        ("starts: 2020-03-04 14:00", "starts: 2019-11-03 01:30", "7: starts: 01:30 on 2019-11-03 in America/New_York "
         "exists twice: clocks go back that day; choose another time"),
        ("ends: 2020-03-04 15:00", "ends: 2020-03-08 02:30", "8: ends: 02:30 on 2020-03-08 in America/New_York does "
         "not exist: clocks go forward over it; choose another time"),
        ("time_zone: America/New_York", "time_zone: Eastern", "9: time_zone: must be an IANA time zone such as "
         "Europe/Zurich"),
        ("series: wednesdays", "series: thursdays", "3: series: 'thursdays' is not in series.yaml"),
        ("  series: wednesdays\n", "", "3: series_number: needs a series to be a number of"),
        ("    - housing\n", "    - housing\n    - health\n", "13: asked_groups: 'health' is not in "
         "working-groups.yaml"),
        ("    - housing\n", '    - housing\n    - "*"\n', '11: asked_groups: must be "*" alone or name the groups'),
        ("mode: online", "mode: online\n  join_url: http://meet.example.org", "11: join_url: must begin with https://, "
         "at most 500 characters"),
        ("mode: online", "mode: online\n  internal: yes", "11: internal: must be true or false"),
        ("mode: online", "mode: online\n  colour: red", "11: colour: is not known here; known are asked_groups, city, "
         "ends, form, id, internal, internal_note, join_url, kind, last_ends, last_starts, mode, place, series, "
         "series_number, starts, status, summary, time_zone, title"),
    ],
)  # fmt: skip
def test_fault_of_an_event_names_file_line_and_field(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert problems_of(folder(tmp_path, events=event_with(old, new))) == [f"events.yaml:{problem}"]


@pytest.mark.parametrize(
    ("forms", "problems"),
    [
        (None, []),
        ("- slug: webinar-1\n", []),
        ("- slug: webinar-2\n", ["events.yaml:11: form: 'webinar-1' is not in forms.yaml"]),
        ("[]\n", ["events.yaml:11: form: 'webinar-1' is not in forms.yaml"]),
        ("slug: [", []),
    ],
    ids=["no file", "known", "unknown", "none", "a file that cannot be read"],
)
def test_form_of_an_event_is_one_of_the_folder(tmp_path: Path, forms: str | None, problems: list[str]) -> None:
    path = folder(tmp_path, events=event_with("mode: online", "mode: online\n  form: webinar-1"))
    if forms is not None:
        (path / "forms.yaml").write_text(forms)
    if problems:
        assert problems_of(path) == problems
    else:
        assert read_folder(path).events[0].form == "webinar-1"


def test_names_and_numbers_used_twice_are_refused(tmp_path: Path) -> None:
    assert problems_of(folder(tmp_path, events=FILES["events.yaml"] * 2)) == [
        "events.yaml:13: id: is used twice, first in line 1",
        "events.yaml:16: series_number: is used twice, first in line 4",
    ]


def test_faults_of_all_files_come_together(tmp_path: Path) -> None:
    faulty = folder(
        tmp_path,
        series="- id: wednesdays\n  title: ''\n  began_in: 12\n",
        working_groups="housing: Housing\n",
        consultations=FILES["consultations.yaml"].replace("hosts: 2", "hosts: 4"),
        events=event_with("starts: 2020-03-04 14:00", "starts: soon").replace("The first", "''"),
    )
    assert problems_of(faulty) == [
        "series.yaml:2: title: must have 1 to 200 characters in en",
        "series.yaml:3: began_in: must be a whole number from 1945 to 2999",
        "working-groups.yaml:1: the file must be a list",
        "events.yaml:5: title: must have 1 to 200 characters in en",
        "events.yaml:7: starts: must be a date and a local time such as 2020-03-04 14:00",
        "consultations.yaml:6: presentations: must be at least as many as hosts",
    ]


def test_missing_files_and_rows_that_are_no_mappings_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, events="- words\n")
    path.joinpath("series.yaml").unlink()
    assert problems_of(path) == [
        "series.yaml: does not exist or is not a file",
        "events.yaml:1: must be a mapping of keys to values",
    ]
    assert len(problems_of(tmp_path / "absent")) == 4


def test_postponed_event_remembers_the_times_in_the_file(tmp_path: Path) -> None:
    event = read_folder(folder(tmp_path, events=event_with("confirmed", "postponed"))).events[0]
    assert (event.starts_at, event.ends_at) == (None, None)
    assert event.last_starts_at == datetime(2020, 3, 4, 19, 0, tzinfo=UTC)


def test_empty_lists_are_a_folder_too(tmp_path: Path) -> None:
    empty = folder(tmp_path, series="[]\n", working_groups="[]\n", events="[]\n", consultations="[]\n")
    assert read_folder(empty) == Loaded((), (), (), ())


RESOURCE = "- id: slides\n  kind: slides\n  title: Slides\n  url: https://files.example.org/a\n  event: webinar-1\n"
NIGHT = "  allotments:\n    - {kind: single, rooms: 3, first_night: 2020-05-08}\n"
BEFORE = "    - kind: single\n      rooms: 3\n      last_night: 2020-05-07\n      first_night: 2020-05-08\n"
CONTACT = "- id: call\n  working_group: health\n  kind: phone\n  held_on: 2020-03-02\n  recorded_by: a desk\n"
NO_HOSTS = FILES["consultations.yaml"].replace("  hosts: 2\n", "")
HOTEL = "- id: inn\n  name: Inn\n  city: Geneva\n  rooms: 3\n"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "resources.yaml",
            RESOURCE.replace("https", "http"),
            "4: url: must begin with https://, at most 500 characters",
        ),
        ("resources.yaml", RESOURCE.replace("webinar-1", "webinar-2"), "5: event: 'webinar-2' is not in events.yaml"),
        ("resources.yaml", RESOURCE + "  series: x\n", "6: series: 'x' is not in series.yaml"),
        ("resources.yaml", RESOURCE + "  published: perhaps\n", "6: published: must be true or false"),
        ("hotels.yaml", HOTEL + "  book_until: soon\n", "5: book_until: must be an existing day such as 2020-05-06"),
        ("hotels.yaml", HOTEL + HOTEL, "5: id: is used twice, first in line 1"),
        ("hotels.yaml", HOTEL + NIGHT + BEFORE, "9: last_night: must be 1 to 60 nights, the first one first"),
        ("hotels.yaml", HOTEL + NIGHT + "    - words\n", "7: allotments: must be a mapping of keys to values"),
        ("group-contacts.yaml", CONTACT, "2: working_group: 'health' is not in working-groups.yaml"),
        ("consultations.yaml", NO_HOSTS, "1: hosts: is required"),
    ],
)
def test_fault_of_a_resource_or_hotel_names_file_line_and_field(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    folder(tmp_path).joinpath(name).write_text(content)
    assert problems_of(tmp_path) == [f"{name}:{problem}"]


def test_allotment_without_its_last_night_is_for_one(tmp_path: Path) -> None:
    folder(tmp_path).joinpath("hotels.yaml").write_text(HOTEL + NIGHT)
    [hotel] = read_folder(tmp_path).hotels
    assert hotel.allotments == (Allotment(RoomKind.SINGLE, 3, date(2020, 5, 8), date(2020, 5, 8)),)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """The scenario, and values that YAML or a clock could take for something else."""
    scenario, venue = read_folder(SAMPLE), read_rooms(SAMPLE)
    twice = datetime(2020, 10, 25, 0, 30, tzinfo=UTC)
    one = replace(scenario.events[0], time_zone="Europe/Zurich", series=None, series_number=None)
    later = twice + timedelta(hours=1, microseconds=7)
    gone: dict[str, Any] = {"status": EventStatus.POSTPONED, "starts_at": None, "ends_at": None}
    odd = [
        replace(one, id="twice", starts_at=twice, ends_at=later),
        replace(one, id="was", last_starts_at=twice, last_ends_at=later, **gone),
        replace(one, id="again", last_starts_at=twice, last_ends_at=later),
        *(replace(one, id=f"text-{number}", title=Text.of(title)) for number, title in enumerate(ODD_TEXTS)),
        replace(one, id="french", title=Text.of({"en": "Homes", "fr": "no"}), summary=Text.of({"ru": "12"})),
    ]
    night = Allotment(RoomKind.TWIN, 3, date(2020, 5, 6), date(2020, 5, 8))
    call = GroupContact(id="call", working_group="housing", kind=ContactKind.PHONE, held_on=date(1999, 3, 2))
    visit: dict[str, Any] = {"host": "An embassy", "hosts": 1, "held_on": date(2020, 3, 2), "working_group": "housing"}
    loaded = replace(
        scenario,
        events=(*scenario.events, *odd),
        working_groups=(
            *scenario.working_groups,
            WorkingGroup(id="closed", title=Text.of("Closed"), contact="x", active=False),
        ),
        hotels=tuple(replace(hotel, rooms=9, allotments=(night,)) for hotel in scenario.hotels),
        consultations=(replace(scenario.consultations[0], **visit), *scenario.consultations[1:]),
        contacts=(call,),
    )
    span = Span(twice, twice + timedelta(days=2))
    rooms = (
        *venue.rooms,
        Room(id="far", title=Text.of("Far"), city="Rome", capacity=9, time_zone="Asia/Tokyo", open=(span,)),
    )
    slots = (*venue.slots, TimeSlot("2020-10-25-0930", Span(twice, twice + timedelta(hours=1)), "Asia/Tokyo"))
    for name, content in render_files(loaded, rooms, slots).items():
        (tmp_path / name).write_text(content)
    assert read_folder(tmp_path) == loaded
    again = read_rooms(tmp_path)
    assert (again.rooms, again.slots) == (rooms, slots)


ODD_TEXTS = (
    *("no", "~", "null", "12", "2020-03-04", "&a *b", "- x: y # z", "'\"", "a\n  b", "= ! % @", "\u0627\u0644"),
    *("x " * 99 + "x", "a \u2028 and \x85 b", "true"),
)
