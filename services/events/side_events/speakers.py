"""The speakers of the side events, as a list and a page. Names are for coordinators only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, make_response, render_template, request

from services.events import console
from services.events.event.model import Event, Readers
from services.events.event.store import EventFilter, select_events
from services.events.fields import fields_of
from services.events.http import READERS
from services.events.known_values import require_known_values
from services.events.setup.api import QuestionList
from services.events.setup.kinds import Listing
from services.events.side_events import wording
from services.events.side_events.api import NAMED_FOR
from services.events.side_events.model import Proposal, ProposalStatus
from services.events.side_events.reading import SideEventsContext, opened_names
from services.events.side_events.store import proposals_with_status
from services.events.side_events.wording import STATUSES
from shared.console.frame import pages_blueprint
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page, require_recent_sign_in
from shared.http.headers import personal
from shared.http.lists import csv_answer
from shared.i18n.when import compact_instant
from shared.runtime.schema_fields import one_of_field
from shared.security.audit_log import AuditRecord, add_audit_record

MAX_EVENTS = 5000
LIVE = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED, ProposalStatus.SCHEDULED)
"""Statuses of what may still take place."""

COLUMNS = ("name", "side_event", "working_group", "organisation", "status", "starts_at", "place")


@dataclass(frozen=True, slots=True)
class SideEvent:
    """A side event, proposed or scheduled.

    Attributes:
        proposal: the proposal for the side event.
        event: the event, once it was in a published timetable.
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


def list_side_events(context: SideEventsContext) -> list[SideEvent]:
    """Side events that may still take place or took place, by their start; names for coordinators alone.

    Raises:
        Unavailable: the database is down.
    """
    named = NAMED_FOR in holder().roles
    with context.work.transaction() as connection:
        found = proposals_with_status(connection, LIVE)
        ids = frozenset(proposal.event_id for proposal in found if proposal.event_id)
        wanted = EventFilter(audience=Readers.COORDINATORS, among=ids, limit=MAX_EVENTS)
        known = {event.id: event for event in select_events(connection, wanted)}
    side_events = [
        _side_event(context, proposal, known.get(proposal.event_id or ""), named=named) for proposal in found
    ]
    return sorted(side_events, key=lambda one: (one.ends_at is None, one.ends_at, one.proposal.id))


def _side_event(context: SideEventsContext, proposal: Proposal, event: Event | None, *, named: bool) -> SideEvent:
    known = opened_names(context.keys, proposal) if named else None
    return SideEvent(
        proposal, event, [(speaker, None) for speaker in proposal.speakers] if known is None else [*known.items()]
    )


def record_names_taken(context: SideEventsContext) -> None:
    """Record in the audit log that the names of speakers are downloaded as a file."""
    with context.work.transaction() as connection:
        add_audit_record(connection, AuditRecord(holder().name, "file-taken", "speakers", ""), context.clock())


def speakers_list(context: SideEventsContext) -> QuestionList:
    """``/v1/speakers``."""

    def taken() -> None:
        require_recent_sign_in()
        record_names_taken(context)

    return QuestionList(
        work=context.work,
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
        rows=lambda _query: [row for side_event in list_side_events(context) for row in _rows(side_event)],
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


def speakers_console(context: SideEventsContext) -> Blueprint:
    """``/console/speakers`` and ``/console/speakers.csv``."""
    blueprint = pages_blueprint("speakers_console", __name__)
    blueprint.context_processor(lambda: {"words": wording, "wording": console})

    @blueprint.get("/speakers")
    @needs_all_forms(*READERS)
    def speakers_page() -> Response:
        side_events = _shown(context)
        require_recent_beyond_a_page("", sum(len(side_event.speakers) for side_event in side_events))
        page = render_template(
            "events/speakers.html",
            side_events=side_events,
            event=request.args.get("event", ""),
            everything=request.args.get("show") == "all",
            named=NAMED_FOR in holder().roles,
        )
        return personal(make_response(page))

    @blueprint.get("/speakers.csv")
    @needs_all_forms(NAMED_FOR)
    def speakers_file() -> Response:
        require_recent_sign_in()
        record_names_taken(context)
        return csv_answer(
            "speakers", COLUMNS, [row for side_event in _shown(context) for row in _file_rows(side_event)]
        )

    return blueprint


def _shown(context: SideEventsContext) -> list[SideEvent]:
    """Side events with speakers: the requested one, or those that are not over, or with ``show=all`` all."""
    event, everything = request.args.get("event", ""), request.args.get("show") == "all"
    require_known_values(context.work, {"event": event})
    found = [side_event for side_event in list_side_events(context) if side_event.proposal.speakers]
    if event:
        return [side_event for side_event in found if side_event.proposal.event_id == event]
    now = context.clock()
    return [side_event for side_event in found if everything or side_event.ends_at is None or side_event.ends_at >= now]


def _file_rows(one: SideEvent) -> list[list[object]]:
    proposal, event = one.proposal, one.event
    starts = compact_instant(event.starts_at) if event and event.starts_at else ""
    status = STATUSES[proposal.status][0]
    known = (proposal.title, proposal.working_group, proposal.organisation, status, starts, event and event.place)
    return [[name, *known] for name in one.names]
