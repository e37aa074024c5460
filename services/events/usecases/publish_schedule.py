"""Publish the draft board as the next version: side events come to be, and those who have a new place are told, once.

Who stays where they were is told nothing, and what coordinators did to their side event by hand stays. Who has lost
their place keeps an event without a date.

Locks are taken in one order: the board, the proposals, the events, each by id; nobody else takes them in another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from services.events.domain.event import Event, EventKind, EventStatus, Mode
from services.events.domain.event_change import PUBLISHED
from services.events.domain.lifecycle import cancel, is_over, postpone
from services.events.domain.merging import merge_loaded
from services.events.domain.proposal import Proposal, ProposalStatus, become
from services.events.domain.proposal_history import ReviewAction
from services.events.domain.schedule_diff import Difference, Entry, difference
from services.events.outgoing import event_message
from services.events.store import events, proposals, schedule_board, schedule_versions
from services.events.store.proposals import Reviewed
from services.events.store.schedule_versions import Version
from services.events.usecases.decide_proposal import sealed_decision
from services.events.usecases.event_history import keep_change
from services.events.usecases.proposal_keys import ProposalKeys
from services.events.usecases.schedule_snapshot import Snapshot, read_snapshot
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.i18n.content import DEFAULT, Text
from shared.i18n.languages import named_language
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Published:
    """The new version and what it changed."""

    version: Version
    difference: Difference


@dataclass(frozen=True, slots=True)
class _Making:
    """What is being published: of what, instead of what, and the side events of both as they are (None: not yet)."""

    snapshot: Snapshot
    before: Mapping[str, Entry]
    events: Mapping[str, Event | None]
    version: Version
    changed: Difference

    def same_place(self, entry: Entry) -> bool:
        """Whether the version in force says the same of where and when it is."""
        before = self.before.get(entry.proposal_id)
        if before is None or str(before.room_title) != str(entry.room_title):
            return False
        group, room = entry.working_group, entry.room_title
        return replace(before, title=entry.title, working_group=group, room_title=room) == entry


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
            raise DomainError("changed-meanwhile", "the timetable was changed after you read it: read it again")
        old = schedule_versions.newest(connection)
        snapshot = _locked_snapshot(connection, old.entries if old else ())
        if conflicts := snapshot.conflicts:
            raise DomainError("schedule-conflicts", f"{len(conflicts)} conflicts have to be solved first")
        before, after = old.entries if old else (), entries_of(snapshot)
        if before == after:
            raise DomainError("schedule-unchanged", "this timetable is published already")
        version = Version(old.number + 1 if old else 1, clock(), by, after)
        changed = difference(before, after)
        by_proposal = {entry.proposal_id: entry for entry in before}
        making = _Making(snapshot, by_proposal, _locked_events(connection, before + after), version, changed)
        outbox.add(connection, [*_put_up(connection, keys, making)])
        outbox.add(connection, [*_taken_off(connection, keys, making)])
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


def _locked_snapshot(connection: Connection, before: tuple[Entry, ...]) -> Snapshot:
    """The board and what stands on it, as it stays until the transaction ends."""
    placed = [placement.proposal_id for placement in schedule_board.all_placements(connection)]
    proposals.lock_all(connection, {*placed, *(entry.proposal_id for entry in before)})
    return read_snapshot(connection)


def _locked_events(connection: Connection, entries: tuple[Entry, ...]) -> Mapping[str, Event | None]:
    """The side events of ``entries`` as they are, by id; None where there is none yet."""
    return {name: events.find_for_change(connection, name) for name in sorted({entry.event_id for entry in entries})}


def _put_up(connection: Connection, keys: ProposalKeys, making: _Making) -> Iterator[Message]:
    """Events and proposals of the new version; the event is said before what refers to it."""
    version = making.version
    for entry in version.entries:
        proposal = making.snapshot.proposals[entry.proposal_id]
        yield from _event_told(connection, entry, proposal, making)
        if entry.proposal_id not in making.changed.told:
            continue
        scheduled = _scheduled(proposal, entry)
        reviewed = Reviewed(ReviewAction.SCHEDULED, version.published_by, version.published_at)
        proposals.save(connection, scheduled, reviewed)
        yield sealed_decision(keys, scheduled, version.published_at)


def _scheduled(proposal: Proposal, entry: Entry) -> Proposal:
    placed = replace(proposal, event_id=entry.event_id)
    if proposal.status is ProposalStatus.SCHEDULED:
        return replace(placed, revision=proposal.revision + 1)
    return become(placed, ProposalStatus.SCHEDULED)


def _event_told(connection: Connection, entry: Entry, proposal: Proposal, making: _Making) -> Iterator[Message]:
    """Store and tell what is another; an event that is as it was is left alone."""
    old, stays = making.events[entry.event_id], making.same_place(entry)
    _refuse_ended(old, stays=stays)
    event, change = merge_loaded(old, _worded(entry, proposal, old) if old and stays else _event(entry, proposal, old))
    if event == old:
        return
    _keep(connection, old, event, making.version)
    if change != "none":
        yield event_message(change, event, making.version.published_at)


def _refuse_ended(event: Event | None, *, stays: bool) -> None:
    """A cancelled event stands in no timetable; a held one stays where it was."""
    if event is None:
        return
    if event.status is EventStatus.CANCELLED or (event.status is EventStatus.HELD and not stays):
        raise DomainError("event-cancelled", f"{event.id} is {event.status}")


def _keep(connection: Connection, old: Event | None, event: Event, version: Version) -> None:
    events.save(connection, event, version.published_at)
    keep_change(connection, PUBLISHED, version.published_by, old, event, version.published_at)


def _worded(entry: Entry, proposal: Proposal, event: Event) -> Event:
    """The side event of an entry that has not moved: what the proposal says of it in its own language."""
    spoken = named_language(proposal.language) or DEFAULT
    title, summary = event.title.having(spoken, entry.title), event.summary.having(spoken, proposal.summary)
    return replace(event, title=title, summary=summary)


def _event(entry: Entry, proposal: Proposal, old: Event | None) -> Event:
    """The side event of an entry; what coordinators added to it by hand stays."""
    groups = () if entry.working_group is None else (entry.working_group,)
    base = old or Event(
        id=entry.event_id,
        kind=EventKind.SIDE_EVENT,
        title=Text.of({named_language(proposal.language) or DEFAULT: entry.title}),
        status=EventStatus.DRAFT,
        mode=Mode.IN_PERSON,
        time_zone=entry.time_zone,
        asked_groups=groups,
    )
    return replace(
        _worded(entry, proposal, base),
        status=EventStatus.CONFIRMED,
        starts_at=entry.span.starts_at,
        ends_at=entry.span.ends_at,
        time_zone=entry.time_zone,
        city=entry.city,
        place=str(entry.room_title),
    )


def _taken_off(connection: Connection, keys: ProposalKeys, making: _Making) -> Iterator[Message]:
    """Whoever lost their place: the event has no date any more, or is cancelled if they withdrew or were erased; the
    proposal is accepted again, and its proposer is told. What took place already stays what it was."""
    version = making.version
    for name in making.changed.removed:
        event = making.events[making.before[name].event_id]
        if is_over(event, version.published_at):
            continue
        proposal = proposals.find_for_change(connection, name)
        if event is not None and event.status in (EventStatus.TENTATIVE, EventStatus.CONFIRMED):
            withdrawn = proposal is None or proposal.status is ProposalStatus.WITHDRAWN
            ended = cancel(event) if withdrawn else postpone(event)
            _keep(connection, event, ended, version)
            yield event_message("changed", ended, version.published_at)
        if proposal is not None and proposal.status is ProposalStatus.SCHEDULED:
            accepted = become(proposal, ProposalStatus.ACCEPTED)
            reviewed = Reviewed(ReviewAction.ACCEPTED, version.published_by, version.published_at)
            proposals.save(connection, accepted, reviewed)
            yield sealed_decision(keys, accepted, version.published_at)
