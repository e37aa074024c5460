"""The state machine: only allowed steps, and revisions that count what participants see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.event.lifecycle import (
    NEXT,
    amend,
    announce,
    can_follow,
    cancel,
    confirm,
    hold,
    postpone,
    reschedule,
    revive,
)
from services.events.event.model import Event, EventStatus, revise, visible_difference
from services.events.rules import RulesBroken
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError
from tests.unit.events.builders import HOUR, START, an_event

LATER = START + timedelta(weeks=26)
Step = Callable[[Event], Event]
STEPS: dict[str, Step] = {
    "announce": announce,
    "confirm": confirm,
    "postpone": postpone,
    "reschedule": lambda event: reschedule(event, LATER, LATER + HOUR),
    "reschedule confirmed": lambda event: reschedule(event, LATER, LATER + HOUR, status=EventStatus.CONFIRMED),
    "reschedule tentative": lambda event: reschedule(event, LATER, LATER + HOUR, status=EventStatus.TENTATIVE),
    "cancel": cancel,
    "revive": revive,
    "revive confirmed": lambda event: revive(event, status=EventStatus.CONFIRMED),
    "hold": lambda event: hold(event, LATER + HOUR),
}
ALLOWED = {
    ("draft", "announce"): "tentative",
    ("draft", "reschedule"): "draft",
    ("draft", "reschedule tentative"): "tentative",
    ("tentative", "confirm"): "confirmed",
    ("tentative", "postpone"): "postponed",
    ("tentative", "reschedule"): "tentative",
    ("tentative", "reschedule tentative"): "tentative",
    ("tentative", "reschedule confirmed"): "confirmed",
    ("tentative", "cancel"): "cancelled",
    ("confirmed", "postpone"): "postponed",
    ("confirmed", "reschedule"): "confirmed",
    ("confirmed", "reschedule confirmed"): "confirmed",
    ("confirmed", "cancel"): "cancelled",
    ("confirmed", "hold"): "held",
    ("postponed", "reschedule"): "tentative",
    ("postponed", "reschedule tentative"): "tentative",
    ("postponed", "reschedule confirmed"): "confirmed",
    ("postponed", "cancel"): "cancelled",
    ("cancelled", "revive"): "tentative",
    ("cancelled", "revive confirmed"): "confirmed",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", EventStatus)
def test_step_follows_the_state_machine_or_is_refused(status: EventStatus, step: str) -> None:
    event = an_event(status)
    if status is EventStatus.DRAFT and step == "announce":
        event = an_event(status, starts_at=START, ends_at=START + HOUR)
    if status is EventStatus.POSTPONED:
        event = an_event(status, last_starts_at=START, last_ends_at=START + HOUR)
    if (status, step) in ALLOWED:
        assert STEPS[step](event).status == ALLOWED[status, step]
        return
    with pytest.raises(DomainError) as refused:
        STEPS[step](event)
    assert refused.value.code == "event-transition"


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=25))
def test_any_steps_keep_the_rules_and_revisions_never_fall(steps: list[str]) -> None:
    event = an_event(EventStatus.DRAFT, starts_at=START, ends_at=START + HOUR)
    for step in steps:
        try:
            after = STEPS[step](event)
        except DomainError:
            continue
        assert after.status is event.status or after.status in NEXT[event.status]
        assert after.revision - event.revision == (1 if visible_difference(event, after) else 0)
        assert can_follow(event.status, after.status)
        event = after


def test_next_statuses_are_those_of_the_design() -> None:
    assert {str(status): sorted(after) for status, after in NEXT.items()} == {
        "draft": ["tentative"],
        "tentative": ["cancelled", "confirmed", "postponed"],
        "confirmed": ["cancelled", "held", "postponed"],
        "postponed": ["cancelled", "confirmed", "tentative"],
        "cancelled": ["confirmed", "tentative"],
        "held": [],
    }


def test_announce_needs_a_date() -> None:
    with pytest.raises(DomainError) as refused:
        announce(an_event(EventStatus.DRAFT))
    assert refused.value.code == "date-required"


def test_postponed_event_remembers_its_last_date_and_comes_back() -> None:
    event = postpone(an_event(EventStatus.CONFIRMED))
    assert (event.starts_at, event.ends_at) == (None, None)
    assert (event.last_starts_at, event.last_ends_at) == (START, START + HOUR)
    back = reschedule(event, LATER, LATER + HOUR, status=EventStatus.CONFIRMED)
    assert (back.status, back.starts_at, back.revision) == (EventStatus.CONFIRMED, LATER, 3)


def test_cancelled_event_keeps_its_date_and_is_revived_on_it() -> None:
    event = cancel(an_event())
    assert (event.starts_at, event.revision) == (START, 2)
    assert (revive(event).starts_at, revive(event).revision) == (START, 3)


def test_postponed_event_that_is_cancelled_takes_its_last_date_along() -> None:
    event = cancel(postpone(an_event(EventStatus.CONFIRMED)))
    assert (event.status, event.starts_at, event.ends_at) == (EventStatus.CANCELLED, START, START + HOUR)
    with pytest.raises(DomainError) as refused:
        cancel(an_event(EventStatus.POSTPONED))
    assert refused.value.code == "date-required"


@pytest.mark.parametrize("status", [EventStatus.HELD, EventStatus.POSTPONED, EventStatus.CANCELLED, EventStatus.DRAFT])
def test_reschedule_and_revive_lead_only_to_tentative_or_confirmed(status: EventStatus) -> None:
    confirmed, cancelled = an_event(EventStatus.CONFIRMED), cancel(an_event())
    with pytest.raises(DomainError) as refused:
        reschedule(confirmed, LATER, LATER + HOUR, status=status)
    assert refused.value.code == "event-transition"
    with pytest.raises(DomainError) as refused:
        revive(cancelled, status=status)
    assert refused.value.code == "event-transition"


def test_reschedule_to_the_same_date_is_no_change() -> None:
    event = an_event(EventStatus.CONFIRMED)
    assert reschedule(event, START, START + HOUR) == event


def test_event_that_has_not_begun_is_not_held() -> None:
    with pytest.raises(DomainError) as refused:
        hold(an_event(EventStatus.CONFIRMED), START - timedelta(seconds=1))
    assert refused.value.code == "event-not-started"
    assert hold(an_event(EventStatus.CONFIRMED), START).status is EventStatus.HELD


def test_internal_note_and_drafts_raise_no_revision() -> None:
    event = an_event()
    assert revise(event, an_event(internal_note="Ask for a speaker.")).revision == 1
    assert revise(an_event(EventStatus.DRAFT), an_event(EventStatus.DRAFT, title=Text.of("Another"))).revision == 1
    changed = revise(event, an_event(title=Text.of("Another"), join_url="https://meet.example.org/a"))
    assert (visible_difference(event, changed), changed.revision) == (("title", "join_url"), 2)


@pytest.mark.parametrize("status", EventStatus)
def test_only_a_draft_becomes_internal_or_stops_being_so(status: EventStatus) -> None:
    event = an_event(status)
    if status is EventStatus.DRAFT:
        internal = amend(event, internal=True)
        assert (internal.internal, internal.revision) == (True, 1)
        assert amend(internal, internal=False) == event
        return
    with pytest.raises(RulesBroken) as refused:
        amend(event, internal=True)
    assert [(rule.field, rule.code) for rule in refused.value.broken] == [("internal", "already-announced")]
    assert amend(event, internal=False) == event


def test_amended_event_counts_what_participants_see() -> None:
    amended = amend(an_event(), title=Text.of("Another"), internal_note="x")
    assert (amended.title, amended.internal_note, amended.revision) == (Text.of("Another"), "x", 2)
    assert amend(an_event(), internal_note="x").revision == 1


def test_revision_of_another_event_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        revise(an_event(), an_event(id="upr-review"))
    assert refused.value.code == "other-event"


@pytest.mark.parametrize("old", EventStatus)
def test_can_follow_any_number_of_steps(old: EventStatus) -> None:
    reached = {old}
    for _ in EventStatus:
        reached |= {after for status in reached for after in NEXT[status]}
    assert {new for new in EventStatus if can_follow(old, new)} == reached


def test_times_of_the_scenarios_second_act() -> None:
    """The review was tentative for May, lost its date and was held in November."""
    november = datetime(2020, 11, 9, 8, 0, tzinfo=UTC)
    event = postpone(an_event(id="upr-review"))
    event = reschedule(event, november, november + 3 * HOUR, status=EventStatus.CONFIRMED)
    event = hold(event, november + 3 * HOUR)
    assert (event.status, event.revision, event.starts_at) == (EventStatus.HELD, 4, november)
