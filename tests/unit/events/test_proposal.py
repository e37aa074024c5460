"""The rules of proposals, and the transitions of their states."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.rules import RulesBroken
from services.events.scheduling.model import TimetableEntry, difference
from services.events.side_events.model import NEXT, PLACEABLE, Proposal, ProposalStatus, become
from services.events.venue.model import Span
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError

S = ProposalStatus


def a_proposal(**changes: Any) -> Proposal:
    """A proposal as it comes in."""
    base: dict[str, Any] = {
        "id": "0190e1f2-0000-7000-8000-000000000001",
        "title": "Housing as a right",
        "summary": "What was promised and what was done.",
        "working_group": "housing",
        "organisation": None,
        "language": "en",
        "attendance": 40,
        "speakers": ("aa", "bb"),
        "person_ref": "ab" * 32,
        "submitted_at": datetime(2020, 3, 2, 9, tzinfo=UTC),
    }
    return Proposal(**base | changes)


@given(st.lists(st.sampled_from(list(S)), max_size=8))
def test_any_requested_states_follow_the_state_machine(preferences: list[S]) -> None:
    proposal = a_proposal()
    for wish in preferences:
        before = proposal
        if wish in NEXT[before.status]:
            proposal = become(before, wish)
            assert (proposal.status, proposal.revision) == (wish, before.revision + 1)
        else:
            with pytest.raises(DomainError) as refused:
                become(before, wish)
            assert refused.value.code == "proposal-transition"


def test_declined_and_withdrawn_are_the_end() -> None:
    assert [status for status in S if not NEXT[status]] == [S.DECLINED, S.WITHDRAWN]


def test_only_accepted_ones_are_placed_and_scheduled() -> None:
    assert {S.ACCEPTED, S.SCHEDULED} == PLACEABLE
    assert [status for status in S if S.SCHEDULED in NEXT[status]] == [S.ACCEPTED]


def test_note_is_kept_unless_a_new_one_is_given() -> None:
    returned = become(a_proposal(), S.RETURNED, note="Please shorten it.")
    assert become(returned, S.SUBMITTED).note == "Please shorten it."
    assert become(returned, S.ACCEPTED, note="").note == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ""}, "text-length"),
        ({"attendance": 0}, "number-too-small"),
        ({"working_group": "Not A Slug"}, "not-a-slug"),
        ({"partner": "Not A Slug"}, "not-a-slug"),
        ({"answers_revision": 0}, "number-too-small"),
        ({"preferred_on": (date(2020, 5, 6),), "unavailable_on": (date(2020, 5, 6),)}, "wished-and-impossible"),
    ],
)
def test_proposal_refuses(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(RulesBroken) as refused:
        a_proposal(**changes)
    assert [rule.code for rule in refused.value.broken] == [code]


def an_entry(name: str, hour: int = 9, room: str = "room-a") -> TimetableEntry:
    """A side event in a version."""
    when = Span(datetime(2020, 5, 6, hour, tzinfo=UTC), datetime(2020, 5, 6, hour + 1, tzinfo=UTC))
    return TimetableEntry(
        name, f"event-{name}", name, None, room, Text.of(room), "Geneva", f"slot-{hour}", when, "Europe/Zurich"
    )


def test_difference_has_new_and_moved_side_events_alone() -> None:
    old = [an_entry("stays"), an_entry("moves"), an_entry("changes-room", 10), an_entry("goes", 11)]
    new = [an_entry("stays"), an_entry("moves", 14), an_entry("changes-room", 10, "room-b"), an_entry("comes", 12)]
    found = difference(old, new)
    assert (found.added, found.moved, found.removed, found.unchanged) == (
        ("comes",),
        ("changes-room", "moves"),
        ("goes",),
        ("stays",),
    )
    assert found.notified == ("changes-room", "comes", "moves")


def test_new_title_or_translation_moves_no_one() -> None:
    translated = replace(an_entry("p"), room_title=an_entry("p").room_title.having("fr", "Salle du lac"))
    assert difference([an_entry("p")], [translated]).notified == ()
    assert difference([an_entry("p")], [replace(an_entry("p"), title="Another")]).notified == ()


@pytest.mark.parametrize(
    "elsewhere", [{"room_id": "room-b"}, {"room_title": Text.of("Its new name")}, {"span": an_entry("p", 10).span}]
)
def test_each_part_of_a_place_that_changes_is_a_move(elsewhere: dict[str, Any]) -> None:
    """A room with another English name is another place for its visitors."""
    assert difference([an_entry("p")], [replace(an_entry("p"), **elsewhere)]).moved == ("p",)
