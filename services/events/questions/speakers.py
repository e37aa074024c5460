"""Who speaks at which side event: a row for each speaker of each proposal. Names are for coordinators alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.api.change_schemas import one_of_field
from services.events.api.proposals import NAMED_FOR
from services.events.domain.event import Event
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.questions.lists import Query, QuestionList
from services.events.setup.kinds import Listing, Values
from services.events.setup.schemas import fields_of
from services.events.store import events, proposals
from services.events.store.events import Audience, EventFilter
from services.events.usecases.list_proposals import ShownProposal, shown_proposal
from services.events.usecases.side_tools import SideTools
from shared.store.deeds import Deed, note_deed
from shared.web.access import holder
from shared.web.browser_session import require_recent_sign_in

MAX_EVENTS = 5000
LIVE = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED, ProposalStatus.SCHEDULED)
"""Statuses of what may still take place."""


def speakers_list(tools: SideTools) -> QuestionList:
    """``/v1/speakers``."""

    def rows(_query: Query) -> Sequence[Values]:
        named = NAMED_FOR in holder().roles
        with tools.work.transaction() as connection:
            found = proposals.with_status(connection, LIVE)
            known = _side_events(connection, found)
        return [row for one in found for row in _rows(shown_proposal(tools.keys, one), known, named=named)]

    def taken() -> None:
        require_recent_sign_in()
        with tools.work.transaction() as connection:
            note_deed(connection, Deed(holder().name, "file-taken", "speakers", ""), tools.clock())

    return QuestionList(
        name="speaker",
        part="speakers",
        about="Who speaks at which side event, proposed or scheduled; a row for each time that somebody speaks.",
        listing=Listing(
            filters=("event", "proposal", "speaker", "status", "working_group", "organisation"),
            searched=("name", "title", "organisation"),
            sorts=("starts_at", "name", "title", "status"),
            groups=("speaker", "name", "event", "status", "working_group", "organisation"),
            day="starts_at",
        ),
        shown=fields_of(
            speaker=ma.fields.String(metadata={"description": "The same for the same person; names nobody"}),
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
        rows=rows,
        taken=taken,
    )


def _side_events(connection: Connection, found: Sequence[Proposal]) -> Mapping[str, Event]:
    ids = frozenset(one.event_id for one in found if one.event_id)
    wanted = EventFilter(audience=Audience.COORDINATORS, among=ids, limit=MAX_EVENTS)
    return {event.id: event for event in events.select(connection, wanted)}


def _rows(shown: ShownProposal, known: Mapping[str, Event], *, named: bool) -> Iterator[dict[str, Any]]:
    proposal = shown.proposal
    event = known.get(proposal.event_id or "")
    names = shown.speakers if named and shown.speakers is not None else (None,) * len(proposal.speakers)
    for number, (speaker, name) in enumerate(zip(proposal.speakers, names, strict=False)):
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
