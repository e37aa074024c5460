"""Who attends an event: numbers, and a roster without names. Names are kept by the registration service."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.events.attendance.service import count_roster, group_roster, list_roster, record_roster_taken
from services.events.attendance.store import (
    ARRIVAL,
    ROSTER_FILTERS,
    ROSTER_GROUPS,
    ROSTER_SORTS,
    Registered,
    RosterQuery,
)
from services.events.event.service import EventsContext, count_registrations
from services.events.fields import slug_field
from services.events.http import (
    READERS,
    counted_list,
    group_fields,
    groups_answer,
    read_id_position,
    requested_groups,
    sort_field,
    split_names,
    total_field,
    with_refusals,
)
from services.events.known_values import require_known_values
from shared.http.access import holder, needs, require_recent_beyond_a_page, require_recent_sign_in, require_touch
from shared.http.lists import MEDIA_TYPE, PageArguments, csv_answer, page_of, position_in, wants_csv
from shared.http.problems import MEDIA_TYPE as PROBLEM
from shared.http.problems import ProblemSchema
from shared.runtime.schema_fields import text_field
from shared.vocabulary.form_kinds import FORM_KINDS

STATUSES = ("confirmed", "waitlisted", "cancelled")
"""Statuses that are listed. Others do not reach this service."""

_REFUSED = {"s401": "No key", "s403": "The key's roles do not allow it", "s404": "No such event"}

CSV_CHUNK = 500
"""Rows read at once for a CSV file; between two chunks no transaction is open."""

Titles = Callable[[], Callable[[str, object], object]]
"""Reads titles; the returned function replaces ids in a field by titles."""


class CountsSchema(ma.Schema):
    """Registrations that mean attendance of an event, by status; interest and membership of a group do not."""

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
    representative = ma.fields.Boolean(required=True, metadata={"description": "Represents the working group"})
    organisation_id = ma.fields.String(allow_none=True, required=True)
    country = ma.fields.String(allow_none=True, required=True, metadata={"description": "ISO 3166 alpha-2"})
    mode = ma.fields.String(allow_none=True, required=True, metadata={"description": "`online` or `in_person`"})
    language = ma.fields.String(required=True, metadata={"description": "BCP 47"})
    partner = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "Partner whose page was used to register"}
    )
    position = ma.fields.Integer(
        allow_none=True, required=True, metadata={"description": "Position on the waiting list, as last reported"}
    )
    attend = ma.fields.String(
        allow_none=True, required=True, metadata={"description": "Event that all people on this form should attend too"}
    )
    occurred_at = ma.fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "When it reached this status"}
    )


class ChosenRosterLineSchema(RosterLineSchema):
    """The `fields` of a registration that were chosen; all by default."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})


_LINE_FIELD = f"({'|'.join(RosterLineSchema().fields)})"


class RosterFilters(PageArguments):
    """Filters of a roster; a registration must match all that are given."""

    status = ma.fields.String(
        validate=ma.validate.OneOf(STATUSES),
        metadata={"description": "Only registrations with this status"},
    )
    form_kind = ma.fields.String(
        validate=ma.validate.OneOf(tuple(FORM_KINDS)),
        metadata={
            "description": "Only registrations on this kind of form; otherwise all registrations that mean attendance"
        },
    )
    form = slug_field("Only registrations on the form with this slug")
    working_group = slug_field("Only registrations with this working group")
    representative = ma.fields.Boolean(metadata={"description": "Whether they represent their working group"})
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
    sort = sort_field(ROSTER_SORTS, ARRIVAL)
    total = total_field()


RosterArguments = RosterFilters.from_dict(group_fields(tuple(ROSTER_GROUPS)), name="RosterArguments")
RosterSchema = counted_list(ChosenRosterLineSchema, "RosterSchema")


def registration_position(registered: Registered) -> tuple[str]:
    """Position of a registration in a roster: its id."""
    return (registered.registration_id,)


_LINE = RosterLineSchema()
_COLUMNS = tuple(_LINE.fields)


def add_counts(blueprint: Any, context: EventsContext) -> None:
    """Add the counts of an event to the blueprint of ``/v1/events``."""

    @blueprint.get("/<event_id>/counts")
    @blueprint.response(200, CountsSchema)
    @with_refusals(blueprint, **_REFUSED)
    @needs(*READERS)
    def counts(event_id: str) -> dict[str, Any]:
        """Number of registrations of an event, by status."""
        require_touch(event_id)
        return {"event": event_id} | asdict(count_registrations(context.work, event_id))


def add_roster(blueprint: Any, context: EventsContext, titles: Titles) -> None:
    """Add the roster of an event to the blueprint of ``/v1/events``; a file has ``titles`` in place of ids."""

    @blueprint.get("/<event_id>/roster")
    @blueprint.arguments(RosterArguments, location="query")
    @blueprint.response(200, RosterSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.alt_response(400, schema=ProblemSchema, content_type=PROBLEM, description="The cursor is invalid")
    @with_refusals(blueprint, **_REFUSED)
    @needs(*READERS)
    def roster(query: dict[str, Any], event_id: str) -> Response:
        """Registrations in order of arrival, as CSV if `Accept` asks for it; names come from `/v1/registrations`.

        With `group_by`, only their numbers. A limited key sees those of its forms.
        """
        require_touch(event_id)
        require_known_values(context.work, query, holder().forms)
        wanted = _wanted(query, event_id)
        total = (lambda: count_roster(context.work, wanted)) if query["total"] else None
        if names := requested_groups(query, tuple(ROSTER_GROUPS)):
            groups = group_roster(context.work, wanted, names, query["at_least"])
            return groups_answer(f"roster-{event_id}", names, groups, total)
        columns = _columns(query.get("columns"))
        if wants_csv():
            require_recent_sign_in()
            rows = _rows(context, wanted, columns, titles)
            record_roster_taken(context.work, context.clock, holder().name, event_id)
            return csv_answer(f"roster-{event_id}", columns, rows)
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        page = page_of(list_roster(context.work, wanted), query["limit"], registration_position)
        lines = [{name: line[name] for name in columns} for line in _LINE.dump(page.items, many=True)]
        return jsonify({"items": lines, "next": page.next} | ({} if total is None else {"total": total()}))


def _wanted(query: dict[str, Any], event_id: str) -> RosterQuery:
    return RosterQuery(
        event_id,
        {name: query[name] for name in ROSTER_FILTERS if name in query},
        position_in(query["cursor"], 1, read_id_position),
        query["limit"] + 1,
        query.get("form_kind"),
        query["sort"],
        holder().forms,
    )


def _columns(asked: str | None) -> list[str]:
    """The requested columns in the order of the schema; the id is always included."""
    wanted = _COLUMNS if asked is None else split_names(asked)
    return [name for name in _COLUMNS if name in wanted or name == _COLUMNS[0]]


def _rows(
    context: EventsContext, wanted: RosterQuery, columns: Sequence[str], titles: Titles
) -> Iterator[list[object]]:
    """All registrations, chunk by chunk; the first is read before the answer begins, so that no event is a 404."""
    first = list_roster(context.work, replace(wanted, limit=CSV_CHUNK))
    title_of = titles()

    def each() -> Iterator[list[object]]:
        found = first
        while found:
            for registered in found:
                line = _LINE.dump(registered)
                yield [title_of(name, line[name]) for name in columns]
            found = list_roster(context.work, replace(wanted, after=found[-1].registration_id, limit=CSV_CHUNK))

    return each()
