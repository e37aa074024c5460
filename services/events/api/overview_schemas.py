"""Shapes of the overview, for checking and for the OpenAPI document. Nobody's name is in it."""

from typing import Any

import marshmallow as ma

from services.events.api.change_schemas import slug_field
from services.events.domain.event import EventStatus
from services.events.domain.network import HostKind


class OverviewArguments(ma.Schema):
    """Query of the overview."""

    travellers_not_in = slug_field(
        "Miss travellers at the event with this id; without it at the event that their own form asks them to attend"
    )
    internal = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Numbers of the system's own events instead; only for coordinators and operators"},
    )


def _numbers(description: str) -> Any:
    return ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True, metadata={"description": description}
    )


class ConsultationTotalSchema(ma.Schema):
    """Sums over all consultations with one kind of host. A host that is named counts once."""

    host_kind = ma.fields.String(required=True, validate=ma.validate.OneOf([str(kind) for kind in HostKind]))
    hosts = ma.fields.Integer(required=True)
    presentations = ma.fields.Integer(required=True)


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
    members = ma.fields.Integer(required=True, metadata={"description": "Distinct people who joined it"})
    members_without_mail = ma.fields.Integer(
        required=True, metadata={"description": "Of them, those who got no bulletin this month (UTC)"}
    )
    representatives = _numbers("Representatives with a seat or on the waiting list, by event")
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
    """All numbers at one moment."""

    events = ma.fields.List(ma.fields.Nested(EventNumbersSchema), required=True)
    by_form_kind = _numbers("Live registrations by kind of form")
    by_partner = _numbers("Live registrations by the partner whose page they came through")
    by_country = _numbers("Live registrations by country (ISO 3166 alpha-2), where given")
    by_day = _numbers("Live registrations by day of registration (UTC)")
    travellers = ma.fields.Nested(TravellersSchema, required=True)
    working_groups = ma.fields.List(ma.fields.Nested(GroupNumbersSchema), required=True)
    consultations = ma.fields.List(ma.fields.Nested(ConsultationTotalSchema), required=True)
