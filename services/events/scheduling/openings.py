"""Which slots are open to a proposal at all, and which rooms are left in a slot: what both search and reasons need.

Slots do not overlap, so a slot by itself decides its rooms: those that are ours then, less those that are pinned. A
room fits whoever is not too many. Sets of that kind are nested, therefore a set of proposals finds rooms in a slot
exactly if, for each capacity, no more of them need a larger room than there are (Hall's theorem).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from services.events.domain.room import Room
from services.events.domain.schedule import Placement, Slot
from services.events.scheduling.problem import Problem, Request


@dataclass(frozen=True)
class Openings:
    """A problem with its look-ups, each made once."""

    problem: Problem

    @cached_property
    def pins(self) -> Mapping[str, Placement]:
        """Pinned placements by proposal."""
        return {pin.proposal_id: pin for pin in self.problem.pinned}

    @cached_property
    def free(self) -> tuple[Request, ...]:
        """Requests that are not pinned, in the order of their ids."""
        loose = (request for request in self.problem.requests if request.proposal_id not in self.pins)
        return tuple(sorted(loose, key=lambda request: request.proposal_id))

    @cached_property
    def rooms(self) -> Mapping[str, tuple[Room, ...]]:
        """Rooms by slot that are ours then and not pinned, the smallest first."""
        taken = {(pin.slot_id, pin.room_id) for pin in self.problem.pinned}
        ordered = sorted(self.problem.rooms, key=lambda room: (room.capacity, room.id))
        return {
            slot.id: tuple(room for room in ordered if room.is_open(slot.span) and (slot.id, room.id) not in taken)
            for slot in self.problem.slots
        }

    @cached_property
    def barred(self) -> frozenset[str]:
        """Slots that overlap a fixed event."""
        return frozenset(
            slot.id
            for slot in self.problem.slots
            if any(event.span.overlaps(slot.span) for event in self.problem.fixed)
        )

    @cached_property
    def pinned_at(self) -> Mapping[str, frozenset[str]]:
        """Speakers and groups, as from ``busy_names``, that a pinned placement keeps busy, by slot."""
        by_id = {request.proposal_id: request for request in self.problem.requests}
        busy: dict[str, frozenset[str]] = {slot.id: frozenset() for slot in self.problem.slots}
        for pin in self.problem.pinned:
            busy[pin.slot_id] |= busy_names(by_id[pin.proposal_id])
        return busy

    def obstacle(self, request: Request, slot: Slot) -> str:
        """Why the slot is closed to the request whoever else is placed; empty if it is open."""
        if slot.id in self.barred:
            return "fixed_event"
        if any(span.overlaps(slot.span) for span in request.unavailable):
            return "speaker_unavailable"
        if busy_names(request) & self.pinned_at[slot.id]:
            return "busy"
        return "" if any(room.capacity >= request.attendance for room in self.rooms[slot.id]) else "no_room_open"

    @cached_property
    def open_slots(self) -> Mapping[str, tuple[Slot, ...]]:
        """Slots open to each request that is not pinned."""
        return {
            request.proposal_id: tuple(slot for slot in self.problem.slots if not self.obstacle(request, slot))
            for request in self.free
        }

    @cached_property
    def keepable(self) -> Mapping[str, Placement]:
        """Published placements, by proposal, that are still allowed; the others must move whatever is decided."""
        return {
            request.proposal_id: request.previous
            for request in self.free
            if request.previous is not None and self._is_allowed(request, request.previous)
        }

    def _is_allowed(self, request: Request, placement: Placement) -> bool:
        is_open = any(slot.id == placement.slot_id for slot in self.open_slots[request.proposal_id])
        return is_open and any(
            room.id == placement.room_id and room.capacity >= request.attendance
            for room in self.rooms[placement.slot_id]
        )

    def capacity_steps(self, slot_id: str) -> tuple[tuple[int, int], ...]:
        """Return (next smaller capacity or 0, capacity) of the rooms in a slot, the smallest first."""
        capacities = sorted({room.capacity for room in self.rooms[slot_id]})
        return tuple(pairwise((0, *capacities)))

    def finds_rooms(self, slot_id: str, attendances: Iterable[int]) -> bool:
        """Whether that many people each find a room of their own in the slot."""
        rooms = sorted((room.capacity for room in self.rooms[slot_id]), reverse=True)
        wanted = sorted(attendances, reverse=True)
        return len(wanted) <= len(rooms) and all(need <= room for need, room in zip(wanted, rooms, strict=False))


def busy_names(request: Request) -> frozenset[str]:
    """Who cannot be in two places: the speakers, and the working group."""
    group = () if request.working_group is None else (f"group {request.working_group}",)
    return frozenset((*(f"speaker {name}" for name in request.speakers), *group))
