"""How long proposals are kept: days of whole proposals, and which answers may have days of their own."""

from datetime import UTC, datetime, timedelta

import pytest

from services.events.domain.proposal import ProposalStatus
from services.events.domain.proposal_retention import DECIDED, UNDECIDED, answers_by_days, kept_until
from shared.public_forms.proposal import days_of_answers

LAST_DAY = datetime(2020, 5, 11, tzinfo=UTC)


@pytest.mark.parametrize("status", ProposalStatus)
def test_every_status_has_its_days(status: ProposalStatus) -> None:
    days = 8 if status is ProposalStatus.UNVERIFIED else 365 if status in UNDECIDED else 90
    assert kept_until(status, LAST_DAY) == LAST_DAY + timedelta(days=days)
    assert kept_until(status, None) is None
    assert [status is ProposalStatus.UNVERIFIED, status in DECIDED, status in UNDECIDED].count(True) == 1


def test_form_says_what_goes_earlier() -> None:
    assert answers_by_days(days_of_answers()) == {14: ("speakers", "unavailable_days")}


def test_answers_go_together_by_their_days() -> None:
    own = {"speakers": 14, "organisation": 3, "summary": 14}
    assert answers_by_days(own) == {3: ("organisation",), 14: ("speakers", "summary")}
    assert answers_by_days({}) == {}


@pytest.mark.parametrize("own", [{"title": 3}, {"email": 3}, {"speakers": 91}])
def test_days_that_cannot_be_kept_are_refused(own: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(own))} go with the person"):
        answers_by_days(own)
