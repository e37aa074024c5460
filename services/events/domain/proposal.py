"""A proposal: an idea for a side event, before it has a place in the timetable. Its state machine.

unverified → submitted → accepted ⇄ scheduled
                 ↕          ↕
              returned   declined, withdrawn (from everywhere but each other)

Unverified is one that came without the proof of work that was asked for: coordinators see it once its address is
confirmed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.events.domain.rules import BrokenRule, enforce, number_rule, slug_rule, text_rule
from shared.core.errors import DomainError

MOST_SPEAKERS = 20


class ProposalStatus(StrEnum):
    """How far a proposal has got."""

    UNVERIFIED = "unverified"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    RETURNED = "returned"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_S = ProposalStatus
NEXT: Mapping[ProposalStatus, frozenset[ProposalStatus]] = {
    _S.UNVERIFIED: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.ACCEPTED, _S.RETURNED, _S.DECLINED, _S.WITHDRAWN}),
    _S.RETURNED: frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.DECLINED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.SCHEDULED, _S.RETURNED, _S.DECLINED, _S.WITHDRAWN}),
    _S.SCHEDULED: frozenset({_S.ACCEPTED, _S.WITHDRAWN}),
    _S.DECLINED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
"""The statuses that may follow each status. A scheduled proposal is taken off the timetable before anything else."""

PLACEABLE = frozenset({_S.ACCEPTED, _S.SCHEDULED})
"""Statuses with which a proposal may stand on the board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal as of one revision.

    Attributes:
        id: UUID text.
        attendance: how many people are expected.
        speakers: references of the people who speak (keyed hashes, hex): equal ones are the same person.
        preferred_on, unavailable_on: days in Geneva, in order; a wish, and days on which a speaker cannot.
        person_ref: who proposed it (keyed hash of the address, 64 hex digits).
        note: what the coordinators last said to the group.
        event_id: of the side event it became, once it was in a published timetable.
        partner: slug of the partner through whose page it came.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    title: str
    summary: str
    working_group: str | None
    organisation: str | None
    language: str
    attendance: int
    speakers: tuple[str, ...]
    person_ref: str
    submitted_at: datetime
    preferred_on: tuple[date, ...] = ()
    unavailable_on: tuple[date, ...] = ()
    status: ProposalStatus = ProposalStatus.SUBMITTED
    note: str = ""
    event_id: str | None = None
    revision: int = 1
    partner: str | None = None

    def __post_init__(self) -> None:
        enforce(_rules(self))
        object.__setattr__(self, "preferred_on", tuple(sorted(set(self.preferred_on))))
        object.__setattr__(self, "unavailable_on", tuple(sorted(set(self.unavailable_on))))


def _rules(proposal: Proposal) -> Iterator[BrokenRule | None]:
    yield text_rule("title", proposal.title, least=1, most=200)
    yield text_rule("summary", proposal.summary, least=0, most=2000)
    yield text_rule("note", proposal.note, least=0, most=2000)
    yield number_rule("attendance", proposal.attendance, least=1)
    yield number_rule("revision", proposal.revision, least=1)
    if proposal.working_group is not None:
        yield slug_rule("working_group", proposal.working_group)
    if proposal.partner is not None:
        yield slug_rule("partner", proposal.partner)
    if len(set(proposal.speakers)) != len(proposal.speakers):
        yield BrokenRule("speakers", "speaker-twice", "must name each speaker once")
    if len(proposal.speakers) > MOST_SPEAKERS:
        yield BrokenRule("speakers", "too-many", f"must be at most {MOST_SPEAKERS}")
    if both := set(proposal.preferred_on) & set(proposal.unavailable_on):
        yield BrokenRule("unavailable_on", "wished-and-impossible", f"must not hold the preferred day {min(both)}")


def become(proposal: Proposal, status: ProposalStatus, *, note: str | None = None) -> Proposal:
    """The proposal with another status, one revision on.

    Args:
        proposal: as it is.
        status: what it is to be.
        note: what the coordinators say to the group; None keeps what was said.

    Raises:
        DomainError: ``proposal-transition``, the one does not lead to the other.
        RulesBroken: the note is too long.
    """
    if status not in NEXT[proposal.status]:
        raise DomainError("proposal-transition", f"a proposal that is {proposal.status} cannot be {status}")
    said = proposal.note if note is None else note
    return replace(proposal, status=status, note=said, revision=proposal.revision + 1)


def next_revision(proposal: Proposal, *, note: str) -> Proposal:
    """The proposal one revision on, with the same status and another note."""
    return replace(proposal, note=note, revision=proposal.revision + 1)
