"""Words for proposals and timetables: statuses, conflicts, and the reasons why somebody has no place."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.events.domain.proposal import ProposalStatus
from services.events.domain.schedule_conflicts import Conflict, ConflictKind
from services.events.usecases.schedule_snapshot import Snapshot

STATUSES: Mapping[str, tuple[str, str]] = {
    ProposalStatus.SUBMITTED: ("New", "mind"),
    ProposalStatus.ACCEPTED: ("Accepted", "good"),
    ProposalStatus.SCHEDULED: ("In the timetable", "good"),
    ProposalStatus.RETURNED: ("Returned", "mind"),
    ProposalStatus.DECLINED: ("Declined", ""),
    ProposalStatus.WITHDRAWN: ("Withdrawn", ""),
}
"""Word and look of each status of a proposal."""

DECISIONS: Mapping[str, tuple[str, ProposalStatus]] = {
    "accept": ("Accept", ProposalStatus.ACCEPTED),
    "return": ("Return for more work", ProposalStatus.RETURNED),
    "decline": ("Decline", ProposalStatus.DECLINED),
    "withdraw": ("Note as withdrawn", ProposalStatus.WITHDRAWN),
}
"""What a coordinator can decide, in words."""

JOBS: Mapping[str, str] = {
    "queued": "A new timetable was asked for and will be made in a moment.",
    "running": "A new timetable is being made. It takes some seconds.",
}

_REASONS: Mapping[str, str] = {
    "no_room_large_enough": "No room is large enough.",
    "fixed_event": "{n} taken up by the review or the press conference",
    "speaker_unavailable": "{n} on days when a speaker cannot come",
    "no_room_open": "{n} without an open room that is large enough",
    "busy": "{n} when the working group or a speaker is elsewhere",
    "rooms_taken": "{n} in which every room that is large enough is taken",
}


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


def reasons_text(reasons: Sequence[Mapping[str, Any]]) -> str:
    """Why a proposal has no place, as a sentence: the reason that closes most slots stands first."""
    if [reason["code"] for reason in reasons] == ["no_room_large_enough"]:
        return _REASONS["no_room_large_enough"]
    parts = [
        _REASONS[reason["code"]].format(n=f"{reason['slots']} slot{'' if reason['slots'] == 1 else 's'}")
        for reason in reasons
    ]
    return f"Of all slots: {'; '.join(parts)}." if parts else ""
