"""Who speaks at which side event: a row for each speaker of each proposal. Names are for coordinators alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import marshmallow as ma

from services.events.api.change_schemas import one_of_field
from services.events.api.proposals import NAMED_FOR
from services.events.domain.event import Event
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.questions.lists import QuestionList
from services.events.setup.kinds import Listing
from services.events.setup.schemas import fields_of
from services.events.store import events, proposals
from services.events.store.events import Audience, EventFilter
from services.events.usecases.list_proposals import opened_names
from services.events.usecases.side_tools import SideTools
from shared.store.deeds import Deed, note_deed
from shared.web.access import holder
from shared.web.browser_session import require_recent_sign_in

MAX_EVENTS = 5000
LIVE = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED, ProposalStatus.SCHEDULED)
"""Statuses of what may still take place."""


@dataclass(frozen=True, slots=True)
class SideEvent:
    """A side event, proposed or scheduled.

    Attributes:
        proposal: of it.
        event: once it was in a published timetable.
        speakers: reference and name of each; the name is None where it is not to be seen or no key opens it.
    """

    proposal: Proposal
    event: Event | None
    speakers: Sequence[tuple[str, str | None]]

    @property
    def names(self) -> list[str | None]:
        """Of its speakers."""
        return [name for _, name in self.speakers]

    @property
    def ends_at(self) -> datetime | None:
        """When it is over; None while it has no date."""
        return None if self.event is None else self.event.ends_at or self.event.starts_at


def list_side_events(tools: SideTools) -> list[SideEvent]:
    """Side events that may still take place or took place, by their start; names for coordinators alone.

    Raises:
        Unavailable: the database is away.
    """
    named = NAMED_FOR in holder().roles
    with tools.work.transaction() as connection:
        found = proposals.with_status(connection, LIVE)
        ids = frozenset(one.event_id for one in found if one.event_id)
        wanted = EventFilter(audience=Audience.COORDINATORS, among=ids, limit=MAX_EVENTS)
        known = {event.id: event for event in events.select(connection, wanted)}
    side_events = [_side_event(tools, one, known.get(one.event_id or ""), named=named) for one in found]
    return sorted(side_events, key=lambda one: (one.ends_at is None, one.ends_at, one.proposal.id))


def _side_event(tools: SideTools, proposal: Proposal, event: Event | None, *, named: bool) -> SideEvent:
    known = opened_names(tools.keys, proposal) if named else None
    return SideEvent(proposal, event, [(one, None) for one in proposal.speakers] if known is None else [*known.items()])


def note_names_taken(tools: SideTools) -> None:
    """Write into the audit log that somebody takes the names of speakers away as a file."""
    with tools.work.transaction() as connection:
        note_deed(connection, Deed(holder().name, "file-taken", "speakers", ""), tools.clock())


def speakers_list(tools: SideTools) -> QuestionList:
    """``/v1/speakers``."""

    def taken() -> None:
        require_recent_sign_in()
        note_names_taken(tools)

    return QuestionList(
        name="speaker",
        part="speakers",
        about="Speakers of side events, proposed or scheduled; one row per speaker and side event.",
        listing=Listing(
            filters=("event", "proposal", "speaker", "status", "working_group", "organisation"),
            searched=("name", "title", "organisation"),
            sorts=("starts_at", "name", "title", "status"),
            groups=("speaker", "name", "event", "status", "working_group", "organisation"),
            day="starts_at",
        ),
        shown=fields_of(
            speaker=ma.fields.String(metadata={"description": "The same for the same person; does not identify them"}),
            name=ma.fields.String(allow_none=True, metadata={"description": "For coordinators; null for viewers"}),
            proposal=ma.fields.String(),
            event=ma.fields.String(allow_none=True, metadata={"description": "Once it was in a published timetable"}),
            title=ma.fields.String(),
            status=one_of_field(ProposalStatus),
            working_group=ma.fields.String(allow_none=True),
            organisation=ma.fields.String(allow_none=True),
            starts_at=ma.fields.AwareDateTime(format="iso", allow_none=True),
            place=ma.fields.String(allow_none=True),
        ),
        rows=lambda _query: [row for one in list_side_events(tools) for row in _rows(one)],
        taken=taken,
    )


def _rows(one: SideEvent) -> Iterator[dict[str, Any]]:
    proposal, event = one.proposal, one.event
    for number, (speaker, name) in enumerate(one.speakers):
        yield {
            "id": f"{proposal.id}.{number}",
            "speaker": speaker,
            "name": name,
            "proposal": proposal.id,
            "event": proposal.event_id,
            "title": proposal.title,
            "status": proposal.status,
            "working_group": proposal.working_group,
            "organisation": proposal.organisation,
            "starts_at": event and event.starts_at,
            "place": event and event.place,
        }
