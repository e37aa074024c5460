"""All that a timetable is made of and judged by, read in one transaction."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from services.events.domain.event import EventKind, EventStatus
from services.events.domain.proposal import PLACEABLE, Proposal
from services.events.domain.room import Room
from services.events.domain.schedule import Placement, Slot, Span, day_span
from services.events.domain.schedule_conflicts import Conflict, Fixed, Placed, find_conflicts
from services.events.scheduling.problem import Problem, Request
from services.events.store import events, proposals, rooms, schedule_board, schedule_versions
from services.events.store.events import Audience, EventFilter
from services.events.store.schedule_versions import Version

FIXED_KINDS = (EventKind.REVIEW, EventKind.PRESS_CONFERENCE)
"""Kinds of event that no side event may overlap: everybody is there."""

CERTAIN = (EventStatus.TENTATIVE, EventStatus.CONFIRMED)
DEFAULT_ZONE = "Europe/Zurich"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Attributes:
    revision: of the board.
    rooms, slots: by id, slots in the order of time.
    proposals: that may be placed, by id.
    placements: the draft board.
    version: the timetable in force; None before the first.
    fixed: what nothing may overlap.
    """

    revision: int
    rooms: dict[str, Room]
    slots: dict[str, Slot]
    proposals: dict[str, Proposal]
    placements: tuple[Placement, ...]
    fixed: tuple[Fixed, ...]
    version: Version | None = None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What keeps the board from being published."""
        return find_conflicts([self._placed(placement) for placement in self.placements], self.fixed)

    @property
    def waiting(self) -> tuple[Proposal, ...]:
        """Accepted proposals without a place."""
        placed = {placement.proposal_id for placement in self.placements}
        return tuple(proposal for name, proposal in self.proposals.items() if name not in placed)

    @property
    def published(self) -> dict[str, Placement]:
        """Places in the timetable in force, by proposal; without rooms and slots that are gone."""
        return {
            entry.proposal_id: Placement(entry.proposal_id, entry.room_id, entry.slot_id)
            for entry in (self.version.entries if self.version else ())
            if entry.room_id in self.rooms and entry.slot_id in self.slots
        }

    def problem(self) -> Problem:
        """Return what the solver is to solve: pinned placements stay, published ones move only where they must."""
        drafted = {placement.proposal_id: placement for placement in self.placements}
        published = self.published
        requests = tuple(
            self._request(one, published.get(one.id), drafted.get(one.id)) for one in self.proposals.values()
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
        revision=schedule_board.revision(connection),
        rooms={room.id: room for room in rooms.all_rooms(connection)},
        slots={slot.id: slot for slot in rooms.all_slots(connection)},
        proposals={proposal.id: proposal for proposal in proposals.with_status(connection, PLACEABLE)},
        placements=tuple(schedule_board.all_placements(connection)),
        fixed=_fixed_events(connection),
        version=schedule_versions.newest(connection),
    )


def _fixed_events(connection: Connection) -> tuple[Fixed, ...]:
    found = [
        event
        for kind in FIXED_KINDS
        for event in events.select(connection, EventFilter(audience=Audience.COORDINATORS, kind=kind, limit=1000))
    ]
    return tuple(
        Fixed(event.id, Span(event.starts_at, event.ends_at), str(event.title))
        for event in found
        if event.status in CERTAIN and event.starts_at is not None and event.ends_at is not None
    )
