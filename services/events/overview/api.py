"""Routes of the overview, coverage of working groups, clashes, and one person's data. None of them shows a name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import marshmallow as ma
from sqlalchemy import Connection

from services.events.attendance.model import asked_of
from services.events.attendance.numbers import last_mails
from services.events.attendance.store import Representatives, representatives_by_event
from services.events.event.model import Event, EventKind, EventStatus, Readers
from services.events.event.service import EventsContext
from services.events.event.store import EventFilter, select_events
from services.events.fields import fields_of, slug_field
from services.events.http import (
    INTERNAL_READERS,
    READERS,
    number_by_name,
    require_one_of,
)
from services.events.network.consultations import ConsultationTotalSchema
from services.events.network.store import all_working_groups
from services.events.overview.service import EventLine, show_overview
from services.events.setup.api import Query, QuestionList
from services.events.setup.kinds import Listing, Values, shown_text
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import needs_all_forms
from shared.http.problems import MEDIA_TYPE as PROBLEM
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.i18n.languages import Text
from shared.runtime.schema_fields import one_of_field

MAX_EVENTS = 5000
_NO_REPRESENTATIVES = Representatives()


class OverviewArguments(ma.Schema):
    """Query of the overview."""

    travellers_not_in = slug_field(
        "Travellers missing at the event with this id; if left out, at the event that their form asks them to attend"
    )
    internal = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Numbers of internal events instead; only for coordinators and operators"},
    )


class EventNumbersSchema(ma.Schema):
    """One event that is not over, with its registrations."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf([str(status) for status in EventStatus]))
    confirmed = ma.fields.Integer(required=True)
    waitlisted = ma.fields.Integer(required=True)
    cancelled = ma.fields.Integer(required=True)


class GroupNumbersSchema(ma.Schema):
    """One working group."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    members = ma.fields.Integer(required=True, metadata={"description": "Distinct members"})
    members_without_mail = ma.fields.Integer(
        required=True, metadata={"description": "Members who got no bulletin this month (UTC)"}
    )
    representatives = number_by_name("Representatives with a seat or on the waiting list, by event")
    last_mail_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        required=True,
        metadata={"description": "When the last bulletin went to the group; automatic mail does not count"},
    )
    mailed_this_month = ma.fields.Boolean(
        required=True, metadata={"description": "Whether that was in this month (UTC)"}
    )
    last_contact_on = ma.fields.Date(
        allow_none=True,
        required=True,
        metadata={"description": "Day of the last call, meeting or mail that a coordinator noted"},
    )
    contacted_this_month = ma.fields.Boolean(
        required=True,
        metadata={"description": "Whether the last bulletin, or the last noted contact, was in this month (UTC)"},
    )


class MissingSchema(ma.Schema):
    """Travellers who are not where they should be."""

    event = ma.fields.String(required=True)
    people = ma.fields.Integer(required=True)


class TravellersSchema(ma.Schema):
    """People on the delegation's form."""

    people = ma.fields.Integer(required=True, metadata={"description": "Distinct people"})
    not_in = ma.fields.List(ma.fields.Nested(MissingSchema), required=True)


class OverviewSchema(ma.Schema):
    """All numbers at one instant."""

    events = ma.fields.List(ma.fields.Nested(EventNumbersSchema), required=True)
    by_form_kind = number_by_name("Live registrations by kind of form")
    by_partner = number_by_name("Live registrations by the partner whose page they came through")
    by_country = number_by_name("Live registrations by country (ISO 3166 alpha-2), where given")
    by_day = number_by_name("Live registrations by day of registration (UTC)")
    travellers = ma.fields.Nested(TravellersSchema, required=True)
    working_groups = ma.fields.List(ma.fields.Nested(GroupNumbersSchema), required=True)
    consultations = ma.fields.List(ma.fields.Nested(ConsultationTotalSchema), required=True)


def overview_blueprint(context: EventsContext) -> Any:
    """``/v1/overview``."""
    blueprint = Blueprint("overview", __name__, url_prefix="/v1", description="All numbers, read at the same time")

    @blueprint.get("/overview")
    @blueprint.arguments(OverviewArguments, location="query")
    @blueprint.response(200, OverviewSchema)
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="No key")
    @blueprint.alt_response(
        403, schema=ProblemSchema, content_type=PROBLEM, description="The key's roles or forms forbid it"
    )
    @needs_all_forms(*READERS, "operator")
    def overview(query: dict[str, Any]) -> dict[str, Any]:
        """Totals by event, form, partner, country, day and group; missing travellers; totals of consultations."""
        internal = query["internal"]
        require_one_of(*(INTERNAL_READERS if internal else READERS))
        found = show_overview(context.work, context.clock, query.get("travellers_not_in"), internal=internal)
        return {
            "events": [_event(line) for line in found.events],
            "by_form_kind": found.by_form_kind,
            "by_partner": found.by_partner,
            "by_country": found.by_country,
            "by_day": found.by_day,
            "travellers": {"people": found.travellers, "not_in": found.missing},
            "working_groups": found.groups,
            "consultations": found.consultations,
        }

    return blueprint


def _event(line: EventLine) -> dict[str, Any]:
    event = line.event
    return {"id": event.id, "title": event.title, "status": event.status} | asdict(line.counts)


def coverage_list(work: UnitOfWork) -> QuestionList:
    """``/v1/coverage``."""

    def rows(query: Query) -> Sequence[Values]:
        with work.transaction() as connection:
            return list(_coverage_rows(connection, query.get("event")))

    return QuestionList(
        work=work,
        name="coverage-line",
        part="coverage",
        about="Working groups invited to events, and whether a representative is registered.",
        listing=Listing(
            filters=("event", "working_group", "covered", "event_kind", "event_status"),
            searched=("event_title", "group_title"),
            sorts=("starts_at", "event", "working_group", "representatives", "waiting", "last_mail_at"),
            groups=("event", "working_group", "covered", "event_kind", "event_status"),
            sums=("representatives", "waiting"),
            day="starts_at",
        ),
        shown=fields_of(
            event=ma.fields.String(),
            event_title=shown_text(200),
            event_kind=one_of_field(EventKind),
            event_status=one_of_field(EventStatus),
            starts_at=ma.fields.AwareDateTime(format="iso", allow_none=True),
            working_group=ma.fields.String(),
            group_title=shown_text(200),
            covered=ma.fields.Boolean(
                metadata={"description": "A representative has a seat or is on the waiting list"}
            ),
            representatives=ma.fields.Integer(metadata={"description": "Representatives who have a seat"}),
            waiting=ma.fields.Integer(metadata={"description": "Representatives on the waiting list"}),
            last_mail_at=ma.fields.AwareDateTime(
                format="iso", allow_none=True, metadata={"description": "Of the last bulletin to a member of the group"}
            ),
        ),
        rows=rows,
    )


def _coverage_rows(connection: Connection, event_id: str | None) -> Iterator[Values]:
    among = None if event_id is None else frozenset({event_id})
    wanted = EventFilter(audience=Readers.COORDINATORS, among=among, limit=MAX_EVENTS)
    groups = {group.id: group for group in all_working_groups(connection)}
    active = [group.id for group in groups.values() if group.active]
    present = representatives_by_event(connection, event_id)
    mailed_at = last_mails(connection)
    for event in select_events(connection, wanted):
        for group in sorted(asked_of(event.asked_groups, active)):
            title = groups[group].title if group in groups else Text.of(group)
            found = present.get(event.id, {}).get(group)
            yield _coverage_row(event, group, title, found) | {"last_mail_at": mailed_at.get(group)}


def _coverage_row(event: Event, group: str, title: Text, present: Representatives | None) -> dict[str, Any]:
    coming: Mapping[str, Any] = {
        "covered": present is not None,
        "representatives": (present or _NO_REPRESENTATIVES).confirmed,
        "waiting": (present or _NO_REPRESENTATIVES).waitlisted,
    }
    return {
        "id": f"{event.id}.{group}",
        "event": event.id,
        "event_title": event.title,
        "event_kind": event.kind,
        "event_status": event.status,
        "starts_at": event.starts_at,
        "working_group": group,
        "group_title": title,
        **coming,
    }
