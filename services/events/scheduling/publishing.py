"""Publishes the draft board as the next version.

Publishing creates side events and notifies those who have a new place, once. Proposers whose place is unchanged are not
notified, and manual changes to their side event are kept. A side event that has lost its place has no date.

Locks are taken in one order: the board, the proposals, the events, each by id; all other code uses the same order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from services.events.event.lifecycle import PublishedChange, cancel, is_over, merge_loaded, postpone
from services.events.event.model import PUBLISHED, Event, EventKind, EventStatus, Mode
from services.events.event.service import record_change
from services.events.event.store import lock_event, save_event
from services.events.network.messages import event_message
from services.events.scheduling.model import (
    TimetableDifference,
    TimetableEntry,
    difference,
)
from services.events.scheduling.snapshot import Snapshot, entries_of, read_snapshot
from services.events.scheduling.store import TimetableVersion, insert_version, read_newest_version
from services.events.side_events.model import Proposal, ProposalStatus, ReviewAction, become
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.service import sealed_decision
from services.events.side_events.store import (
    ReviewStep,
    lock_proposal,
    lock_proposals,
    save_revision,
)
from services.events.venue.store import all_placements, lock_board
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import DEFAULT, Text, named_language
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError


@dataclass(frozen=True, slots=True)
class PublishedTimetable:
    """The new version and what it changed."""

    version: TimetableVersion
    difference: TimetableDifference


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication in progress: the new and the old version, and the side events of both (None: not created yet)."""

    snapshot: Snapshot
    before: Mapping[str, TimetableEntry]
    events: Mapping[str, Event | None]
    version: TimetableVersion
    changed: TimetableDifference

    def same_place(self, entry: TimetableEntry) -> bool:
        """Whether the version in force has it in the same place at the same time."""
        before = self.before.get(entry.proposal_id)
        if before is None or str(before.room_title) != str(entry.room_title):
            return False
        group, room = entry.working_group, entry.room_title
        return replace(before, title=entry.title, working_group=group, room_title=room) == entry

    def is_refused(self, entry: TimetableEntry) -> bool:
        """Whether its event keeps the timetable from being published.

        A cancelled event is in no timetable; a held one stays where it was.
        """
        event = self.events[entry.event_id]
        if event is None or event.status is not EventStatus.HELD:
            return event is not None and event.status is EventStatus.CANCELLED
        return not self.same_place(entry)

    def event_of(self, entry: TimetableEntry) -> tuple[Event, PublishedChange]:
        """The event of an entry as it is afterwards, and the change to publish."""
        old, proposal = self.events[entry.event_id], self.snapshot.proposals[entry.proposal_id]
        stays = old is not None and self.same_place(entry)
        return merge_loaded(
            old, _with_proposal_text(entry, proposal, old) if old and stays else _event(entry, proposal, old)
        )


def publish_schedule(
    work: UnitOfWork, clock: Clock, keys: ProposalKeys, by: str, seen: int | None
) -> PublishedTimetable:
    """Publish the draft board as the next version.

    Args:
        by: who publishes, for the record.
        seen: the board's revision that was read; None for any.

    Raises:
        DomainError: ``edit-conflict``; ``schedule-conflicts``; ``schedule-unchanged``, it would be the same again;
            ``event-cancelled``, a side event was cancelled manually: revive it, or take it from the board.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        current = lock_board(connection)
        if seen is not None and seen != current:
            raise DomainError("edit-conflict", "the timetable was changed after you read it: read it again")
        old = read_newest_version(connection)
        snapshot = _locked_snapshot(connection, old.entries if old else ())
        if conflicts := snapshot.conflicts:
            raise DomainError("schedule-conflicts", f"resolve {len(conflicts)} conflicts first")
        before, after = old.entries if old else (), entries_of(snapshot)
        if before == after:
            raise DomainError("schedule-unchanged", "this timetable has already been published")
        version = TimetableVersion(old.number + 1 if old else 1, clock(), by, after)
        changed = difference(before, after)
        publication = Publication(
            snapshot, by_proposal(before), _locked_events(connection, before + after), version, changed
        )
        outbox.add(connection, [*_publish_entries(connection, keys, publication)])
        outbox.add(connection, [*_remove_entries(connection, keys, publication)])
        insert_version(connection, version)
    return PublishedTimetable(version, changed)


def by_proposal(entries: Iterable[TimetableEntry]) -> Mapping[str, TimetableEntry]:
    return {entry.proposal_id: entry for entry in entries}


def loses_date(name: str, publication: Publication) -> bool:
    """Whether the event of a proposal that has lost its place is postponed or cancelled; past events stay."""
    event = publication.events[publication.before[name].event_id]
    if event is None or is_over(event, publication.version.published_at):
        return False
    return event.status in (EventStatus.TENTATIVE, EventStatus.CONFIRMED)


def _locked_snapshot(connection: Connection, before: tuple[TimetableEntry, ...]) -> Snapshot:
    """The board and its proposals, locked until the transaction ends."""
    placed = [placement.proposal_id for placement in all_placements(connection)]
    lock_proposals(connection, {*placed, *(entry.proposal_id for entry in before)})
    return read_snapshot(connection)


def _locked_events(connection: Connection, entries: tuple[TimetableEntry, ...]) -> Mapping[str, Event | None]:
    """The side events of ``entries`` as they are, by id; None where there is none yet."""
    return {name: lock_event(connection, name) for name in sorted({entry.event_id for entry in entries})}


def _publish_entries(connection: Connection, keys: ProposalKeys, publication: Publication) -> Iterator[Message]:
    """Events and proposals of the new version; the event is published before what refers to it."""
    version = publication.version
    for entry in version.entries:
        proposal = publication.snapshot.proposals[entry.proposal_id]
        yield from _publish_event(connection, entry, publication)
        if entry.proposal_id not in publication.changed.notified:
            continue
        scheduled = _scheduled(proposal, entry)
        reviewed = ReviewStep(ReviewAction.SCHEDULED, version.published_by, version.published_at)
        save_revision(connection, scheduled, reviewed)
        yield sealed_decision(keys, scheduled, version.published_at)


def _scheduled(proposal: Proposal, entry: TimetableEntry) -> Proposal:
    placed = replace(proposal, event_id=entry.event_id)
    if proposal.status is ProposalStatus.SCHEDULED:
        return replace(placed, revision=proposal.revision + 1)
    return become(placed, ProposalStatus.SCHEDULED)


def _publish_event(connection: Connection, entry: TimetableEntry, publication: Publication) -> Iterator[Message]:
    """Store and publish an event if it has changed."""
    old = publication.events[entry.event_id]
    if old is not None and publication.is_refused(entry):
        raise DomainError("event-cancelled", _refusal(old))
    event, change = publication.event_of(entry)
    if event == old:
        return
    _save(connection, old, event, publication.version)
    if change != "none":
        yield event_message(change, event, publication.version.published_at)


def _refusal(event: Event) -> str:
    if event.status is EventStatus.CANCELLED:
        return f"the side event “{event.title}” was cancelled: revive it, or remove it from the timetable"
    return f"the side event “{event.title}” was held: put it back to where it was held"


def _save(connection: Connection, old: Event | None, event: Event, version: TimetableVersion) -> None:
    save_event(connection, event, version.published_at)
    record_change(connection, PUBLISHED, version.published_by, old, event, version.published_at)


def _with_proposal_text(entry: TimetableEntry, proposal: Proposal, event: Event) -> Event:
    """The side event of an entry that has not moved: with the proposal's text in its own language."""
    own_language = named_language(proposal.language) or DEFAULT
    title, summary = event.title.having(own_language, entry.title), event.summary.having(own_language, proposal.summary)
    return replace(event, title=title, summary=summary)


def _event(entry: TimetableEntry, proposal: Proposal, old: Event | None) -> Event:
    """The side event of an entry; manual additions of coordinators stay."""
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
        _with_proposal_text(entry, proposal, base),
        status=EventStatus.CONFIRMED,
        starts_at=entry.span.starts_at,
        ends_at=entry.span.ends_at,
        time_zone=entry.time_zone,
        city=entry.city,
        place=str(entry.room_title),
    )


def _remove_entries(connection: Connection, keys: ProposalKeys, publication: Publication) -> Iterator[Message]:
    """Handle proposals that lost their place: the event loses its date, or is cancelled if the proposal was
    withdrawn or erased; the proposal is accepted again, and its proposer is notified. Past events stay as they are."""
    version = publication.version
    for name in publication.changed.removed:
        event = publication.events[publication.before[name].event_id]
        if is_over(event, version.published_at):
            continue
        proposal = lock_proposal(connection, name)
        if event is not None and loses_date(name, publication):
            withdrawn = proposal is None or proposal.status is ProposalStatus.WITHDRAWN
            ended = cancel(event) if withdrawn else postpone(event)
            _save(connection, event, ended, version)
            yield event_message("changed", ended, version.published_at)
        if proposal is not None and proposal.status is ProposalStatus.SCHEDULED:
            accepted = become(proposal, ProposalStatus.ACCEPTED)
            reviewed = ReviewStep(ReviewAction.ACCEPTED, version.published_by, version.published_at)
            save_revision(connection, accepted, reviewed)
            yield sealed_decision(keys, accepted, version.published_at)
