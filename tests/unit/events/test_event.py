"""The rules of every event, series, working group and consultation."""

from dataclasses import FrozenInstanceError, fields
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.events.event.model import VISIBLE, Event, EventStatus, Mode
from services.events.network.model import Consultation, HostKind, Series, WorkingGroup
from services.events.rules import RulesBroken
from shared.i18n.languages import NO_TEXT, Text
from tests.unit.events.builders import HOUR, START, an_event


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"id": "UPR 10"}, "id", "not-a-slug"),
        ({"id": "a" * 81}, "id", "not-a-slug"),
        ({"id": "a\n"}, "id", "not-a-slug"),
        ({"title": NO_TEXT}, "title", "text-length"),
        ({"title": Text.of("x" * 201)}, "title", "text-length"),
        ({"title": Text.of({"en": "A", "fr": "x" * 201})}, "title.fr", "text-length"),
        ({"summary": Text.of({"fr": "a\0"})}, "summary.fr", "text-characters"),
        ({"title": Text.of({"en": "A", "de": "A"})}, "title", "unknown-language"),
        ({"summary": Text.of("x" * 2001)}, "summary", "text-length"),
        ({"internal_note": " x"}, "internal_note", "text-length"),
        ({"revision": 0}, "revision", "number-too-small"),
        ({"series": "a b"}, "series", "not-a-slug"),
        ({"series": "a", "series_number": 0}, "series_number", "number-too-small"),
        ({"series_number": 1}, "series_number", "number-without-series"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone", "unknown-time-zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "unknown-time-zone"),
        ({"starts_at": None}, "starts_at", "half-a-date"),
        ({"ends_at": None}, "ends_at", "half-a-date"),
        ({"ends_at": START}, "ends_at", "ends-before-start"),
        ({"ends_at": datetime(2020, 3, 4, 20)}, "ends_at", "time-without-zone"),  # noqa: DTZ001 - the fault
        ({"last_starts_at": START}, "last_ends_at", "half-a-date"),
        ({"starts_at": None, "ends_at": None}, "starts_at", "date-required"),
        (
            {"status": EventStatus.POSTPONED, "starts_at": START, "ends_at": START + HOUR},
            "starts_at",
            "postponed-with-date",
        ),
        ({"mode": Mode.IN_PERSON}, "city", "city-required"),
        ({"mode": Mode.HYBRID}, "city", "city-required"),
        ({"city": ""}, "city", "text-length"),
        ({"place": "x" * 201}, "place", "text-length"),
        ({"join_url": "http://meet.example.org"}, "join_url", "not-a-web-address"),
        ({"join_url": "https://"}, "join_url", "not-a-web-address"),
        ({"join_url": "https://[meet"}, "join_url", "not-a-web-address"),
        ({"join_url": "https://meet.example.org/\r\nX: y"}, "join_url", "not-a-web-address"),
        ({"join_url": "https://meet.example.org/" + "x" * 500}, "join_url", "not-a-web-address"),
        ({"asked_groups": ("a", "a")}, "asked_groups", "group-asked-twice"),
        ({"asked_groups": ("*", "a")}, "asked_groups", "every-group-and-some"),
        ({"asked_groups": ("A",)}, "asked_groups", "not-a-slug"),
    ],
)
def test_event_refuses(changes: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(RulesBroken) as refused:
        an_event(**changes)
    assert [(rule.field, rule.code) for rule in refused.value.broken] == [(field, code)]
    assert refused.value.code == code


def test_event_names_every_broken_rule() -> None:
    with pytest.raises(RulesBroken) as refused:
        an_event(title=NO_TEXT, ends_at=START - HOUR, asked_groups=("*", "A"))
    assert [rule.field for rule in refused.value.broken] == ["title", "ends_at", "asked_groups", "asked_groups"]


def test_draft_and_postponed_need_no_date_and_every_group_can_be_asked() -> None:
    assert an_event(EventStatus.DRAFT, mode=Mode.HYBRID).starts_at is None
    assert an_event(EventStatus.POSTPONED).starts_at is None
    assert an_event(asked_groups=("*",)).asked_groups == ("*",)
    assert an_event(join_url="https://meet.example.org/a?b=c").join_url == "https://meet.example.org/a?b=c"


def test_event_cannot_be_altered() -> None:
    with pytest.raises(FrozenInstanceError):
        an_event().title = Text.of("Another")  # type: ignore[misc]


def test_every_field_is_visible_or_known_not_to_be() -> None:
    hidden = {"id", "revision", "last_starts_at", "last_ends_at", "internal_note", "form", "internal"}
    assert {field.name for field in fields(Event)} == {*VISIBLE, *hidden}
    assert hidden.isdisjoint(VISIBLE)


def test_events_compare_by_instant_not_by_zone() -> None:
    other = datetime.fromisoformat("2020-03-04T14:00:00-05:00")
    assert an_event(starts_at=other, ends_at=other + timedelta(hours=1)) == an_event()


@pytest.mark.parametrize(
    ("make", "changes", "codes"),
    [
        (Series, {"id": "A"}, ["not-a-slug"]),
        (Series, {"began_in": 3}, ["number-too-small"]),
        (WorkingGroup, {"id": "A", "title": NO_TEXT}, ["not-a-slug", "text-length"]),
    ],
)
def test_series_and_group_refuse(make: Any, changes: dict[str, Any], codes: list[str]) -> None:
    with pytest.raises(RulesBroken) as refused:
        make(**{"id": "a", "title": Text.of("A"), **changes})
    assert [rule.code for rule in refused.value.broken] == codes


def test_consultation_refuses_fewer_presentations_than_hosts() -> None:
    with pytest.raises(RulesBroken) as refused:
        Consultation(id="a", title="A", city="B", host_kind=HostKind.EMBASSY, hosts=3, presentations=2, within_days=0)
    assert [rule.field for rule in refused.value.broken] == ["within_days", "presentations"]
