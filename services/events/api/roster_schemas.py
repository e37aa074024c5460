"""Shapes of the answers about who comes, for checking and for the OpenAPI document. Nobody's name is in them."""

from typing import Any

import marshmallow as ma

from services.events.api.change_schemas import slug_field, text_field
from services.events.api.grouping import counted_list, group_fields, sort_field, total_field
from services.events.store.roster import ARRIVAL, GROUPS, SORTS
from shared.contracts.registration import FORM_KINDS
from shared.web.paging import PageArguments

STATUSES = ("confirmed", "waitlisted", "cancelled")
"""Those that are listed. Others do not reach this service."""


class GroupCoverageSchema(ma.Schema):
    """One working group that is asked to an event."""

    id = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    representatives = ma.fields.Integer(required=True, metadata={"description": "Representatives who have a seat"})
    waiting = ma.fields.Integer(required=True, metadata={"description": "Representatives on the waiting list"})
    last_mail_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        required=True,
        metadata={"description": "When the last bulletin was sent to a member of the group; null if never"},
    )


class CoverageSchema(ma.Schema):
    """Which of the asked working groups have a representative, and which have none."""

    event = ma.fields.String(required=True, metadata={"description": "Id of the event"})
    covered = ma.fields.List(ma.fields.Nested(GroupCoverageSchema), required=True)
    missing = ma.fields.List(ma.fields.Nested(GroupCoverageSchema), required=True)


class CountsSchema(ma.Schema):
    """Registrations that are attendance of an event, by status; interest and membership of a group are none."""

    event = ma.fields.String(required=True, metadata={"description": "Id of the event"})
    confirmed = ma.fields.Integer(required=True)
    waitlisted = ma.fields.Integer(required=True)
    cancelled = ma.fields.Integer(required=True)


class RosterLineSchema(ma.Schema):
    """One registration, without name or address: those are kept by the registration service."""

    registration_id = ma.fields.String(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(STATUSES))
    revision = ma.fields.Integer(required=True)
    form = ma.fields.String(required=True)
    form_kind = ma.fields.String(required=True)
    person_ref = ma.fields.String(
        required=True, metadata={"description": "The same for all registrations of one person; reveals nothing else"}
    )
    working_group = ma.fields.String(allow_none=True, required=True)
    representative = ma.fields.Boolean(required=True, metadata={"description": "Comes for the working group"})
    organisation_id = ma.fields.String(allow_none=True, required=True)
    country = ma.fields.String(allow_none=True, required=True, metadata={"description": "ISO 3166 alpha-2"})
    mode = ma.fields.String(allow_none=True, required=True, metadata={"description": "`online` or `in_person`"})
    language = ma.fields.String(required=True, metadata={"description": "BCP 47"})
    partner = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "Partner through whose page it came"}
    )
    position = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Position on the waiting list, as last reported"}
    )
    attend = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "Event that all people on this form should attend too"}
    )
    occurred_at = ma.fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "When it came to this status"}
    )


class ChosenRosterLineSchema(RosterLineSchema):
    """What `fields` chooses of a registration; all of it by default."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})


_LINE_FIELD = f"({'|'.join(RosterLineSchema().fields)})"


class RosterFilters(PageArguments):
    """Filters of a roster; a registration must fit all that are given."""

    status = ma.fields.String(
        validate=ma.validate.OneOf(STATUSES),
        metadata={"description": "Only registrations with this status"},
    )
    form_kind = ma.fields.String(
        validate=ma.validate.OneOf(FORM_KINDS),
        metadata={
            "description": "Only registrations on this kind of form; otherwise all registrations that mean attendance"
        },
    )
    form = slug_field("Only registrations on the form with this slug")
    working_group = slug_field("Only registrations with this working group")
    representative = ma.fields.Boolean(metadata={"description": "Whether they come for their working group"})
    organisation_id = text_field(36, "Only registrations of this organisation")
    country = ma.fields.String(validate=ma.validate.Regexp("^[A-Z]{2}$"), metadata={"description": "ISO 3166 alpha-2"})
    mode = ma.fields.String(validate=ma.validate.OneOf(["online", "in_person"]))
    language = text_field(35, "BCP 47")
    partner = slug_field("Only registrations through the pages of this partner")
    attend = slug_field("Only registrations that should attend this event too")
    columns = ma.fields.String(
        data_key="fields",
        validate=[
            ma.validate.Length(max=500),
            ma.validate.Regexp(f"^{_LINE_FIELD}(,{_LINE_FIELD})*$", error="no such field"),
        ],
        metadata={"description": "Only these fields, separated by commas; `registration_id` always comes with them"},
    )
    sort = sort_field(SORTS, ARRIVAL)
    total = total_field()


RosterArguments = RosterFilters.from_dict(group_fields(tuple(GROUPS)), name="RosterArguments")
RosterSchema = counted_list(ChosenRosterLineSchema, "RosterSchema")
