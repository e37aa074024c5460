"""Checks a timetable against the hard rules by comparing minutes: it shares no rule with the solver or the board.

It knows the plain values of a problem and nothing else. Each broken rule comes back as a sentence.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.events.scheduling.model import Problem, Request, Timetable
from services.events.venue.model import Placement, Room, TimeSlot

MINUTE = timedelta(minutes=1)


def broken_rules(problem: Problem, timetable: Timetable) -> list[str]:
    """Every hard rule that the timetable breaks; what is broken between pinned placements alone is not its fault."""
    rooms = {room.id: room for room in problem.rooms}
    slots = {slot.id: slot for slot in problem.slots}
    requests = {request.proposal_id: request for request in problem.requests}
    return [
        *_counted(problem, timetable),
        *_pins_kept(problem, timetable),
        *(
            fault
            for placement in timetable.placements
            if not placement.pinned
            for fault in _place(
                requests[placement.proposal_id], rooms[placement.room_id], slots[placement.slot_id], problem
            )
        ),
        *_taken_twice(timetable.placements, requests, slots),
    ]


def _counted(problem: Problem, timetable: Timetable) -> Iterator[str]:
    """Everyone is either placed once or named as unplaced."""
    placed = [placement.proposal_id for placement in timetable.placements]
    if len(placed) != len(set(placed)):
        yield "a proposal is placed twice"
    if sorted([*placed, *timetable.unplaced]) != sorted(request.proposal_id for request in problem.requests):
        yield "a proposal is neither placed nor named, or both"
    if not all(timetable.unplaced.values()):
        yield "an unplaced proposal has no reason"


def _pins_kept(problem: Problem, timetable: Timetable) -> Iterator[str]:
    for pin in problem.pinned:
        if pin not in timetable.placements:
            yield f"{pin.proposal_id} is pinned and was moved"


def _place(request: Request, room: Room, slot: TimeSlot, problem: Problem) -> Iterator[str]:
    minutes = _minutes(slot.span.starts_at, slot.span.ends_at)
    if request.attendance > room.capacity:
        yield f"{request.proposal_id}: too many for {room.id}"
    ours = {minute for window in room.open for minute in _minutes(window.starts_at, window.ends_at)}
    if not minutes <= ours:
        yield f"{request.proposal_id}: {room.id} is closed"
    for event in problem.fixed:
        if minutes & _minutes(event.span.starts_at, event.span.ends_at):
            yield f"{request.proposal_id}: during {event.id}"
    for span in request.unavailable:
        if minutes & _minutes(span.starts_at, span.ends_at):
            yield f"{request.proposal_id}: a speaker cannot"


def _taken_twice(
    placements: tuple[Placement, ...], requests: dict[str, Request], slots: dict[str, TimeSlot]
) -> Iterator[str]:
    """Minute by minute: no room, speaker or group twice, unless both are pinned."""
    taken: dict[tuple[str, str, datetime], Placement] = {}
    for placement in placements:
        request = requests[placement.proposal_id]
        slot = slots[placement.slot_id]
        names = [("room", placement.room_id), *(("speaker", name) for name in request.speakers)]
        if request.working_group:
            names.append(("group", request.working_group))
        for minute in _minutes(slot.span.starts_at, slot.span.ends_at):
            for what, name in names:
                other = taken.setdefault((what, name, minute), placement)
                if other is not placement and not (other.pinned and placement.pinned):
                    yield f"{what} {name} twice at {minute}: {other.proposal_id}, {placement.proposal_id}"


def _minutes(start: datetime, end: datetime) -> set[datetime]:
    """The minutes from the start up to, not including, the end."""
    return {start + n * MINUTE for n in range(int((end - start) / MINUTE))}
