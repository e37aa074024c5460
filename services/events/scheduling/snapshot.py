"""Reads the draft board in one transaction: placements, proposals that may be placed, and fixed events."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from services.events.event.model import EventKind, EventStatus, Readers
from services.events.event.store import EventFilter, select_events
from services.events.scheduling.model import (
    Conflict,
    Fixed,
    Placed,
    Problem,
    Request,
    TimetableEntry,
    find_conflicts,
)
from services.events.scheduling.store import TimetableVersion, read_newest_version
from services.events.side_events.model import PLACEABLE, Proposal
from services.events.side_events.store import proposals_with_status
from services.events.venue.model import Placement, Room, Span, TimeSlot, day_span
from services.events.venue.store import all_placements, all_rooms, all_slots, board_revision

FIXED_KINDS = (EventKind.REVIEW, EventKind.PRESS_CONFERENCE)
"""Kinds of event that no side event may overlap: everyone attends them."""

CERTAIN = (EventStatus.TENTATIVE, EventStatus.CONFIRMED)
DEFAULT_ZONE = "Europe/Zurich"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Attributes:
    revision: the revision of the board.
    rooms: the rooms by id.
    slots: the slots by id, in the order of time.
    proposals: the proposals that may be placed, by id.
    placements: the draft board.
    version: the timetable in force; None before the first.
    fixed: events that side events must not overlap.
    """

    revision: int
    rooms: dict[str, Room]
    slots: dict[str, TimeSlot]
    proposals: dict[str, Proposal]
    placements: tuple[Placement, ...]
    fixed: tuple[Fixed, ...]
    version: TimetableVersion | None = None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Conflicts that prevent publishing the board."""
        return find_conflicts([self._placed(placement) for placement in self.placements], self.fixed)

    @property
    def waiting(self) -> tuple[Proposal, ...]:
        """Accepted proposals without a place."""
        placed = {placement.proposal_id for placement in self.placements}
        return tuple(proposal for name, proposal in self.proposals.items() if name not in placed)

    @property
    def published(self) -> dict[str, Placement]:
        """Places in the timetable in force, by proposal; without rooms and slots that no longer exist."""
        return {
            entry.proposal_id: Placement(entry.proposal_id, entry.room_id, entry.slot_id)
            for entry in (self.version.entries if self.version else ())
            if entry.room_id in self.rooms and entry.slot_id in self.slots
        }

    def problem(self) -> Problem:
        """Return the problem for the solver: pinned placements stay, published ones move only where they must."""
        drafted = {placement.proposal_id: placement for placement in self.placements}
        published = self.published
        requests = tuple(
            self._request(proposal, published.get(proposal.id), drafted.get(proposal.id))
            for proposal in self.proposals.values()
        )
        pinned = tuple(placement for placement in self.placements if placement.pinned)
        return Problem(requests, tuple(self.rooms.values()), tuple(self.slots.values()), self.fixed, pinned)

    def _request(self, proposal: Proposal, published: Placement | None, drafted: Placement | None) -> Request:
        return Request(
            proposal_id=proposal.id,
            attendance=proposal.attendance,
            working_group=proposal.working_group,
            speakers=frozenset(proposal.speakers),
            unavailable=self._days(proposal.unavailable_on),
            preferred_on=frozenset(proposal.preferred_on),
            previous=published,
            drafted=drafted,
        )

    def _placed(self, placement: Placement) -> Placed:
        proposal = self.proposals[placement.proposal_id]
        return Placed(
            proposal_id=proposal.id,
            room=self.rooms[placement.room_id],
            span=self.slots[placement.slot_id].span,
            working_group=proposal.working_group,
            speakers=frozenset(proposal.speakers),
            attendance=proposal.attendance,
            unavailable=self._days(proposal.unavailable_on),
        )

    def _days(self, days: tuple[date, ...]) -> tuple[Span, ...]:
        zone = next((slot.time_zone for slot in self.slots.values()), DEFAULT_ZONE)
        return tuple(day_span(day, zone) for day in days)


def read_snapshot(connection: Connection) -> Snapshot:
    """The draft board as it is, in the caller's transaction; the caller locks the board if it is to change."""
    return Snapshot(
        revision=board_revision(connection),
        rooms={room.id: room for room in all_rooms(connection)},
        slots={slot.id: slot for slot in all_slots(connection)},
        proposals={proposal.id: proposal for proposal in proposals_with_status(connection, PLACEABLE)},
        placements=tuple(all_placements(connection)),
        fixed=_fixed_events(connection),
        version=read_newest_version(connection),
    )


def _fixed_events(connection: Connection) -> tuple[Fixed, ...]:
    found = [
        event
        for kind in FIXED_KINDS
        for event in select_events(connection, EventFilter(audience=Readers.COORDINATORS, kind=kind, limit=1000))
    ]
    return tuple(
        Fixed(event.id, Span(event.starts_at, event.ends_at), str(event.title))
        for event in found
        if event.status in CERTAIN and event.starts_at is not None and event.ends_at is not None
    )


def entries_of(snapshot: Snapshot) -> tuple[TimetableEntry, ...]:
    """The draft board as it would be published, by time and room."""
    entries = (
        _entry(snapshot.proposals[placement.proposal_id], snapshot, placement.room_id, placement.slot_id)
        for placement in snapshot.placements
    )
    return tuple(sorted(entries, key=lambda entry: (entry.span.starts_at, entry.room_id)))


def _entry(proposal: Proposal, snapshot: Snapshot, room_id: str, slot_id: str) -> TimetableEntry:
    room, slot = snapshot.rooms[room_id], snapshot.slots[slot_id]
    return TimetableEntry(
        proposal_id=proposal.id,
        event_id=proposal.event_id or f"side-event-{proposal.id[-12:]}",
        title=proposal.title,
        working_group=proposal.working_group,
        room_id=room.id,
        room_title=room.title,
        city=room.city,
        slot_id=slot.id,
        span=slot.span,
        time_zone=slot.time_zone,
    )
