"""A proposal: an idea for a side event, before it has a place in the timetable. Its states, history and text. Pure.

submitted → accepted ⇄ scheduled
    ↕          ↕
 returned   declined, withdrawn (from everywhere but each other)

A proposal is a registration, and its registration owns the text until it is accepted: a later text replaces the former
one. Once it is accepted events owns the text, and a later one is a suggestion. Nothing here names a person: speakers
are references and an encrypted list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from services.events.rules import BrokenRule, enforce, number_rule, slug_rule, text_rule
from shared.runtime.errors import DomainError

PROPOSAL = "proposal"
"""The kind of form on which proposals are submitted."""

TextValue = str | int | list[str] | None
"""A value of a text: words, a number, days as ISO 8601 or references of speakers, or nothing."""

ProposalText = Mapping[str, TextValue]
"""The text of a proposal, by the names in ``TEXT_FIELDS``; as in JSON."""

TEXT_FIELDS = (
    "title", "summary", "working_group", "organisation", "language", "attendance", "speakers", "named_speakers",
    "preferred_on", "unavailable_on",
)  # fmt: skip
SPEAKER_FIELDS = ("speakers", "named_speakers")
"""Lists of references: the speakers, and those of them who agree to be named publicly."""

DAY_FIELDS = ("preferred_on", "unavailable_on")


class ProposalStatus(StrEnum):
    """How far a proposal has got."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    RETURNED = "returned"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


_S = ProposalStatus
NEXT: Mapping[ProposalStatus, frozenset[ProposalStatus]] = {
    _S.SUBMITTED: frozenset({_S.ACCEPTED, _S.RETURNED, _S.DECLINED, _S.WITHDRAWN}),
    _S.RETURNED: frozenset({_S.SUBMITTED, _S.ACCEPTED, _S.DECLINED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.SCHEDULED, _S.RETURNED, _S.DECLINED, _S.WITHDRAWN}),
    _S.SCHEDULED: frozenset({_S.ACCEPTED, _S.WITHDRAWN}),
    _S.DECLINED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
"""The statuses that may follow each status. A scheduled proposal is taken off the timetable before anything else."""

PLACEABLE = frozenset({_S.ACCEPTED, _S.SCHEDULED})
"""Statuses with which a proposal may be on the board, and the events service owns its text."""

DECIDABLE = frozenset({_S.ACCEPTED, _S.RETURNED, _S.DECLINED})
"""What coordinators can decide. Publishing schedules; withdrawing is cancelling the registration."""


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """The text of a proposal as its registration has it.

    Attributes:
        revision: the revision of the registration.
        text: all of it.
        speaker_names: encrypted; None if no speaker is named.
    """

    revision: int
    text: ProposalText
    speaker_names: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal as of one revision.

    Attributes:
        id: UUID text; that of its registration.
        attendance: how many people are expected.
        speakers: references of the speakers (keyed hashes, hex): equal ones are the same person.
        speaker_names: their names, encrypted; None if there are none.
        named_speakers: references of those who agree to be named publicly, see ``still_agreed``.
        preferred_on: the preferred days in Geneva, in order.
        unavailable_on: the days in Geneva on which a speaker is unavailable, in order.
        person_ref: who proposed it, as registration refers to them (64 hex digits).
        note: the coordinators' last note to the group.
        event_id: the id of the side event it became, once it was in a published timetable.
        revision: counts the states of the review.
        partner: slug of the partner through whose page it came.
        answers: the text of its registration in the revision ``answers_revision``, the newest that was taken over.
        suggestion: a later one, which waits for the coordinators; None without.

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
    speaker_names: bytes | None = field(default=None, repr=False)
    named_speakers: tuple[str, ...] = ()
    status: ProposalStatus = ProposalStatus.SUBMITTED
    note: str = ""
    event_id: str | None = None
    revision: int = 1
    partner: str | None = None
    answers: ProposalText = field(default_factory=dict)
    answers_revision: int = 1
    suggestion: ReceivedText | None = None

    def __post_init__(self) -> None:
        enforce(_rules(self))
        for name in (*SPEAKER_FIELDS, *DAY_FIELDS):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))

    @property
    def newest_revision(self) -> int:
        """The newest revision of its registration that is known, taken over or not."""
        return self.suggestion.revision if self.suggestion else self.answers_revision

    @property
    def suggested(self) -> ProposalText:
        """The fields that its registration has changed since the text was taken over, and that differ; maybe none."""
        if self.suggestion is None:
            return {}
        newer, current = self.suggestion.text, text_of(self)
        changed = (name for name in TEXT_FIELDS if newer[name] != self.answers.get(name))
        return {name: newer[name] for name in changed if newer[name] != current[name]}

    @property
    def still_agreed(self) -> tuple[str, ...]:
        """References of the speakers who agree to be named publicly, unless a waiting suggestion withdraws that.

        Consent that is taken back counts at once; consent that is given is part of the text, which coordinators adopt.
        """
        if self.suggestion is None:
            return self.named_speakers
        agreed = as_list(self.suggestion.text["named_speakers"])
        return tuple(speaker for speaker in self.named_speakers if speaker in agreed)


def _rules(proposal: Proposal) -> Iterator[BrokenRule | None]:
    yield text_rule("title", proposal.title, least=1, most=200)
    yield text_rule("summary", proposal.summary, least=0, most=2000)
    yield text_rule("note", proposal.note, least=0, most=2000)
    yield number_rule("attendance", proposal.attendance, least=1)
    yield number_rule("revision", proposal.revision, least=1)
    yield number_rule("answers_revision", proposal.answers_revision, least=1)
    if proposal.working_group is not None:
        yield slug_rule("working_group", proposal.working_group)
    if proposal.partner is not None:
        yield slug_rule("partner", proposal.partner)
    if both := set(proposal.preferred_on) & set(proposal.unavailable_on):
        yield BrokenRule("unavailable_on", "wished-and-impossible", f"must not hold the preferred day {min(both)}")


def text_of(proposal: Proposal) -> dict[str, TextValue]:
    """The text of a proposal."""
    return {name: _plain(getattr(proposal, name)) for name in TEXT_FIELDS}


def _plain(value: Any) -> TextValue:
    if isinstance(value, tuple):
        return [item.isoformat() if isinstance(item, date) else item for item in value]
    plain: TextValue = value
    return plain


def fields_of(text: ProposalText) -> dict[str, Any]:
    """The fields of a proposal that a text, or a part of one, sets."""
    found: dict[str, Any] = dict(text)
    for name in DAY_FIELDS:
        if name in text:
            found[name] = tuple(date.fromisoformat(str(day)) for day in as_list(text[name]))
    for name in SPEAKER_FIELDS:
        if name in text:
            found[name] = tuple(map(str, as_list(text[name])))
    return found


def as_list(value: TextValue) -> list[str]:
    """Days or references; none if there are none."""
    return value if isinstance(value, list) else []


def without_impossible_days(text: ProposalText) -> dict[str, TextValue]:
    """The text without those preferred days on which a speaker is not available."""
    impossible = as_list(text["unavailable_on"])
    return {**text, "preferred_on": [day for day in as_list(text["preferred_on"]) if day not in impossible]}


def become(proposal: Proposal, status: ProposalStatus, *, note: str | None = None) -> Proposal:
    """Return the proposal with another status and the next revision.

    Leaving the statuses in which events owns the text adopts a waiting suggestion: the registration owns it again.

    Args:
        proposal: the proposal before the change.
        status: what it is to be.
        note: the coordinators' note to the group; None keeps the last one.

    Raises:
        DomainError: ``proposal-transition``, the one does not lead to the other.
        RulesBroken: the note is too long.
    """
    if status not in NEXT[proposal.status]:
        raise DomainError("proposal-transition", f"a proposal that is {proposal.status} cannot be {status}")
    kept_note = proposal.note if note is None else note
    new = replace(proposal, status=status, note=kept_note, revision=proposal.revision + 1)
    if new.suggestion is None or status in PLACEABLE:
        return new
    return _taken_over(new, new.suggestion)


def receive(proposal: Proposal, received: ReceivedText) -> Proposal:
    """The proposal after a new text of its registration; unchanged if the text is not newer.

    It replaces the text, and submits a returned proposal again; of an accepted or scheduled one it is a suggestion.
    It is one revision on if coordinators see a difference.
    """
    if received.revision <= proposal.newest_revision:
        return proposal
    if proposal.status in PLACEABLE:
        new = replace(proposal, suggestion=received)
    elif proposal.status is ProposalStatus.RETURNED:
        new = replace(_taken_over(proposal, received), status=ProposalStatus.SUBMITTED)
    else:
        new = _taken_over(proposal, received)
    return new if _seen(new) == _seen(proposal) else replace(new, revision=proposal.revision + 1)


def _seen(proposal: Proposal) -> tuple[ProposalStatus, ProposalText, ProposalText]:
    """The part of a registration that coordinators see."""
    return proposal.status, text_of(proposal), proposal.suggested


def _taken_over(proposal: Proposal, received: ReceivedText) -> Proposal:
    return replace(
        proposal,
        **fields_of(received.text),
        speaker_names=received.speaker_names,
        answers=received.text,
        answers_revision=received.revision,
        suggestion=None,
    )


def adopt(proposal: Proposal) -> Proposal:
    """The proposal with what is suggested, one revision on. What coordinators have changed themselves stays.

    Raises:
        DomainError: ``no-suggestion``.
    """
    dismissed, changed = dismiss(proposal), proposal.suggested
    fields = fields_of(changed)
    preferred = fields.get("preferred_on", proposal.preferred_on)
    impossible = fields.get("unavailable_on", proposal.unavailable_on)
    fields["preferred_on"] = tuple(day for day in preferred if day not in impossible)
    if proposal.suggestion is not None and "speakers" in changed:
        fields["speaker_names"] = proposal.suggestion.speaker_names
    return replace(dismissed, **fields)


def dismiss(proposal: Proposal) -> Proposal:
    """The proposal without its suggestion, one revision on; its text stays, but for consent that was taken back.

    Raises:
        DomainError: ``no-suggestion``.
    """
    suggestion = proposal.suggestion
    if suggestion is None or not proposal.suggested:
        raise DomainError("no-suggestion", "no suggestion is waiting for a decision")
    return replace(
        proposal,
        answers=suggestion.text,
        answers_revision=suggestion.revision,
        named_speakers=proposal.still_agreed,
        suggestion=None,
        revision=proposal.revision + 1,
    )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field as it was and as it is. In the history, speakers are counted."""

    field: str
    before: TextValue = None
    after: TextValue = None


class ReviewAction(StrEnum):
    """The kind of one line of a proposal's history."""

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
class ProposalRevision:
    """One line of a proposal's history.

    Attributes:
        changed_by: the name of a coordinator; empty for a change of its registration.
        changes: the changes of its text, or of the suggested text.
    """

    number: int
    status: ProposalStatus
    action: ReviewAction
    note: str
    changed_by: str
    changed_at: datetime
    changes: tuple[FieldChange, ...] = ()


def changes_between(old: Proposal, new: Proposal) -> tuple[FieldChange, ...]:
    """Every difference in the text of two revisions, in the order of the form."""
    return tuple(_counted(change) for change in changes_to(old, text_of(new)))


def suggested_changes(proposal: Proposal) -> tuple[FieldChange, ...]:
    """What a suggestion would change, in the order of the form; speakers are counted."""
    return tuple(_counted(change) for change in changes_to(proposal, proposal.suggested))


def changes_to(proposal: Proposal, text: ProposalText) -> tuple[FieldChange, ...]:
    """The fields of ``text``, which may be a part of one, that differ from the proposal."""
    current = text_of(proposal)
    return tuple(
        FieldChange(name, current[name], text[name])
        for name in TEXT_FIELDS
        if name in text and text[name] != current[name]
    )


def _counted(change: FieldChange) -> FieldChange:
    if change.field not in SPEAKER_FIELDS:
        return change
    return FieldChange(change.field, len(as_list(change.before)), len(as_list(change.after)))
