"""Why a proposal has no place. Each reason is checked against the timetable as it is; none is guessed."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date

from services.events.domain.schedule import Slot
from services.events.scheduling.openings import Openings, busy_names
from services.events.scheduling.problem import Reason, Request

TOO_LARGE = "no_room_large_enough"
FULL = "rooms_taken"
BUSY = "busy"


def add_what_fits(openings: Openings, slots: dict[str, str]) -> None:
    """Place whoever can still be placed without moving anybody, each on its emptiest day; the choosiest come first.

    Args:
        slots: slot by proposal; what is placed is added to it.
    """
    board = _Board(openings, slots)
    waiting = [request for request in openings.free if request.proposal_id not in slots]
    for request in sorted(waiting, key=lambda one: (len(openings.open_slots[one.proposal_id]), one.proposal_id)):
        fitting = (slot for slot in openings.open_slots[request.proposal_id] if not board.refusal(request, slot))
        chosen = min(fitting, key=lambda slot: (board.day_counts[slot.on], slot.span.starts_at), default=None)
        if chosen is not None:
            slots[request.proposal_id] = chosen.id
            board.add(request, chosen)


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
        self.day_counts: Counter[date] = Counter()
        self._needs: defaultdict[str, list[int]] = defaultdict(list)
        self._busy: defaultdict[str, set[str]] = defaultdict(set)
        by_id = {slot.id: slot for slot in openings.problem.slots}
        for request in openings.free:
            if request.proposal_id in slots:
                self.add(request, by_id[slots[request.proposal_id]])

    def add(self, request: Request, slot: Slot) -> None:
        """The request is in the slot."""
        self.day_counts[slot.on] += 1
        self._needs[slot.id].append(request.attendance)
        self._busy[slot.id] |= busy_names(request)

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
