"""Opening times of a form, the effect of its changes, and why someone on the waiting list is not promoted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.forms.model import FormSettings, check_settings, differences
from services.registration.forms.opening import Opening, closed_reason, set_reason
from services.registration.forms.seats import Seats, decide_promotion, promote
from services.registration.people.model import Registration, check_cancelling, check_confirming
from shared.runtime.errors import DomainError

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FREE = Opening(switched_on=True, needs_event=False, event_status=None, starts_at=None)
EVENT = Opening(True, True, "confirmed", NOON + 10 * HOUR)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"opens_at": NOON}, ""),
        ({"opens_at": NOON + HOUR}, "not-open"),
        ({"closes_at": NOON}, "closed"),
        ({"closes_at": NOON + HOUR}, ""),
        ({"opens_at": NOON - HOUR, "closes_at": NOON + HOUR}, ""),
        ({"switched_on": False, "opens_at": NOON + HOUR}, "closed"),
    ],
)
def test_form_is_open_within_its_hours(change: dict[str, object], reason: str) -> None:
    opening = replace(FREE, **change)  # type: ignore[arg-type]
    assert (closed_reason(opening, NOON), set_reason(opening, NOON)) == (reason, reason)


def test_event_that_is_off_is_not_what_coordinators_have_set() -> None:
    assert closed_reason(replace(EVENT, event_status="postponed"), NOON) == "postponed"
    assert set_reason(replace(EVENT, event_status="postponed"), NOON) == ""


@pytest.mark.parametrize("status", ["tentative", "confirmed"])
def test_form_opens_again_when_a_postponed_event_has_a_date(status: str) -> None:
    postponed = replace(EVENT, event_status="postponed", starts_at=None)
    assert closed_reason(postponed, NOON) == "postponed"
    assert closed_reason(replace(postponed, event_status=status, starts_at=NOON + HOUR), NOON) == ""


@pytest.mark.parametrize("closes_at", [NOON, NOON - HOUR])
def test_form_that_closes_before_it_opens_is_refused(closes_at: datetime) -> None:
    with pytest.raises(DomainError, match="closing-before-opening"):
        check_settings(FormSettings(1, True, NOON, closes_at))


def test_hours_with_one_end_are_settings() -> None:
    check_settings(FormSettings(1, True, NOON, None))
    check_settings(FormSettings(1, True, None, NOON))
    check_settings(FormSettings(1, True, NOON, NOON + HOUR))


def test_differences_are_ready_for_json() -> None:
    before, after = FormSettings(5, True), FormSettings(None, True, NOON)
    assert differences(before, after) == (
        {"capacity": 5, "opens_at": None},
        {"capacity": None, "opens_at": "2020-03-02T12:00:00Z"},
    )
    assert differences(before, before) == ({}, {})
    assert differences(before, replace(before, alarm_minutes=0)) == ({"alarm_minutes": None}, {"alarm_minutes": 0})


def registration_with(status: str) -> Registration:
    """A registration in this state."""
    return Registration(
        id="1",
        form="a-form",
        form_kind="webinar",
        event_id=None,
        status=status,
        position=None,
        revision=1,
        person_ref="ab" * 32,
        working_group=None,
        representative=False,
        organisation_id=None,
        country=None,
        language="en",
        partner=None,
        accepted_at=NOON,
    )


WAITING = Seats(capacity=10, confirmed=8, waiting=3, last_position=3, waiting_list=True)


@pytest.mark.parametrize(
    ("opening", "seats", "count", "withheld"),
    [
        (EVENT, WAITING, 2, "no-free-seat"),
        (EVENT, replace(WAITING, confirmed=10), 0, "no-free-seat"),
        (EVENT, replace(WAITING, capacity=11), 3, ""),
        (EVENT, replace(WAITING, capacity=None), 3, ""),
        (EVENT, replace(WAITING, waiting=0), 0, ""),
        (replace(EVENT, starts_at=NOON + HOUR / 2), WAITING, 0, "too-late"),
        (replace(EVENT, starts_at=NOON + HOUR / 2), replace(WAITING, capacity=8), 0, "no-free-seat"),
        (replace(EVENT, event_status="postponed", starts_at=None), WAITING, 0, "not-taking-place"),
        (replace(EVENT, event_status="postponed"), replace(WAITING, waiting=0), 0, ""),
        (FREE, WAITING, 2, "no-free-seat"),
    ],
)
def test_promotion_explains_why_the_rest_waits(opening: Opening, seats: Seats, count: int, withheld: str) -> None:
    decided = decide_promotion(opening, seats, HOUR, NOON)
    assert (decided.count, decided.withheld) == (count, withheld)


@given(
    st.none() | st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(-2, 20),
    st.sampled_from(["confirmed", "tentative", "postponed", "cancelled"]),
)
def test_no_one_waits_without_a_reason(
    capacity: int | None, confirmed: int, waiting: int, hours: int, status: str
) -> None:
    """People left waiting get the reason, and only they do; no seat is given that does not exist."""
    seats = Seats(capacity, confirmed, waiting, waiting, True)
    opening = replace(EVENT, event_status=status, starts_at=NOON + hours * HOUR)
    decided = decide_promotion(opening, seats, HOUR, NOON)
    after = promote(seats, decided.count)
    assert (after.waiting > 0) == (decided.withheld != "")
    if decided.count and capacity is not None:
        assert after.confirmed <= capacity


@pytest.mark.parametrize(
    ("status", "seats", "opening", "code"),
    [
        ("waitlisted", WAITING, EVENT, ""),
        ("waitlisted", replace(WAITING, capacity=None), EVENT, ""),
        ("waitlisted", WAITING, replace(EVENT, starts_at=NOON + HOUR / 60), ""),
        ("waitlisted", replace(WAITING, confirmed=10), EVENT, "no-free-seat"),
        ("waitlisted", WAITING, replace(EVENT, event_status="postponed"), "not-taking-place"),
        ("waitlisted", WAITING, replace(EVENT, starts_at=NOON), "event-over"),
        ("confirmed", WAITING, EVENT, "not-waiting"),
        ("cancelled", WAITING, EVENT, "not-waiting"),
    ],
)
def test_coordinator_gives_only_a_seat_that_is_free(status: str, seats: Seats, opening: Opening, code: str) -> None:
    """Also shortly before the start, when no one is promoted any more by itself."""
    registration = registration_with(status)
    assert refusal_of(lambda: check_confirming(opening, seats, registration, NOON)) == code


@pytest.mark.parametrize(
    ("status", "opening", "code"),
    [
        ("confirmed", EVENT, ""),
        ("waitlisted", EVENT, ""),
        ("confirmed", replace(EVENT, starts_at=NOON), "event-over"),
        ("cancelled", EVENT, "no-place"),
    ],
)
def test_coordinator_cancels_only_what_there_is(status: str, opening: Opening, code: str) -> None:
    registration = registration_with(status)
    assert refusal_of(lambda: check_cancelling(opening, registration, NOON)) == code


def refusal_of(check: object) -> str:
    """Code of the refusal; empty if there is none."""
    try:
        check()  # type: ignore[operator]
    except DomainError as refusal:
        return refusal.code
    return ""
