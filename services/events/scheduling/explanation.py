"""Why a proposal has no place. Each reason is checked against the timetable as it is; none is guessed."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date

from services.events.domain.schedule import Placement, Slot
from services.events.scheduling.openings import Openings, busy_names
from services.events.scheduling.problem import Reason, Request

TOO_LARGE = "no_room_large_enough"
FULL = "rooms_taken"
BUSY = "busy"


def first_fit(openings: Openings) -> dict[str, str]:
    """Return slots by proposal: what is published stays, then what is drafted, and the others go where they fit.

    Nobody is moved to make room. Of the others those with the fewest open slots come first, each on its emptiest day.
    """
    board = _Board(openings, {})
    for kept in (_published, _drafted):
        for request in openings.free:
            if request.proposal_id not in board.slots and (placement := kept(request)) is not None:
                board.place_if_possible(request, placement.slot_id)
    waiting = [request for request in openings.free if request.proposal_id not in board.slots]
    for request in sorted(waiting, key=lambda one: (len(openings.open_slots[one.proposal_id]), one.proposal_id)):
        open_slots = openings.open_slots[request.proposal_id]
        for slot in sorted(open_slots, key=lambda one: (board.day_counts[one.on], one.span.starts_at)):
            if board.place_if_possible(request, slot.id):
                break
    return board.slots


def _published(request: Request) -> Placement | None:
    return request.previous


def _drafted(request: Request) -> Placement | None:
    return request.drafted


def reasons_for(openings: Openings, slots: Mapping[str, str]) -> dict[str, tuple[Reason, ...]]:
    """Why each request without a place has none, the reason that closes most slots first."""
    board = _Board(openings, slots)
    return {
        request.proposal_id: _reasons(board, request) for request in openings.free if request.proposal_id not in slots
    }


def impossible_wishes(openings: Openings) -> dict[str, tuple[Reason, ...]]:
    """Requests that prefer days on which no slot is open to them whoever else is placed, and what closes these slots.

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
    return _most_first(Counter(openings.obstacle(request, slot) for slot in wished))


class _Board:
    """Who is in which slot, for quick questions."""

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

    def add(self, request: Request, slot: Slot) -> None:
        """The request is in the slot."""
        self.slots[request.proposal_id] = slot.id
        self.day_counts[slot.on] += 1
        self._needs[slot.id].append(request.attendance)
        self._busy[slot.id] |= busy_names(request)

    def place_if_possible(self, request: Request, slot_id: str) -> bool:
        """Put the request into the slot if that is open to it and takes it beside those who are there."""
        slot = next((one for one in self.openings.open_slots[request.proposal_id] if one.id == slot_id), None)
        if slot is None or self.refusal(request, slot):
            return False
        self.add(request, slot)
        return True

    def refusal(self, request: Request, slot: Slot) -> str:
        """Why an open slot does not take the request beside those who are there; empty if it does."""
        if busy_names(request) & self._busy[slot.id]:
            return BUSY
        fits = self.openings.finds_rooms(slot.id, [*self._needs[slot.id], request.attendance])
        return "" if fits else FULL


def _reasons(board: _Board, request: Request) -> tuple[Reason, ...]:
    problem = board.openings.problem
    if all(room.capacity < request.attendance for room in problem.rooms):
        return (Reason(TOO_LARGE, len(problem.slots)),)
    found = Counter(board.openings.obstacle(request, slot) or board.refusal(request, slot) for slot in problem.slots)
    return _most_first(found)


def _most_first(found: Counter[str]) -> tuple[Reason, ...]:
    return tuple(Reason(code, count) for code, count in sorted(found.items(), key=lambda one: (-one[1], one[0])))
