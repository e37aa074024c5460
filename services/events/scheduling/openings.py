"""Which slots are open to a proposal, which rooms are left in a slot, why one has no place, and a timetable's score.

Slots do not overlap, so the rooms of a slot depend on the slot only: those available then, without pinned ones. A
room fits a proposal that does not exceed its capacity. Sets of that kind are nested, therefore a set of proposals finds
rooms in a slot exactly if, for each capacity, no more of them need a larger room than there are (Hall's theorem). Each
reason is checked against the timetable as it is.

A score compares timetables: most placed, then fewest moves of what is published, then preferences; a later criterion
never outweighs an earlier one. This module never imports the solver's library.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

from services.events.scheduling.model import Problem, Reason, Request
from services.events.venue.model import Placement, Room, TimeSlot, same_place

TOO_LARGE = "no_room_large_enough"
FULL = "rooms_taken"
BUSY = "busy"

PREFERRED_DAY, DRAFTED_SLOT, BUSIEST_DAY = 10, 6, 1
"""Weights of the preferences: a preferred day, the slot in the draft, and one less for each on the busiest day."""


@dataclass(frozen=True)
class Openings:
    """A problem with its indexes, each computed once."""

    problem: Problem

    @cached_property
    def pins(self) -> Mapping[str, Placement]:
        """Pinned placements by proposal."""
        return {pin.proposal_id: pin for pin in self.problem.pinned}

    @cached_property
    def free(self) -> tuple[Request, ...]:
        """Requests that are not pinned, in the order of their ids."""
        unpinned = (request for request in self.problem.requests if request.proposal_id not in self.pins)
        return tuple(sorted(unpinned, key=lambda request: request.proposal_id))

    @cached_property
    def rooms(self) -> Mapping[str, tuple[Room, ...]]:
        """Rooms by slot that are available then and not pinned, smallest first."""
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

    def obstacle(self, request: Request, slot: TimeSlot) -> str:
        """Why the slot is closed to the request, regardless of other placements; empty if it is open."""
        if slot.id in self.barred:
            return "fixed_event"
        if any(span.overlaps(slot.span) for span in request.unavailable):
            return "speaker_unavailable"
        if busy_names(request) & self.pinned_at[slot.id]:
            return "busy"
        return "" if any(room.capacity >= request.attendance for room in self.rooms[slot.id]) else "no_room_open"

    @cached_property
    def open_slots(self) -> Mapping[str, tuple[TimeSlot, ...]]:
        """Slots open to each request that is not pinned."""
        return {
            request.proposal_id: tuple(slot for slot in self.problem.slots if not self.obstacle(request, slot))
            for request in self.free
        }

    @cached_property
    def keepable(self) -> Mapping[str, Placement]:
        """Published placements, by proposal, that are still allowed; the others must move in any case."""
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
        """Whether each of these attendances fits into a different room in the slot."""
        rooms = sorted((room.capacity for room in self.rooms[slot_id]), reverse=True)
        wanted = sorted(attendances, reverse=True)
        return len(wanted) <= len(rooms) and all(need <= room for need, room in zip(wanted, rooms, strict=False))


def busy_names(request: Request) -> frozenset[str]:
    """The speakers and the working group, which cannot be in two places at once."""
    group = () if request.working_group is None else (f"group {request.working_group}",)
    return frozenset((*(f"speaker {name}" for name in request.speakers), *group))


def first_fit(openings: Openings) -> dict[str, str]:
    """Return slots by proposal.

    Published places stay, then drafted ones; the others are placed where they fit. Nothing is moved to make room. Among
    the others, those with the fewest open slots come first, each on its emptiest day.
    """
    board = _Board(openings, {})
    published = [(request, request.previous) for request in openings.free]
    drafted = [(request, request.drafted) for request in openings.free]
    for request, placement in (*published, *drafted):
        if placement is not None and request.proposal_id not in board.slots:
            board.place_if_possible(request, placement.slot_id)
    waiting = [request for request in openings.free if request.proposal_id not in board.slots]
    for request in sorted(waiting, key=lambda one: (len(openings.open_slots[one.proposal_id]), one.proposal_id)):
        open_slots = openings.open_slots[request.proposal_id]
        for slot in sorted(open_slots, key=lambda one: (board.day_counts[one.on], one.span.starts_at)):
            if board.place_if_possible(request, slot.id):
                break
    return board.slots


def reasons_for(openings: Openings, slots: Mapping[str, str]) -> dict[str, tuple[Reason, ...]]:
    """Why each request without a place has none, the reason that closes most slots first."""
    board = _Board(openings, slots)
    return {
        request.proposal_id: _reasons(board, request) for request in openings.free if request.proposal_id not in slots
    }


def impossible_preferences(openings: Openings) -> dict[str, tuple[Reason, ...]]:
    """Requests that prefer days on which no slot can be open to them, and what closes these slots.

    A day without any slot has no reason.
    """
    return {
        request.proposal_id: _wish_reasons(openings, request)
        for request in openings.free
        if request.preferred_on
        and not any(slot.on in request.preferred_on for slot in openings.open_slots[request.proposal_id])
    }


def _wish_reasons(openings: Openings, request: Request) -> tuple[Reason, ...]:
    wished = (slot for slot in openings.problem.slots if slot.on in request.preferred_on)
    return _largest_first(Counter(openings.obstacle(request, slot) for slot in wished))


class _Board:
    """The slots of proposals, indexed for fast lookups."""

    def __init__(self, openings: Openings, slots: Mapping[str, str]) -> None:
        self.openings = openings
        self.slots: dict[str, str] = {}
        self.day_counts: Counter[date] = Counter()
        self._needs: defaultdict[str, list[int]] = defaultdict(list)
        self._busy: defaultdict[str, set[str]] = defaultdict(set)
        self._by_id = {slot.id: slot for slot in openings.problem.slots}
        for request in openings.free:
            if request.proposal_id in slots:
                self.add(request, self._by_id[slots[request.proposal_id]])

    def add(self, request: Request, slot: TimeSlot) -> None:
        """The request is in the slot."""
        self.slots[request.proposal_id] = slot.id
        self.day_counts[slot.on] += 1
        self._needs[slot.id].append(request.attendance)
        self._busy[slot.id] |= busy_names(request)

    def place_if_possible(self, request: Request, slot_id: str) -> bool:
        """Put the request into the slot if the slot is open to it and a room is free; return whether it did."""
        slot = next((slot for slot in self.openings.open_slots[request.proposal_id] if slot.id == slot_id), None)
        if slot is None or self.refusal(request, slot):
            return False
        self.add(request, slot)
        return True

    def refusal(self, request: Request, slot: TimeSlot) -> str:
        """Return why an open slot cannot take the request as well; empty if it can."""
        if busy_names(request) & self._busy[slot.id]:
            return BUSY
        fits = self.openings.finds_rooms(slot.id, [*self._needs[slot.id], request.attendance])
        return "" if fits else FULL


def _reasons(board: _Board, request: Request) -> tuple[Reason, ...]:
    problem = board.openings.problem
    if all(room.capacity < request.attendance for room in problem.rooms):
        return (Reason(TOO_LARGE, len(problem.slots)),)
    found = Counter(board.openings.obstacle(request, slot) or board.refusal(request, slot) for slot in problem.slots)
    return _largest_first(found)


def _largest_first(found: Counter[str]) -> tuple[Reason, ...]:
    return tuple(Reason(code, count) for code, count in sorted(found.items(), key=lambda one: (-one[1], one[0])))


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """Attributes, in the order in which they count:

    placed: proposals with a place, without pinned ones.
    kept: published side events that stay in slot and room.
    preferences: weight of the preferences that are met.
    """

    placed: int
    kept: int
    preferences: int


def score(openings: Openings, placements: tuple[Placement, ...]) -> Score:
    """Return the score of a timetable.

    Args:
        openings: the indexed problem.
        placements: the places of proposals that are not pinned.
    """
    places = {placement.proposal_id: placement for placement in placements}
    kept = sum(same_place(places.get(name), published) for name, published in openings.keepable.items())
    return Score(len(places), kept, _preferences_met(openings, places))


def max_preferences(openings: Openings, placed: int) -> int:
    """Return an upper bound of the weight: every proposal has its best open slot, and ``placed`` are spread evenly."""
    best = (
        max((wish_weight(request, slot) for slot in openings.open_slots[request.proposal_id]), default=0)
        for request in openings.free
    )
    days = {slot.on for request in openings.free for slot in openings.open_slots[request.proposal_id]}
    return sum(best) - BUSIEST_DAY * -(-placed // max(1, len(days)))


def _preferences_met(openings: Openings, places: Mapping[str, Placement]) -> int:
    slots = {slot.id: slot for slot in openings.problem.slots}
    granted = sum(
        wish_weight(request, slots[places[request.proposal_id].slot_id])
        for request in openings.free
        if request.proposal_id in places
    )
    days = Counter(slots[placement.slot_id].on for placement in places.values())
    return granted - BUSIEST_DAY * max(days.values(), default=0)


def wish_weight(request: Request, slot: TimeSlot) -> int:
    """Return the weight of the preferences that placing the request in the slot meets."""
    preferred = PREFERRED_DAY if slot.on in request.preferred_on else 0
    drafted = DRAFTED_SLOT if request.drafted is not None and request.drafted.slot_id == slot.id else 0
    return preferred + drafted
