"""What happened to a proposal, line by line, and what each line changed, as coordinators may read it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.events.domain.proposal import (
    SPEAKER_FIELDS,
    TEXT_FIELDS,
    Proposal,
    ProposalStatus,
    Text,
    TextValue,
    as_list,
    text_of,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One field as it was and as it is. In the history, speakers are counted."""

    field: str
    before: TextValue = None
    after: TextValue = None


class ReviewAction(StrEnum):
    """What one line of a proposal's history tells."""

    SUBMITTED = "submitted"
    CHANGED = "changed"
    SUGGESTED = "suggested"
    ADOPTED = "adopted"
    DISMISSED = "dismissed"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    DECLINED = "declined"
    SCHEDULED = "scheduled"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Revision:
    """One line of a proposal's history.

    Attributes:
        changed_by: a coordinator's name; empty: it came from its registration.
        changes: of what it says, or of what is suggested.
    """

    number: int
    status: ProposalStatus
    action: ReviewAction
    note: str
    changed_by: str
    changed_at: datetime
    changes: tuple[Change, ...] = ()


def changes_between(old: Proposal, new: Proposal) -> tuple[Change, ...]:
    """Every difference in the text of two revisions, in the order of the form."""
    return tuple(_counted(one) for one in changes_to(old, text_of(new)))


def suggested_changes(proposal: Proposal) -> tuple[Change, ...]:
    """What a suggestion would change, in the order of the form; speakers are counted."""
    return tuple(_counted(one) for one in changes_to(proposal, proposal.suggested))


def changes_to(proposal: Proposal, text: Text) -> tuple[Change, ...]:
    """The fields of ``text``, which may be a part of one, that differ from what the proposal says."""
    stands = text_of(proposal)
    return tuple(
        Change(name, stands[name], text[name]) for name in TEXT_FIELDS if name in text and text[name] != stands[name]
    )


def _counted(change: Change) -> Change:
    if change.field not in SPEAKER_FIELDS:
        return change
    return Change(change.field, len(as_list(change.before)), len(as_list(change.after)))
