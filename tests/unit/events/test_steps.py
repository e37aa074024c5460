"""Steps by name: each follows the lifecycle of events, and incomplete values are refused."""

from typing import Any

import pytest

from services.events.event.lifecycle import STEPS, StepWish, edit, step_of
from services.events.event.model import EventStatus
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError
from tests.unit.events.builders import HOUR, START, an_event

LATER = START + 24 * HOUR
DATE: dict[str, Any] = {"starts_at": LATER, "ends_at": LATER + HOUR}


@pytest.mark.parametrize(
    ("wish", "status", "becomes"),
    [
        (StepWish(name="confirm"), EventStatus.TENTATIVE, EventStatus.CONFIRMED),
        (StepWish(name="postpone"), EventStatus.CONFIRMED, EventStatus.POSTPONED),
        (StepWish(name="cancel"), EventStatus.CONFIRMED, EventStatus.CANCELLED),
        (StepWish(name="revive"), EventStatus.CANCELLED, EventStatus.TENTATIVE),
        (StepWish(name="revive", status=EventStatus.CONFIRMED), EventStatus.CANCELLED, EventStatus.CONFIRMED),
        (StepWish(name="hold"), EventStatus.CONFIRMED, EventStatus.HELD),
        (StepWish(name="reschedule", **DATE), EventStatus.TENTATIVE, EventStatus.TENTATIVE),
        (
            StepWish(name="reschedule", status=EventStatus.CONFIRMED, **DATE),
            EventStatus.TENTATIVE,
            EventStatus.CONFIRMED,
        ),
    ],
)
def test_a_step_leads_to_the_state_of_its_name(wish: StepWish, status: EventStatus, becomes: EventStatus) -> None:
    assert step_of(wish)(an_event(status), LATER).status is becomes


def test_a_draft_is_announced() -> None:
    draft = an_event(EventStatus.DRAFT, starts_at=START, ends_at=START + HOUR)
    assert step_of(StepWish(name="announce"))(draft, START).status is EventStatus.TENTATIVE


@pytest.mark.parametrize("date", [{}, {"starts_at": LATER}, {"ends_at": LATER}])
def test_a_new_date_is_whole(date: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        step_of(StepWish(name="reschedule", **date))
    assert refused.value.code == "date-required"


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        step_of(StepWish(name="explode"))
    assert refused.value.code == "unknown-step"


def test_every_name_is_a_step() -> None:
    assert [callable(step_of(StepWish(name=name, **DATE))) for name in STEPS] == [True] * len(STEPS)


def test_an_edit_is_an_amendment() -> None:
    assert edit({"title": Text.of("Another")})(an_event(), START).revision == 2
    with pytest.raises(DomainError):
        edit({"internal": True})(an_event(), START)
