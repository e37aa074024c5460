"""Problems of scheduling, made from a seed: days of slots, rooms of all sizes, people with several side events."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.events.scheduling.model import Fixed, Problem, Request, SearchLimits, StopSignal, Timetable
from services.events.venue.model import Placement, Room, Span, TimeSlot, day_span
from shared.i18n.languages import Text

ZONE = "Europe/Zurich"
FIRST_DAY = datetime(2020, 5, 4, tzinfo=UTC)
CAPACITIES = (20, 20, 30, 40, 40, 60, 80, 80, 120, 200)


def solve(problem: Problem, limits: SearchLimits, halt: StopSignal | None = None) -> Timetable:
    """The solver's timetable. Its libraries are imported here: collecting tests needs none of them (1 s of CPU)."""
    from services.events.scheduling.solver import solve as search

    return search(problem, limits, halt)


def an_instance(seed: int, *, proposals: int, rooms: int, days: int, slots_a_day: int, pins: int = 0) -> Problem:
    """A problem; the same arguments make the same one. Some of its proposals can have no place."""
    dice = random.Random(seed)
    slots = _slots(days, slots_a_day)
    made_rooms = tuple(_room(dice, number, days) for number in range(rooms))
    requests = tuple(_request(dice, number, proposals, slots, made_rooms) for number in range(proposals))
    review = Fixed("upr-review", Span(slots[-1].span.starts_at - timedelta(minutes=30), slots[-1].span.ends_at))
    pinned = tuple(
        Placement(request.proposal_id, dice.choice(made_rooms).id, dice.choice(slots).id, True)
        for request in dice.sample(requests, pins)
    )
    return Problem(requests, made_rooms, slots, (review,), pinned)


def a_full_instance(seed: int, *, proposals: int, rooms: int, days: int, slots_a_day: int, new: int = 0) -> Problem:
    """A problem made from a timetable that places everyone, so that a complete one is known to exist.

    Args:
        seed: the same arguments make the same problem.
        proposals: at most rooms x days x slots_a_day; just as many leave no place free.
        rooms: that are always open.
        days: of slots.
        slots_a_day: of an hour each.
        new: how many are not published yet; 0: nothing is published.
    """
    dice = random.Random(seed)
    slots, opened = _slots(days, slots_a_day), Span(FIRST_DAY - timedelta(days=1), FIRST_DAY + timedelta(days=days + 1))
    made_rooms = tuple(
        Room(id=f"room-{n}", title=Text.of(f"Room {n}"), city="Geneva", capacity=CAPACITIES[n % len(CAPACITIES)],
             time_zone=ZONE, open=(opened,)) for n in range(rooms)
    )  # fmt: skip
    places = dice.sample([(room, slot) for slot in slots for room in made_rooms], proposals)
    busy: set[tuple[str, str]] = set()
    requests = [_placed_request(dice, n, proposals, place, slots, busy) for n, place in enumerate(places)]
    kept = proposals - new if new else 0
    return Problem(
        tuple(request if n < kept else replace(request, previous=None) for n, request in enumerate(requests)),
        made_rooms,
        slots,
    )


def _placed_request(
    dice: random.Random,
    number: int,
    of: int,
    place: tuple[Room, TimeSlot],
    slots: tuple[TimeSlot, ...],
    busy: set[tuple[str, str]],
) -> Request:
    """A request that fits into its place; ``busy`` holds who is where in the timetable that it is made from."""
    room, slot = place
    smaller = max((capacity for capacity in CAPACITIES if capacity < room.capacity), default=0)
    names = [f"person-{dice.randrange(of // 2)}" for _ in range(dice.randint(1, 2))]
    free = [name for name in (*names, f"group-{dice.randrange(max(2, of // 8))}") if (name, slot.id) not in busy]
    busy.update((name, slot.id) for name in free)
    days = sorted({one.on for one in slots})
    proposal_id = f"p-{number:03}"
    return Request(
        proposal_id=proposal_id,
        attendance=dice.randint(smaller + 1, room.capacity),
        working_group=next((name for name in free if name.startswith("group")), None),
        speakers=frozenset(name for name in free if name.startswith("person")),
        unavailable=tuple(day_span(day, ZONE) for day in days if day != slot.on and dice.random() < 0.3),
        preferred_on=frozenset(dice.sample(days, dice.choice((0, 1, 2)))),
        previous=Placement(proposal_id, room.id, slot.id),
    )


def _slots(days: int, a_day: int) -> tuple[TimeSlot, ...]:
    """Slots of an hour that touch, from 06:00 UTC on, on each of the days."""
    starts = [FIRST_DAY + timedelta(days=day, hours=6 + hour) for day in range(days) for hour in range(a_day)]
    return tuple(TimeSlot(f"slot-{n}", Span(start, start + timedelta(hours=1)), ZONE) for n, start in enumerate(starts))


def _room(dice: random.Random, number: int, days: int) -> Room:
    first = dice.choice((0, 0, 0, 1)) if days > 1 else 0
    open_from = FIRST_DAY + timedelta(days=first, hours=dice.choice((4, 6, 8)))
    windows = tuple(
        Span(open_from + timedelta(days=day), open_from + timedelta(days=day, hours=dice.choice((8, 12))))
        for day in range(days - first)
    )
    capacity = CAPACITIES[number % len(CAPACITIES)]
    return Room(
        id=f"room-{number}",
        title=Text.of(f"Room {number}"),
        city="Geneva",
        capacity=capacity,
        time_zone=ZONE,
        open=windows,
    )


def _request(
    dice: random.Random, number: int, of: int, slots: tuple[TimeSlot, ...], rooms: tuple[Room, ...]
) -> Request:
    days = sorted({slot.on for slot in slots})
    previous = Placement(f"p-{number:03}", dice.choice(rooms).id, dice.choice(slots).id)
    return Request(
        proposal_id=f"p-{number:03}",
        attendance=dice.choice((10, 15, 20, 25, 35, 50, 70, 100, 500 if number % 97 == 96 else 30)),
        working_group=dice.choice((None, *(f"group-{n}" for n in range(max(2, of // 12))))),
        speakers=frozenset(f"person-{dice.randrange(max(2, of))}" for _ in range(dice.randrange(1, 4))),
        unavailable=tuple(day_span(day, ZONE) for day in days if dice.random() < 0.15),
        preferred_on=frozenset(dice.sample(days, min(len(days), dice.choice((0, 1, 2))))),
        previous=previous if dice.random() < 0.3 else None,
    )
