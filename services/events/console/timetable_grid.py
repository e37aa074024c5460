"""The draft board as a table: day by day, a row for each slot, a column for each room."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from services.events.console.schedule_words import clash_text
from services.events.domain.proposal import Proposal
from services.events.domain.room import Room
from services.events.domain.schedule import Slot
from services.events.domain.schedule_conflicts import Conflict
from services.events.usecases.schedule_snapshot import Snapshot
from shared.i18n.when import Period, compact_day, compact_hours


@dataclass(frozen=True, slots=True)
class Card:
    """A proposal in its place; ``clashes`` says each conflict that names it, in a few words."""

    proposal: Proposal
    pinned: bool
    clashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """What is in a room in a slot; ``closed`` says that the room is not ours then."""

    room: Room
    closed: bool
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A slot, by its times in its own zone, with a cell for each room."""

    slot: Slot
    times: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day's rows, under its name."""

    on: date
    title: str
    rows: tuple[Row, ...]


def days_of(snapshot: Snapshot, conflicts: Sequence[Conflict]) -> tuple[Day, ...]:
    """The whole board; every slot and every room is there, also where nothing is."""
    cards = _cards(snapshot, conflicts)
    rooms = sorted(snapshot.rooms.values(), key=lambda room: (-room.capacity, room.id))
    slots = sorted(snapshot.slots.values(), key=lambda slot: slot.span.starts_at)
    return tuple(
        Day(day, compact_day(day), tuple(_row(slot, rooms, cards) for slot in of_day))
        for day, of_day in groupby(slots, key=lambda slot: slot.on)
    )


def slot_choices(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(id, words) of each slot, by time."""
    for slot in sorted(snapshot.slots.values(), key=lambda one: one.span.starts_at):
        yield slot.id, f"{compact_day(slot.on)}, {times_text(slot)}"


def times_text(slot: Slot) -> str:
    """``09:00 to 10:00``, in the slot's own zone."""
    return compact_hours(Period(slot.span.starts_at, slot.span.ends_at, slot.time_zone))


def _row(slot: Slot, rooms: Sequence[Room], cards: dict[tuple[str, str], list[Card]]) -> Row:
    cells = (Cell(room, not room.is_open(slot.span), tuple(cards.get((slot.id, room.id), ()))) for room in rooms)
    return Row(slot, times_text(slot), tuple(cells))


def _cards(snapshot: Snapshot, conflicts: Sequence[Conflict]) -> dict[tuple[str, str], list[Card]]:
    clashes: defaultdict[str, list[str]] = defaultdict(list)
    for conflict in conflicts:
        for name in conflict.proposals:
            clashes[name].append(clash_text(conflict, name, snapshot))
    found: defaultdict[tuple[str, str], list[Card]] = defaultdict(list)
    for placement in snapshot.placements:
        proposal = snapshot.proposals[placement.proposal_id]
        card = Card(proposal, placement.pinned, tuple(clashes[proposal.id]))
        found[placement.slot_id, placement.room_id].append(card)
    return found
