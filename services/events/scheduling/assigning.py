"""Assigns rooms to proposals that share a slot: published side events keep their room wherever that is possible."""

from collections.abc import Mapping, Sequence

from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]  # it brings no types

from services.events.domain.room import Room
from services.events.domain.schedule import Placement
from services.events.scheduling.openings import Openings
from services.events.scheduling.problem import Request

NOT_PUBLISHED, NOT_DRAFTED = 1_000_000, 1_000
"""Costs of another room than the published one, and than the one in the draft; beside them a larger room costs 1."""


def assign_rooms(openings: Openings, slots: Mapping[str, str]) -> tuple[Placement, ...]:
    """Return a placement for each proposal in ``slots`` (slot by proposal), sorted by proposal.

    Raises:
        ValueError: the rooms of a slot do not suffice.
    """
    by_slot: dict[str, list[Request]] = {slot.id: [] for slot in openings.problem.slots}
    for request in openings.free:
        if request.proposal_id in slots:
            by_slot[slots[request.proposal_id]].append(request)
    made = [place for slot_id, here in by_slot.items() if here for place in _assigned(openings, slot_id, here)]
    return tuple(sorted(made, key=lambda placement: placement.proposal_id))


def _assigned(openings: Openings, slot_id: str, requests: Sequence[Request]) -> list[Placement]:
    """A minimum cost flow: source, requests, rooms, sink."""
    rooms = openings.rooms[slot_id]
    flow, source, sink = min_cost_flow.SimpleMinCostFlow(), 0, 1
    first_room = 2 + len(requests)
    for node in range(len(rooms)):
        flow.add_arc_with_capacity_and_unit_cost(first_room + node, sink, 1, 0)
    arcs: dict[int, Placement] = {}
    for node, request in enumerate(requests, start=2):
        flow.add_arc_with_capacity_and_unit_cost(source, node, 1, 0)
        for rank, room in enumerate(rooms):
            if room.capacity >= request.attendance:
                cost = _cost(openings, request, room, slot_id) + rank
                arc = flow.add_arc_with_capacity_and_unit_cost(node, first_room + rank, 1, cost)
                arcs[int(arc)] = Placement(request.proposal_id, room.id, slot_id)
    flow.set_nodes_supplies([source, sink], [len(requests), -len(requests)])
    if flow.solve() != flow.OPTIMAL:
        raise ValueError(f"the rooms of slot {slot_id} do not suffice")
    return [placement for arc, placement in arcs.items() if flow.flow(arc)]


def _cost(openings: Openings, request: Request, room: Room, slot_id: str) -> int:
    published, drafted = openings.keepable.get(request.proposal_id), request.drafted
    leaves_published = published is not None and published.slot_id == slot_id and published.room_id != room.id
    leaves_drafted = drafted is not None and drafted.slot_id == slot_id and drafted.room_id != room.id
    return NOT_PUBLISHED * leaves_published + NOT_DRAFTED * leaves_drafted
