"""How many proposals can have a place at most, were nobody ever needed in two places at once: a maximum flow.

Without speakers and groups each proposal only needs a room that is large enough in one of its slots. The most that
find one is a flow, which is exact and takes milliseconds; with them it can only be fewer. Measured: the bound of the
search itself stays far above for longer than there is time.
"""

from ortools.graph.python import max_flow  # type: ignore[import-untyped]  # it brings no types

from services.events.scheduling.openings import Openings


def most_places(openings: Openings) -> int:
    """An upper bound of how many of the proposals that are not pinned can be placed."""
    flow, source, sink = max_flow.SimpleMaxFlow(), 0, 1
    rooms = _room_nodes(openings, flow, sink)
    node = 2 + sum(len(kinds) for kinds in rooms.values())
    for request in openings.free:
        flow.add_arc_with_capacity(source, node, 1)
        for slot in openings.open_slots[request.proposal_id]:
            large_enough = next(found for capacity, found in rooms[slot.id] if capacity >= request.attendance)
            flow.add_arc_with_capacity(node, large_enough, 1)
        node += 1
    if flow.num_arcs() == 0 or flow.solve(source, sink) != flow.OPTIMAL:
        return len(openings.free)
    return int(flow.optimal_flow())


def _room_nodes(openings: Openings, flow: max_flow.SimpleMaxFlow, sink: int) -> dict[str, list[tuple[int, int]]]:
    """(capacity, node) by slot, the smallest first; who fits into one kind may go on to the next larger one."""
    nodes: dict[str, list[tuple[int, int]]] = {}
    node = 2
    for slot in openings.problem.slots:
        kinds = sorted({room.capacity for room in openings.rooms[slot.id]})
        nodes[slot.id] = [(capacity, node + n) for n, capacity in enumerate(kinds)]
        for number, (capacity, here) in enumerate(nodes[slot.id]):
            count = sum(room.capacity == capacity for room in openings.rooms[slot.id])
            flow.add_arc_with_capacity(here, sink, count)
            if number + 1 < len(kinds):
                flow.add_arc_with_capacity(here, here + 1, len(openings.free))
        node += len(kinds)
    return nodes
