"""Words for timetables: conflicts, and what a search found: who has no place and why, and what would help.

For coordinators, who need not know how the search works.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.events.scheduling.model import Argument, Conflict, ConflictKind
from services.events.scheduling.openings import FULL, TOO_LARGE, Openings, impossible_preferences
from services.events.scheduling.snapshot import Snapshot
from services.events.side_events.model import Proposal
from shared.i18n.when import compact_day

_REASONS: Mapping[str, str] = {
    "fixed_event": "the review or the press conference takes place then",
    "speaker_unavailable": "a speaker is not available that day",
    "no_room_open": "no room that is large enough is available",
    "busy": "its working group or one of its speakers has another side event",
    FULL: "every room that is large enough is taken",
}
_HELP: Mapping[str, str] = {
    TOO_LARGE: "Ask whether it can be planned for fewer people, or add a larger room.",
    "fixed_event": "More slots at other times would help.",
    "speaker_unavailable": "Ask whether another speaker is available.",
    "no_room_open": "More hours in a larger room would help, or fewer people.",
    "busy": "Ask for another speaker, or move the other side event yourself.",
    FULL: "Another room would help, or removing another side event.",
}

_PROOFS: Mapping[Argument, str] = {
    Argument.ROOMS: "Proved: it and {others} need {needed} places that are large enough, and there {is_count}.",
    Argument.BUSY: "Proved: it shares a speaker or its working group with {others}; they need {needed} slots, "
    "and there {is_count} open to them.",
    Argument.SEARCH: "Proved: no timetable has a place for it and for {others}.",
}

MAX_NAMED = 4
"""Proposals that a proof names; more are counted."""


def conflict_text(conflict: Conflict, snapshot: Snapshot) -> str:
    """A conflict as a sentence, with the titles of who is in it."""
    titles = [f"“{snapshot.proposals[name].title}”" for name in conflict.proposals]
    who = " and ".join(titles)
    room = str(snapshot.rooms[conflict.subject].title) if conflict.subject in snapshot.rooms else conflict.subject
    event = next((event.title for event in snapshot.fixed if event.id == conflict.subject), conflict.subject)
    return {
        ConflictKind.ROOM: f"{who} are in {room} at the same time.",
        ConflictKind.SPEAKER: f"{who} have a speaker in common and are at the same time.",
        ConflictKind.WORKING_GROUP: f"{who} belong to the same working group and are at the same time.",
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


def search_text(report: Mapping[str, Any]) -> list[str]:
    """What the last search reached, in sentences."""
    return [*_places_text(report), *_moves_text(report["moves"])]


def _places_text(report: Mapping[str, Any]) -> list[str]:
    placed, left = int(report["placed"]), len(report["unplaced"])
    if not left:
        return [f"The last search found a place for {_all(placed)}."]
    most = int(report["places"]["bound"])
    sure = f"No timetable has a place for more than {most}." if most <= placed else _unsure(most)
    return [f"The last search found a place for {placed} of {placed + left} accepted proposals.", sure]


def _moves_text(moves: Mapping[str, int]) -> list[str]:
    published, made, least = moves["published"], moves["made"], moves["least"]
    if not published:
        return []
    if not made:
        return ["No published side event has to move."]
    text = f"{made} of {published} published side events {'moves' if made == 1 else 'move'}"
    have = "has" if least == 1 else "have"
    return [f"{text}, which is the fewest possible." if made == least else f"{text}; at least {least} {have} to move."]


def preferences_text(snapshot: Snapshot) -> str:
    """How many of those on the board have a day that they prefer; empty if no proposal prefers any."""
    asking = [
        (snapshot.proposals[placement.proposal_id], snapshot.slots[placement.slot_id].on)
        for placement in snapshot.placements
        if snapshot.proposals[placement.proposal_id].preferred_on
    ]
    met = sum(day in proposal.preferred_on for proposal, day in asking)
    if not asking:
        return ""
    return f"Of the {len(asking)} in the draft with preferred days, {met} {'is' if met == 1 else 'are'} on one of them."


def reasons_text(proposal: Proposal, reasons: Sequence[Mapping[str, Any]], snapshot: Snapshot) -> str:
    """Why a proposal has no place, and what could help; the reason that closes most slots comes first."""
    if not reasons:
        return "There are no slots."
    first = str(reasons[0]["code"])
    if first == TOO_LARGE:
        largest = max((room.capacity for room in snapshot.rooms.values()), default=0)
        return f"It expects {proposal.attendance} people, and the largest room holds {largest}. {_HELP[first]}"
    slots = sum(int(reason["slots"]) for reason in reasons)
    found = "; ".join(_reason(str(reason["code"]), int(reason["slots"]), slots) for reason in reasons)
    return f"{'The only slot is' if slots == 1 else f'All {slots} slots are'} closed to it: {found}. {_HELP[first]}"


def proof_text(proof: Mapping[str, Any] | None, snapshot: Snapshot) -> str:
    """Whether it is proved that a proposal can have no place, and by what."""
    if proof is None:
        return "Not proved: another timetable may have a place for it."
    others = [snapshot.proposals[name].title for name in proof["others"] if name in snapshot.proposals]
    if not others:
        return "Proved: no timetable can place it."
    count = "is only 1" if len(others) == 1 else f"are only {len(others)}"
    return _PROOFS[Argument(proof["argument"])].format(is_count=count, needed=len(others) + 1, others=_named(others))


def _named(titles: Sequence[str]) -> str:
    if len(titles) > MAX_NAMED:
        return f"{len(titles)} others"
    quoted = [f"“{title}”" for title in titles]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def impossible_text(snapshot: Snapshot) -> Iterator[tuple[Proposal, str]]:
    """Each proposal that could have a place, but on none of the days that it prefers, and why."""
    openings = Openings(snapshot.problem())
    for name, reasons in impossible_preferences(openings).items():
        if not openings.open_slots[name]:
            continue
        proposal = snapshot.proposals[name]
        days = " or ".join(compact_day(day) for day in proposal.preferred_on)
        slots = sum(reason.slots for reason in reasons)
        found = "; ".join(_reason(reason.code, reason.slots, slots) for reason in reasons)
        yield proposal, f"It prefers {days}, but {found or 'there is no slot then'}."


def _reason(code: str, count: int, of_all: int) -> str:
    return _REASONS[code] if count == of_all else f"in {count}, {_REASONS[code]}"


def _unsure(most: int) -> str:
    return f"It is not known whether a timetable with more exists; none has a place for more than {most}."


def _all(placed: int) -> str:
    return "the only accepted proposal" if placed == 1 else f"all {placed} accepted proposals"
