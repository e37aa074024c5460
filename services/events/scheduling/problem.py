"""What is to be scheduled and what came of it, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from services.events.domain.room import Room
from services.events.domain.schedule import Placement, Slot, Span, overlapping_slots
from services.events.domain.schedule_conflicts import Fixed


@dataclass(frozen=True, slots=True)
class Request:
    """A proposal that wants a place.

    Attributes:
        unavailable: when one of its speakers cannot.
        preferred_on: days it would like, in the slots' own zone; empty: any.
        previous: where it is published; moving it means telling people, so it counts before any wish.
        drafted: where it stands in the draft; staying in that slot is a wish.
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
    pinned: placements that stay whatever happens, also where they break a rule.

    Raises:
        ValueError: two slots overlap, or a pinned placement names something that is not there.
    """

    requests: tuple[Request, ...]
    rooms: tuple[Room, ...]
    slots: tuple[Slot, ...]
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
class Limits:
    """How long to search. The same seed gives the same timetable unless the wall clock ends the search.

    Attributes:
        seconds: at most, for all searches together.
        seed: of the search.
    """

    seconds: float = 10.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a proposal has no place, or a wish cannot be met: a code, and how many slots it closes."""

    code: str
    slots: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """One search: what was reached, what is proven to be the most, and how far apart they are (0 to 1)."""

    value: float
    bound: float

    @property
    def gap(self) -> float:
        """The distance to the bound as a share of the bound."""
        return max(0.0, self.bound - self.value) / max(1.0, abs(self.bound))


@dataclass(frozen=True, slots=True)
class Moves:
    """How many side events are published, how many of them move (or lose their place), how many at least must."""

    published: int
    made: int
    least: int

    @property
    def gap(self) -> float:
        """The share of the moves that may be unnecessary (0 to 1)."""
        return (self.made - self.least) / max(1, self.made)


class Argument(StrEnum):
    """What a proof rests on: too few rooms, too few slots for a speaker or a group, or an exhaustive search."""

    ROOMS = "rooms"
    BUSY = "busy"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Proof:
    """No timetable has places for a proposal and all of ``others``; without any one of them the argument fails.

    Attributes:
        others: by id; empty if the proposal can have no place whoever else is placed.
    """

    argument: Argument
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timetable:
    """Attributes:
    placements: all that have a place, by proposal.
    unplaced: what closes the slots to each of the others in this timetable.
    proofs: why no timetable can place them as well; a proposal whose proof was not found in time is missing.
    impossible_wishes: ids of proposals on none of whose preferred days there is anything for them.
    placed: of the search for the most proposals.
    moves: of the search for the fewest moves.
    wishes: of the search for the most wishes.
    seconds: it took.
    finished: whether it was not stopped from outside.
    """

    placements: tuple[Placement, ...]
    unplaced: Mapping[str, tuple[Reason, ...]]
    proofs: Mapping[str, Proof]
    impossible_wishes: tuple[str, ...]
    placed: Stage
    moves: Moves
    wishes: Stage
    seconds: float
    finished: bool = field(default=True)


def _ids(things: Iterable[Room] | Iterable[Slot]) -> set[str]:
    return {thing.id for thing in things}
