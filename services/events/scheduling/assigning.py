"""Rooms for those who share a slot: everybody has one that is large enough, and keeps the one they had if they can."""

from collections.abc import Mapping, Sequence

from services.events.domain.room import Room
from services.events.domain.schedule import Placement
from services.events.scheduling.openings import Openings
from services.events.scheduling.problem import Request


def assign_rooms(openings: Openings, slots: Mapping[str, str]) -> tuple[Placement, ...]:
    """A placement for each proposal in ``slots`` (slot by proposal), by proposal.

    Raises:
        ValueError: the rooms of a slot do not suffice.
    """
    requests = {request.proposal_id: request for request in openings.free}
    made: list[Placement] = []
    for slot in openings.problem.slots:
        here = [requests[name] for name in sorted(slots) if slots[name] == slot.id]
        rooms = _matched(here, openings.rooms[slot.id], slot.id)
        made += [Placement(name, room_id, slot.id) for name, room_id in rooms.items()]
    return tuple(sorted(made, key=lambda placement: placement.proposal_id))


def _matched(requests: Sequence[Request], rooms: Sequence[Room], slot_id: str) -> dict[str, str]:
    """Room by proposal, by augmenting paths: who is in the way is moved on if there is another room for them."""
    holders: dict[str, Request] = {}
    for request in sorted(
        requests, key=lambda one: (_old_room(one, slot_id) is None, -one.attendance, one.proposal_id)
    ):
        if not _seat(request, rooms, holders, set(), slot_id):
            raise ValueError(f"the rooms of slot {slot_id} do not suffice")
    return {request.proposal_id: room_id for room_id, request in holders.items()}


def _seat(request: Request, rooms: Sequence[Room], holders: dict[str, Request], tried: set[str], slot_id: str) -> bool:
    old = _old_room(request, slot_id)
    for room in sorted(rooms, key=lambda one: (one.id != old, one.id in holders)):
        if room.capacity < request.attendance or room.id in tried:
            continue
        tried.add(room.id)
        holder = holders.get(room.id)
        if holder is None or _seat(holder, rooms, holders, tried, slot_id):
            holders[room.id] = request
            return True
    return False


def _old_room(request: Request, slot_id: str) -> str | None:
    """The room it has now, if it has it in this very slot."""
    return request.previous.room_id if request.previous and request.previous.slot_id == slot_id else None
