"""Words for proposals: statuses, decisions, and what was changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.console_words import language_name
from services.events.side_events.model import (
    DAY_FIELDS,
    SPEAKER_FIELDS,
    FieldChange,
    ProposalRevision,
    ProposalStatus,
    ReviewAction,
    TextValue,
)
from shared.i18n.when import compact_day

STATUSES: Mapping[str, tuple[str, str]] = {
    ProposalStatus.SUBMITTED: ("New", "mind"),
    ProposalStatus.ACCEPTED: ("Accepted", "good"),
    ProposalStatus.SCHEDULED: ("In the timetable", "good"),
    ProposalStatus.RETURNED: ("Returned", "mind"),
    ProposalStatus.DECLINED: ("Declined", ""),
    ProposalStatus.WITHDRAWN: ("Withdrawn", ""),
}
"""Word and style of each status of a proposal that coordinators see."""

DECISIONS: Mapping[str, tuple[str, ProposalStatus]] = {
    "accept": ("Accept", ProposalStatus.ACCEPTED),
    "return": ("Return for more work", ProposalStatus.RETURNED),
    "decline": ("Decline", ProposalStatus.DECLINED),
}
"""What a coordinator can decide, in words."""

ACTIONS: Mapping[ReviewAction, str] = {
    ReviewAction.SUBMITTED: "Resubmitted",
    ReviewAction.CHANGED: "Changed",
    ReviewAction.SUGGESTED: "A change was suggested",
    ReviewAction.ADOPTED: "The suggestion was adopted",
    ReviewAction.DISMISSED: "The suggestion was dismissed",
    ReviewAction.ACCEPTED: "Accepted",
    ReviewAction.RETURNED: "Returned",
    ReviewAction.DECLINED: "Declined",
    ReviewAction.SCHEDULED: "Put into the published timetable",
    ReviewAction.WITHDRAWN: "Withdrawn",
    ReviewAction.ERASED: "Erased",
}
"""What was done to a proposal."""

FIELDS: Mapping[str, str] = {
    "title": "Title",
    "summary": "What it is about",
    "working_group": "Working group",
    "organisation": "Organisation",
    "language": "Language",
    "attendance": "Expected",
    "speakers": "Speakers",
    "named_speakers": "Named publicly",
    "preferred_on": "Preferred days",
    "unavailable_on": "Not possible",
}
"""Labels of the fields of a proposal."""

JOBS: Mapping[str, str] = {
    "queued": "A new timetable has been requested. It will be ready in a few seconds.",
    "running": "A new timetable is being calculated. This takes a few seconds.",
}


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """What is another, as it was and as it is."""

    what: str
    before: str
    now: str


def action_text(revision: ProposalRevision) -> str:
    """What a revision did, and who; what came from the registration was done by the proposer, or for them."""
    return f"{ACTIONS[revision.action]} by {revision.changed_by or 'the proposer'}"


def change_text(change: FieldChange, groups: Mapping[str, str]) -> ChangeWords:
    """A change in words.

    Args:
        change: a change of a proposal.
        groups: titles of working groups by id.
    """
    before, after = (_value_text(change.field, value, groups) for value in (change.before, change.after))
    if change.field in SPEAKER_FIELDS and change.before == change.after:
        after = f"{after}, other people"
    return ChangeWords(FIELDS[change.field], before, after)


def _value_text(field: str, value: TextValue, groups: Mapping[str, str]) -> str:
    if field in SPEAKER_FIELDS:
        return (", ".join(value) if isinstance(value, list) else str(value or "")) or "none"
    if not value:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(compact_day(date.fromisoformat(day)) for day in value) if field in DAY_FIELDS else str(value)
    if field == "language":
        return language_name(str(value))
    if field == "working_group":
        return groups.get(str(value), str(value))
    return f"{value} people" if field == "attendance" else str(value)
