"""What is wrong with a timetable: every clash of two side events, and every one that cannot be where it stands.

Order and direction do not matter: the same board gives the same conflicts, each once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from services.events.domain.room import Room
from services.events.domain.schedule import Span


class ConflictKind(StrEnum):
    """What is broken; all of them keep a timetable from being published."""

    ROOM = "room"
    SPEAKER = "speaker"
    WORKING_GROUP = "working_group"
    ROOM_CLOSED = "room_closed"
    ROOM_TOO_SMALL = "room_too_small"
    FIXED_EVENT = "fixed_event"
    SPEAKER_UNAVAILABLE = "speaker_unavailable"


@dataclass(frozen=True, slots=True)
class Placed:
    """A proposal in its place, with all that can clash.

    Attributes:
        proposal_id: of the proposal.
        span: when it is.
        speakers: references of the people who speak.
        attendance: how many people are expected.
        unavailable: when one of its speakers cannot.
    """

    proposal_id: str
    room: Room
    span: Span
    working_group: str | None = None
    speakers: frozenset[str] = frozenset()
    attendance: int = 1
    unavailable: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Fixed:
    """An event that side events must not overlap, such as the review itself; the title is for people."""

    id: str
    span: Span
    title: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Conflict:
    """One broken rule.

    Attributes:
        kind: which rule.
        proposals: ids, in order: two that clash, or one that cannot be there.
        subject: id of the room, working group or event it is about; empty for speakers, who are not named.
    """

    kind: ConflictKind
    proposals: tuple[str, ...]
    subject: str = ""


def find_conflicts(placed: Sequence[Placed], fixed: Iterable[Fixed] = ()) -> tuple[Conflict, ...]:
    """Every conflict of a board, each once, in a fixed order.

    Args:
        placed: each proposal at most once.
        fixed: what nothing may overlap.
    """
    events = tuple(fixed)
    alone = (conflict for one in placed for conflict in _alone(one, events))
    pairs = (conflict for one, other in _overlapping(placed) for conflict in _between(one, other))
    return tuple(sorted({*alone, *pairs}))


def _alone(one: Placed, fixed: Sequence[Fixed]) -> Iterator[Conflict]:
    only = (one.proposal_id,)
    if not one.room.is_open(one.span):
        yield Conflict(ConflictKind.ROOM_CLOSED, only, one.room.id)
    if one.attendance > one.room.capacity:
        yield Conflict(ConflictKind.ROOM_TOO_SMALL, only, one.room.id)
    if any(span.overlaps(one.span) for span in one.unavailable):
        yield Conflict(ConflictKind.SPEAKER_UNAVAILABLE, only)
    for event in fixed:
        if event.span.overlaps(one.span):
            yield Conflict(ConflictKind.FIXED_EVENT, only, event.id)


def _between(one: Placed, other: Placed) -> Iterator[Conflict]:
    """What clashes between two that overlap in time."""
    both = tuple(sorted((one.proposal_id, other.proposal_id)))
    if one.room.id == other.room.id:
        yield Conflict(ConflictKind.ROOM, both, one.room.id)
    if one.speakers & other.speakers:
        yield Conflict(ConflictKind.SPEAKER, both)
    if one.working_group is not None and one.working_group == other.working_group:
        yield Conflict(ConflictKind.WORKING_GROUP, both, one.working_group)


def _overlapping(placed: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs that overlap in time and share a room, a speaker or a group: only within such a share is compared."""
    sharing: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for one in placed:
        sharing["room", one.room.id].append(one)
        if one.working_group is not None:
            sharing["group", one.working_group].append(one)
        for speaker in one.speakers:
            sharing["speaker", speaker].append(one)
    for together in sharing.values():
        yield from ((one, other) for one, other in combinations(together, 2) if one.span.overlaps(other.span))
