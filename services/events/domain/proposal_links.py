"""How long the link of a proposal opens it."""

from datetime import datetime, timedelta

from services.events.domain.proposal import ProposalStatus

UNVERIFIED = timedelta(days=8)
"""After it came, as for a registration: then nobody has said that the address is theirs, and it is forgotten."""

UNDECIDED = timedelta(days=365)
"""After the last change: a group may wait through a whole review for an answer, and each answer mails the link anew."""

DECIDED = timedelta(days=90)
"""After the last change or the end of its side event, whichever is later: for so long who proposed it is known."""

_DECIDED = frozenset({ProposalStatus.SCHEDULED, ProposalStatus.DECLINED, ProposalStatus.WITHDRAWN})


def link_ends_at(status: ProposalStatus, last_day: datetime) -> datetime:
    """From when on the link of a proposal opens nothing.

    Args:
        status: of the proposal.
        last_day: when it last changed, or its side event ends, whichever is later.
    """
    if status is ProposalStatus.UNVERIFIED:
        return last_day + UNVERIFIED
    return last_day + (DECIDED if status in _DECIDED else UNDECIDED)
