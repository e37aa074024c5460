"""How long a proposal is kept, and for as long its link opens it: some answers their own days, the person ninety.

Days run from a proposal's *last day*: its last change, or the end of its side event, whichever is later. While it
stands in the published timetable and its side event has no date, there is none, and nothing goes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.events.domain.proposal import ProposalStatus

DECIDED = (ProposalStatus.SCHEDULED, ProposalStatus.DECLINED, ProposalStatus.WITHDRAWN)
UNDECIDED = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED)

UNVERIFIED_FOR = timedelta(days=8)
"""After it came, as for a registration: then nobody has said that the address is theirs, and it is forgotten."""

DECIDED_DAYS = 90
UNDECIDED_DAYS = 365
"""A group may wait through a whole review, and through one that is moved, for an answer; each answer mails the link
anew. Until then nothing of it goes: coordinators could not decide on a part."""

DROPPABLE = frozenset({"speakers", "summary", "organisation", "preferred_days", "unavailable_days"})
"""Questions whose answers may go before the person does; the others are what a proposal consists of."""


def kept_until(status: ProposalStatus, last_day: datetime | None) -> datetime | None:
    """Until when whoever made a proposal is known; None: there is no such day yet.

    Args:
        status: of the proposal.
        last_day: when it last changed, or its side event ends, whichever is later; None while that is open.
    """
    if last_day is None:
        return None
    if status is ProposalStatus.UNVERIFIED:
        return last_day + UNVERIFIED_FOR
    return last_day + timedelta(days=DECIDED_DAYS if status in DECIDED else UNDECIDED_DAYS)


def answers_by_days(own: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    """The questions with days of their own, by those days, in order.

    Args:
        own: days by question, as the form says.

    Raises:
        ValueError: a question's answer cannot go alone, or would be kept longer than the person.
    """
    if faults := sorted(name for name, days in own.items() if name not in DROPPABLE or days > DECIDED_DAYS):
        raise ValueError(f"the answers to {', '.join(faults)} go with the person after {DECIDED_DAYS} days")
    return {days: tuple(name for name in own if own[name] == days) for days in sorted(set(own.values()))}
