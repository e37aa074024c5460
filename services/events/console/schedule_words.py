"""Words for proposals and timetables: statuses, decisions, conflicts."""

from collections.abc import Mapping

from services.events.domain.proposal import ProposalStatus
from services.events.domain.proposal_changes import Revision
from services.events.domain.schedule_conflicts import Conflict, ConflictKind
from services.events.store.proposal_changes import BY_LINK
from services.events.usecases.schedule_snapshot import Snapshot

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
    "withdraw": ("Note as withdrawn", ProposalStatus.WITHDRAWN),
}
"""What a coordinator can decide, in words."""

DEEDS: Mapping[str, str] = {
    ProposalStatus.SUBMITTED: "Sent again",
    ProposalStatus.ACCEPTED: "Accepted",
    ProposalStatus.SCHEDULED: "Put into the published timetable",
    ProposalStatus.RETURNED: "Returned",
    ProposalStatus.DECLINED: "Declined",
    ProposalStatus.WITHDRAWN: "Withdrawn",
}
"""What was done to a proposal, by the status it got."""

JOBS: Mapping[str, str] = {
    "queued": "A new timetable was asked for and will be made in a moment.",
    "running": "A new timetable is being made. It takes some seconds.",
}


def deed_text(revision: Revision) -> str:
    """Who made a proposal what it was from this revision on; whoever proposed it has no name here."""
    if revision.changed_by == BY_LINK:
        return f"{DEEDS[revision.status]} by whoever proposed it"
    return f"{'Changed' if revision.changes else DEEDS[revision.status]} by {revision.changed_by}"


def conflict_text(conflict: Conflict, snapshot: Snapshot) -> str:
    """A conflict as a sentence, with the titles of who is in it."""
    titles = [f"“{snapshot.proposals[name].title}”" for name in conflict.proposals]
    who = " and ".join(titles)
    room = snapshot.rooms[conflict.subject].title if conflict.subject in snapshot.rooms else conflict.subject
    event = next((event.title for event in snapshot.fixed if event.id == conflict.subject), conflict.subject)
    return {
        ConflictKind.ROOM: f"{who} are in {room} at the same time.",
        ConflictKind.SPEAKER: f"{who} have a speaker in common and are at the same time.",
        ConflictKind.WORKING_GROUP: f"{who} are of the same working group and at the same time.",
        ConflictKind.ROOM_CLOSED: f"{who} is in {room} when it is not ours.",
        ConflictKind.ROOM_TOO_SMALL: f"{who} expects more people than {room} holds.",
        ConflictKind.FIXED_EVENT: f"{who} overlaps “{event}”, when no side event can be.",
        ConflictKind.SPEAKER_UNAVAILABLE: f"{who} is on a day when a speaker cannot come.",
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
        ConflictKind.ROOM_CLOSED: "the room is not ours then",
        ConflictKind.ROOM_TOO_SMALL: "the room is too small",
        ConflictKind.FIXED_EVENT: f"at the time of “{event}”",
        ConflictKind.SPEAKER_UNAVAILABLE: "a speaker cannot come that day",
    }[conflict.kind]
