"""Timetables of side events: conflicts, published entries and their differences, the solver's problem and result. Pure.

Order and direction do not matter: the same board gives the same conflicts, each once.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations

from services.events.venue.model import Placement, Room, Span, TimeSlot, overlapping_slots
from shared.i18n.languages import Text


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
    """A proposal in its place, with all that can conflict.

    Attributes:
        span: when it is.
        speakers: references of its speakers.
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
    alone = (conflict for proposal in placed for conflict in _own_conflicts(proposal, events))
    pairs = (conflict for first, other in _overlapping(placed) for conflict in _pair_conflicts(first, other))
    return tuple(sorted({*alone, *pairs}))


def _own_conflicts(one: Placed, fixed: Sequence[Fixed]) -> Iterator[Conflict]:
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


def _pair_conflicts(one: Placed, other: Placed) -> Iterator[Conflict]:
    """What clashes between two that overlap in time."""
    both = tuple(sorted((one.proposal_id, other.proposal_id)))
    if one.room.id == other.room.id:
        yield Conflict(ConflictKind.ROOM, both, one.room.id)
    if one.speakers & other.speakers:
        yield Conflict(ConflictKind.SPEAKER, both)
    if one.working_group is not None and one.working_group == other.working_group:
        yield Conflict(ConflictKind.WORKING_GROUP, both, one.working_group)


def _overlapping(placed: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs that overlap in time and share a room, a speaker or a group; compares only proposals that share one."""
    sharing: defaultdict[tuple[str, str], list[Placed]] = defaultdict(list)
    for proposal in placed:
        sharing["room", proposal.room.id].append(proposal)
        if proposal.working_group is not None:
            sharing["group", proposal.working_group].append(proposal)
        for speaker in proposal.speakers:
            sharing["speaker", speaker].append(proposal)
    for together in sharing.values():
        yield from ((first, other) for first, other in combinations(together, 2) if first.span.overlaps(other.span))


@dataclass(frozen=True, slots=True)
class TimetableEntry:
    """One side event of a version, as it was published: it does not change when its room or proposal does later."""

    proposal_id: str
    event_id: str
    title: str
    working_group: str | None
    room_id: str
    room_title: Text
    city: str
    slot_id: str
    span: Span
    time_zone: str

    def same_place(self, other: "TimetableEntry") -> bool:
        """Whether both are in the same room at the same time. A translation of the room's title does not count."""
        own, others = str(self.room_title), str(other.room_title)
        return (self.room_id, own, self.span) == (other.room_id, others, other.span)


@dataclass(frozen=True, slots=True)
class TimetableDifference:
    """From one version to another: ids of proposals in order."""

    added: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @property
    def notified(self) -> tuple[str, ...]:
        """Proposals whose people are notified of their place."""
        return tuple(sorted((*self.added, *self.moved)))


def difference(old: Iterable[TimetableEntry], new: Iterable[TimetableEntry]) -> TimetableDifference:
    """What ``new`` changes; each proposal is in each version at most once."""
    before = {entry.proposal_id: entry for entry in old}
    after = {entry.proposal_id: entry for entry in new}
    both = sorted(before.keys() & after.keys())
    stayed = {name for name in both if before[name].same_place(after[name])}
    return TimetableDifference(
        added=tuple(sorted(after.keys() - before.keys())),
        moved=tuple(name for name in both if name not in stayed),
        removed=tuple(sorted(before.keys() - after.keys())),
        unchanged=tuple(name for name in both if name in stayed),
    )


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal to be placed.

    Attributes:
        unavailable: when one of its speakers cannot.
        preferred_on: the preferred days, in the slots' own zone; empty for any.
        previous: where it is published; moving it means notifying people, so it counts before any preference.
        drafted: its place in the draft; staying in that slot is a preference.
    """

    proposal_id: str
    attendance: int
    working_group: str | None = None
    speakers: frozenset[str] = frozenset()
    unavailable: tuple[Span, ...] = ()
    preferred_on: frozenset[date] = frozenset()
    previous: Placement | None = None
    drafted: Placement | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Attributes:
    requests: all proposals that may be placed.
    rooms: where.
    slots: when; they must not overlap each other.
    fixed: events that nothing may overlap.
    pinned: placements that always stay, also where they break a rule.

    Raises:
        ValueError: two slots overlap, or a pinned placement names something that is not there.
    """

    requests: tuple[Request, ...]
    rooms: tuple[Room, ...]
    slots: tuple[TimeSlot, ...]
    fixed: tuple[Fixed, ...] = ()
    pinned: tuple[Placement, ...] = ()

    def __post_init__(self) -> None:
        if clash := overlapping_slots(self.slots):
            raise ValueError(f"slots overlap: {clash[0][0]} and {clash[0][1]}")
        known = (_ids(self.rooms), _ids(self.slots), {request.proposal_id for request in self.requests})
        for pin in self.pinned:
            if pin.room_id not in known[0] or pin.slot_id not in known[1] or pin.proposal_id not in known[2]:
                raise ValueError("a pinned placement names a room, slot or proposal that is not there")


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How long to search. The same seed gives the same timetable unless the wall clock ends the search.

    Attributes:
        seconds: the longest time for all searches together, in seconds.
        seed: the seed of the search.
    """

    seconds: float = 10.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a proposal has no place, or a preference cannot be met: a code, and how many slots it closes."""

    code: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class SearchStage:
    """One search: the result, the proven bound, and the gap between them (0 to 1)."""

    value: float
    bound: float

    @property
    def gap(self) -> float:
        """The distance to the bound as a share of the bound."""
        return max(0.0, self.bound - self.value) / max(1.0, abs(self.bound))


@dataclass(frozen=True, slots=True)
class Moves:
    """Number of published side events, of those that move (or lose their place), and of those that must move."""

    published: int
    made: int
    least: int

    @property
    def gap(self) -> float:
        """The share of the moves that may be unnecessary (0 to 1)."""
        return (self.made - self.least) / max(1, self.made)


class Argument(StrEnum):
    """The argument of a proof: too few rooms, too few slots for a speaker or a group, or an exhaustive search."""

    ROOMS = "rooms"
    BUSY = "busy"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Proof:
    """No timetable has places for a proposal and all of ``others``; the argument needs each of them.

    Attributes:
        others: the ids of the other proposals; empty if the proposal can have no place, regardless of all others.
    """

    argument: Argument
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timetable:
    """Attributes:
    placements: all that have a place, by proposal.
    unplaced: the reasons that close each slot in this timetable, by proposal without a place.
    proofs: why no timetable can place them as well; a proposal whose proof was not found in time is missing.
    impossible_preferences: ids of proposals that cannot be placed on any preferred day.
    placed: the search for the most proposals.
    moves: the result of the search for the fewest moves.
    preferences: the search for the most preferences.
    seconds: the time that it took, in seconds.
    finished: whether it was not stopped from outside.
    """

    placements: tuple[Placement, ...]
    unplaced: Mapping[str, tuple[Reason, ...]]
    proofs: Mapping[str, Proof]
    impossible_preferences: tuple[str, ...]
    placed: SearchStage
    moves: Moves
    preferences: SearchStage
    seconds: float
    finished: bool = field(default=True)


def _ids(values: Iterable[Room] | Iterable[TimeSlot]) -> set[str]:
    return {value.id for value in values}


class StopSignal:
    """Ends a search from another thread."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._ends: list[Callable[[], object]] = []

    def __bool__(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the running search and start no other."""
        self._stopped.set()
        for end in self._ends:
            end()

    def watch(self, end: Callable[[], object]) -> None:
        """Call ``end`` when it is time to stop."""
        self._ends.append(end)
        if self:
            end()

    def forget(self, end: Callable[[], object]) -> None:
        """Stop watching ``end``: its search has finished."""
        self._ends.remove(end)
