"""The console's texts about conflicts, searches and preferences are true of the board."""

import inspect
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.console_words import NO_BREAK
from services.events.scheduling import openings
from services.events.scheduling.console import days_of, slot_choices
from services.events.scheduling.model import Argument, Conflict, ConflictKind, Fixed, Proof
from services.events.scheduling.openings import TOO_LARGE
from services.events.scheduling.snapshot import Snapshot
from services.events.scheduling.wording import (
    _HELP,
    _REASONS,
    clash_text,
    conflict_text,
    impossible_text,
    preferences_text,
    proof_text,
    reasons_text,
    search_text,
)
from services.events.side_events.model import TEXT_FIELDS, FieldChange, Proposal, ProposalStatus, ReviewAction
from services.events.side_events.wording import ACTIONS, FIELDS, change_text
from services.events.venue.model import Placement, Room, Span, TimeSlot
from shared.i18n.languages import Text

FIRST, SECOND = date(2020, 5, 6), date(2020, 5, 7)
NINE = datetime(2020, 5, 6, 7, tzinfo=UTC)


def hour(after: int) -> Span:
    """An hour, ``after`` hours after nine on the first day."""
    return Span(NINE + timedelta(hours=after), NINE + timedelta(hours=after + 1))


def a_proposal(name: str, **values: Any) -> Proposal:
    """An accepted proposal, whose title is its name in capitals."""
    base: dict[str, Any] = {
        "id": name, "title": name.upper(), "summary": "", "working_group": None, "organisation": None,
        "language": "en", "attendance": 10, "speakers": (), "person_ref": "ab" * 32, "submitted_at": NINE,
        "status": ProposalStatus.ACCEPTED,
    }  # fmt: skip
    return Proposal(**base | values)


def a_snapshot(*proposals: Proposal, placements: tuple[Placement, ...] = (), fixed: tuple[Fixed, ...] = ()) -> Snapshot:
    """Two days with two slots each, and one room with 40 seats that is ours all the time."""
    slots = {
        name: TimeSlot(name, hour(after), "Europe/Zurich") for name, after in (("a", 0), ("b", 1), ("c", 24), ("d", 25))
    }
    open_all_day = (Span(NINE - timedelta(days=1), NINE + timedelta(days=5)),)
    hall = Room(
        id="hall", title=Text.of("Hall"), city="Geneva", capacity=40, time_zone="Europe/Zurich", open=open_all_day
    )
    return Snapshot(1, {"hall": hall}, slots, {one.id: one for one in proposals}, placements, fixed)


def plain(text: str) -> str:
    """Without spaces at which no line may break."""
    return text.replace(NO_BREAK, " ")


def report(placed: int, unplaced: int, bound: float, moves: tuple[int, int, int] = (0, 0, 0)) -> dict[str, Any]:
    """A search's report; ``moves`` of how many published side events, how many made, and how many at least."""
    return {
        "placed": placed,
        "unplaced": {str(n): [] for n in range(unplaced)},
        "places": {"bound": bound},
        "moves": dict(zip(("published", "made", "least"), moves, strict=True)),
    }


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        (report(6, 0, 6), ["The last search found a place for all 6 accepted proposals."]),
        (report(1, 0, 1), ["The last search found a place for the only accepted proposal."]),
        (
            report(6, 2, 6),
            [
                "The last search found a place for 6 of 8 accepted proposals.",
                "No timetable has a place for more than 6.",
            ],
        ),
        (
            report(6, 0, 6, (4, 0, 0)),
            ["The last search found a place for all 6 accepted proposals.", "No published side event has to move."],
        ),
        (
            report(6, 0, 6, (5, 1, 1)),
            [
                "The last search found a place for all 6 accepted proposals.",
                "1 of 5 published side events moves, which is the fewest possible.",
            ],
        ),
        (
            report(6, 0, 6, (5, 3, 2)),
            [
                "The last search found a place for all 6 accepted proposals.",
                "3 of 5 published side events move; at least 2 have to move.",
            ],
        ),
        (
            report(6, 2, 7),
            [
                "The last search found a place for 6 of 8 accepted proposals.",
                "It is not known whether a timetable with more exists; none has a place for more than 7.",
            ],
        ),
    ],
)
def test_search_states_what_is_certain(found: dict[str, Any], sentences: list[str]) -> None:
    assert search_text(found) == sentences


def test_preferences_are_counted_among_proposals_with_some() -> None:
    met, unmet = a_proposal("met", preferred_on=(FIRST,)), a_proposal("unmet", preferred_on=(FIRST,))
    places = (Placement("met", "hall", "a"), Placement("unmet", "hall", "c"), Placement("easy", "hall", "b"))
    snapshot = a_snapshot(met, unmet, a_proposal("easy"), placements=places)
    assert preferences_text(snapshot) == "Of the 2 in the draft with preferred days, 1 is on one of them."
    assert preferences_text(a_snapshot(met)) == ""


@pytest.mark.parametrize(
    ("reasons", "sentences"),
    [
        (
            [("no_room_large_enough", 4)],
            "It expects 500 people, and the largest room holds 40. "
            "Ask whether it can be planned for fewer people, or add a larger room.",
        ),
        (
            [("rooms_taken", 3), ("speaker_unavailable", 1)],
            "All 4 slots are closed to it: in 3, every room that is large enough is taken; in 1, a speaker is not "
            "available that day. Another room would help, or removing another side event.",
        ),
        (
            [("busy", 4)],
            "All 4 slots are closed to it: its working group or one of its speakers has another side event. "
            "Ask for another speaker, or move the other side event yourself.",
        ),
        ([], "There are no slots."),
    ],
)
def test_reasons_name_what_closes_the_slots_and_what_could_help(reasons: list[tuple[str, int]], sentences: str) -> None:
    given = [{"code": code, "slots": slots} for code, slots in reasons]
    assert reasons_text(a_proposal("p", attendance=500), given, a_snapshot()) == sentences


@pytest.mark.parametrize(
    ("proof", "sentences"),
    [
        (None, "Not proved: another timetable may have a place for it."),
        (Proof(Argument.ROOMS, ()), "Proved: no timetable can place it."),
        (
            Proof(Argument.ROOMS, ("a", "b")),
            "Proved: it and “A” and “B” need 3 places that are large enough, and there are only 2.",
        ),
        (
            Proof(Argument.BUSY, ("a",)),
            "Proved: it shares a speaker or its working group with “A”; they need 2 slots, "
            "and there is only 1 open to them.",
        ),
        (Proof(Argument.SEARCH, tuple("abcde")), "Proved: no timetable has a place for it and for 5 others."),
    ],
)
def test_proof_is_named_or_reported_missing(proof: Proof | None, sentences: str) -> None:
    snapshot = a_snapshot(*(a_proposal(name) for name in "abcde"))
    kept = None if proof is None else {"argument": str(proof.argument), "others": list(proof.others)}
    assert proof_text(kept, snapshot) == sentences


def test_wish_for_days_that_are_closed_is_named_with_the_reason() -> None:
    preferences = a_proposal("wishes", preferred_on=(FIRST,))
    review = (Fixed("upr-review", Span(NINE, NINE + timedelta(hours=2)), "The review"),)
    ((who, why),) = impossible_text(a_snapshot(preferences, fixed=review))
    assert (who, plain(why)) == (
        preferences,
        "It prefers Wed 6 May 2020, but the review or the press conference takes place then.",
    )
    assert list(impossible_text(a_snapshot(preferences))) == []
    half = (Fixed("upr-review", hour(0), "The review"),)
    assert list(impossible_text(a_snapshot(preferences, fixed=half))) == []


def test_wish_for_days_without_slots_is_named_and_one_without_any_place_is_not() -> None:
    nowhere = a_proposal("nowhere", preferred_on=(date(2020, 6, 1), date(2020, 6, 2)))
    large = a_proposal("large", attendance=41, preferred_on=(SECOND,))
    ((who, why),) = impossible_text(a_snapshot(nowhere, large))
    assert (who, plain(why)) == (nowhere, "It prefers Mon 1 Jun 2020 or Tue 2 Jun 2020, but there is no slot then.")


def test_every_code_of_the_search_has_words() -> None:
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+|busy)"', inspect.getsource(openings)))
    assert {"busy", "fixed_event", "rooms_taken"} < codes
    assert codes - {TOO_LARGE} == set(_REASONS)
    assert codes == set(_HELP)


@pytest.mark.parametrize("kind", ConflictKind)
def test_every_conflict_is_shown_in_the_list_and_on_the_card(kind: ConflictKind) -> None:
    snapshot = a_snapshot(a_proposal("one"), a_proposal("other"), fixed=(Fixed("upr-review", hour(0), "The review"),))
    pair = kind in (ConflictKind.ROOM, ConflictKind.SPEAKER, ConflictKind.WORKING_GROUP)
    subject = "upr-review" if kind is ConflictKind.FIXED_EVENT else "hall"
    conflict = Conflict(kind, ("one", "other") if pair else ("one",), subject)
    assert "“ONE”" in conflict_text(conflict, snapshot)
    sentences = clash_text(conflict, "one", snapshot)
    assert ("“OTHER”" in sentences, "“ONE”" in sentences, "upr-review" in sentences) == (pair, False, False)


def test_every_field_that_can_change_has_words() -> None:
    assert (set(TEXT_FIELDS), set(ReviewAction)) == (set(FIELDS), set(ACTIONS))
    days = change_text(FieldChange("preferred_on", [], ["2020-05-06", "2020-05-07"]), {})
    assert (days.before, plain(days.now)) == ("nothing", "Wed 6 May 2020, Thu 7 May 2020")
    assert change_text(FieldChange("working_group", None, "housing"), {"housing": "Housing"}).now == "Housing"
    assert change_text(FieldChange("language", "en", "fr"), {}).now == "French"
    speakers = change_text(FieldChange("speakers", 0, 3), {})
    assert (speakers.before, speakers.now) == ("none", "3")
    assert change_text(FieldChange("speakers", 2, 2), {}).now == "2, other people"
    named = change_text(FieldChange("speakers", ["Ana"], ["Ana", "Bo"]), {})
    assert (named.before, named.now) == ("Ana", "Ana, Bo")


def test_every_time_of_the_board_names_its_zone() -> None:
    snapshot, zone = a_snapshot(), "Geneva time (CEST, UTC+2)"
    assert dict(slot_choices(snapshot))["a"].replace(NO_BREAK, " ") == f"Wed 6 May 2020, 09:00 to 10:00, {zone}"
    assert {row.zone for day in days_of(snapshot, (), ()) for row in day.rows} == {zone}
