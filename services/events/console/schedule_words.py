"""Words for proposals and timetables: statuses, decisions, what was changed, conflicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.events.console.wording import language_name
from services.events.domain.proposal import DAY_FIELDS, SPEAKER_FIELDS, ProposalStatus, TextValue
from services.events.domain.proposal_history import Change, ReviewAction, Revision
from services.events.domain.schedule_conflicts import Conflict, ConflictKind
from services.events.usecases.schedule_snapshot import Snapshot
from shared.i18n.when import compact_day

STATUSES: Mapping[str, tuple[str, str]] = {
    ProposalStatus.SUBMITTED: ("New", "mind"),
    ProposalStatus.ACCEPTED: ("Accepted", "good"),
    ProposalStatus.SCHEDULED: ("In the timetable", "good"),
    ProposalStatus.RETURNED: ("Returned", "mind"),
    ProposalStatus.DECLINED: ("Declined", ""),
    ProposalStatus.WITHDRAWN: ("Withdrawn", ""),
}
"""Word and look of each status of a proposal that coordinators see."""

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
"""What a proposal says, by field."""

JOBS: Mapping[str, str] = {
    "queued": "A new timetable has been requested. It will be ready in a few seconds.",
    "running": "A new timetable is being made. It takes a few seconds.",
}


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """What is another, as it was and as it is."""

    what: str
    before: str
    now: str


def action_text(revision: Revision) -> str:
    """What a revision did, and who; what came from the registration was done by the proposer, or for them."""
    return f"{ACTIONS[revision.action]} by {revision.changed_by or 'the proposer'}"


def change_text(change: Change, groups: Mapping[str, str]) -> ChangeWords:
    """A change in words.

    Args:
        change: of a proposal.
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


def conflict_text(conflict: Conflict, snapshot: Snapshot) -> str:
    """A conflict as a sentence, with the titles of who is in it."""
    titles = [f"“{snapshot.proposals[name].title}”" for name in conflict.proposals]
    who = " and ".join(titles)
    room = str(snapshot.rooms[conflict.subject].title) if conflict.subject in snapshot.rooms else conflict.subject
    event = next((event.title for event in snapshot.fixed if event.id == conflict.subject), conflict.subject)
    return {
        ConflictKind.ROOM: f"{who} are in {room} at the same time.",
        ConflictKind.SPEAKER: f"{who} have a speaker in common and are at the same time.",
        ConflictKind.WORKING_GROUP: f"{who} are of the same working group and at the same time.",
        ConflictKind.ROOM_CLOSED: f"{who} is in {room} at a time when the room is not available.",
        ConflictKind.ROOM_TOO_SMALL: f"{who} expects more people than {room} holds.",
        ConflictKind.FIXED_EVENT: f"{who} overlaps “{event}”, during which no side event can take place.",
        ConflictKind.SPEAKER_UNAVAILABLE: f"{who} is on a day when a speaker is not available.",
    }[conflict.kind]


def clash_text(conflict: Conflict, proposal_id: str, snapshot: Snapshot) -> str:
    """The same in a few words, for the card of one of those who are in it."""
    others = [snapshot.proposals[name].title for name in conflict.proposals if name != proposal_id]
    other = f"“{others[0]}”" if others else ""
    event = next((event.title for event in snapshot.fixed if event.id == conflict.subject), conflict.subject)
    return {
        ConflictKind.ROOM: f"same room as {other}",
        ConflictKind.SPEAKER: f"same speaker as {other}",
        ConflictKind.WORKING_GROUP: f"same working group as {other}",
        ConflictKind.ROOM_CLOSED: "the room is not available then",
        ConflictKind.ROOM_TOO_SMALL: "the room is too small",
        ConflictKind.FIXED_EVENT: f"at the time of “{event}”",
        ConflictKind.SPEAKER_UNAVAILABLE: "a speaker is not available that day",
    }[conflict.kind]
