"""Publish the draft board as the next version: side events come to be, and those who have a new place are told, once.

Who stays where they were is told nothing. Who has lost their place keeps an event without a date.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.event import Event, EventKind, EventStatus, Mode
from services.events.domain.lifecycle import cancel, postpone
from services.events.domain.merging import merge_loaded
from services.events.domain.proposal import Proposal, ProposalStatus, become
from services.events.domain.schedule_diff import Difference, Entry, difference
from services.events.outgoing import event_message
from services.events.outgoing_proposals import scheduled_message
from services.events.store import events, proposals, schedule_board, schedule_versions
from services.events.store.schedule_versions import Version
from services.events.usecases.proposal_keys import ProposalKeys
from services.events.usecases.schedule_snapshot import Snapshot, read_snapshot
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Published:
    """The new version and what it changed."""

    version: Version
    difference: Difference


def publish_schedule(work: UnitOfWork, clock: Clock, keys: ProposalKeys, by: str, seen: int | None = None) -> Published:
    """The draft board becomes the next version.

    Args:
        by: who publishes, for the record.
        seen: the board's revision that was looked at; None: whatever it is.

    Raises:
        DomainError: ``changed-meanwhile``; ``schedule-conflicts``; ``schedule-unchanged``, it would be the same again;
            ``event-cancelled``, a side event was cancelled by hand: revive it, or take it from the board.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        current = schedule_board.lock(connection)
        if seen is not None and seen != current:
            raise DomainError("changed-meanwhile", "the timetable was changed meanwhile: look at it again")
        snapshot, old = read_snapshot(connection), schedule_versions.newest(connection)
        if conflicts := snapshot.conflicts:
            raise DomainError("schedule-conflicts", f"{len(conflicts)} conflicts have to be solved first")
        before, after = old.entries if old else (), entries_of(snapshot)
        if before == after:
            raise DomainError("schedule-unchanged", "this timetable is published already")
        version = Version(old.number + 1 if old else 1, clock(), by, after)
        changed = difference(before, after)
        outbox.add(connection, [*_put_up(connection, keys, snapshot, version, changed)])
        outbox.add(connection, [*_taken_off(connection, before, changed, version)])
        schedule_versions.add(connection, version)
    return Published(version, changed)


def entries_of(snapshot: Snapshot) -> tuple[Entry, ...]:
    """The draft board as it would be published, by time and room."""
    entries = (
        _entry(snapshot.proposals[placement.proposal_id], snapshot, placement.room_id, placement.slot_id)
        for placement in snapshot.placements
    )
    return tuple(sorted(entries, key=lambda entry: (entry.span.starts_at, entry.room_id)))


def _entry(proposal: Proposal, snapshot: Snapshot, room_id: str, slot_id: str) -> Entry:
    room, slot = snapshot.rooms[room_id], snapshot.slots[slot_id]
    return Entry(
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


def _put_up(
    connection: Connection, keys: ProposalKeys, snapshot: Snapshot, version: Version, changed: Difference
) -> Iterator[Message]:
    """Events and proposals of the new version; the event is said before what refers to it."""
    for entry in version.entries:
        proposal = snapshot.proposals[entry.proposal_id]
        yield from _event_told(connection, entry, proposal, version.published_at)
        if entry.proposal_id not in changed.told:
            continue
        scheduled = _scheduled(proposal, entry)
        proposals.save(connection, scheduled, version.published_by, version.published_at)
        box = keys.sealed(proposals.contact_of(connection, proposal.id), scheduled)
        moved = proposal.event_id is not None
        yield scheduled_message(scheduled, box, version.published_at, entry, version=version.number, moved=moved)


def _scheduled(proposal: Proposal, entry: Entry) -> Proposal:
    placed = replace(proposal, event_id=entry.event_id)
    if proposal.status is ProposalStatus.SCHEDULED:
        return replace(placed, revision=proposal.revision + 1)
    return become(placed, ProposalStatus.SCHEDULED)


def _event_told(connection: Connection, entry: Entry, proposal: Proposal, at: datetime) -> Iterator[Message]:
    old = events.find(connection, entry.event_id)
    if old is not None and old.status in (EventStatus.CANCELLED, EventStatus.HELD):
        raise DomainError("event-cancelled", f"{entry.event_id} is {old.status}")
    event, change = merge_loaded(old, _event(entry, proposal, old))
    events.save(connection, event)
    if change != "none":
        yield event_message(change, event, at)


def _event(entry: Entry, proposal: Proposal, old: Event | None) -> Event:
    """The side event of an entry; what coordinators added to it by hand stays."""
    groups = () if entry.working_group is None else (entry.working_group,)
    base = old or Event(
        id=entry.event_id,
        kind=EventKind.SIDE_EVENT,
        title=entry.title,
        status=EventStatus.DRAFT,
        mode=Mode.IN_PERSON,
        time_zone=entry.time_zone,
        asked_groups=groups,
    )
    return replace(
        base,
        title=entry.title,
        summary=proposal.summary,
        status=EventStatus.CONFIRMED,
        starts_at=entry.span.starts_at,
        ends_at=entry.span.ends_at,
        time_zone=entry.time_zone,
        city=entry.city,
        place=entry.room_title,
    )


def _taken_off(
    connection: Connection, before: Iterable[Entry], changed: Difference, version: Version
) -> Iterator[Message]:
    """Whoever lost their place: the event has no date any more, or is cancelled if the proposal was withdrawn."""
    at = version.published_at
    for entry in before:
        if entry.proposal_id not in changed.removed:
            continue
        proposal = proposals.find_for_change(connection, entry.proposal_id)
        if proposal is not None and proposal.status is ProposalStatus.SCHEDULED:
            proposals.save(connection, become(proposal, ProposalStatus.ACCEPTED), version.published_by, at)
        event = events.find(connection, entry.event_id)
        if event is not None and event.status in (EventStatus.TENTATIVE, EventStatus.CONFIRMED):
            gone = proposal is not None and proposal.status is ProposalStatus.WITHDRAWN
            ended = cancel(event) if gone else postpone(event)
            events.save(connection, ended)
            yield event_message("changed", ended, at)
