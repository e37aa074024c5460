"""Whose events clash: pairs of live registrations of one person for events that overlap in time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from services.events.api.change_schemas import one_of_field, slug_field
from services.events.api.grouping import (
    counted_list,
    group_fields,
    groups_answer,
    groups_asked,
    sort_field,
    total_field,
)
from services.events.api.proposals import says
from services.events.api.tools import READERS, Tools
from services.events.domain.event import EventKind
from services.events.store import clashes
from services.events.store.clashes import GROUPS, SORTS, STARTS, Clash, ClashFilter
from shared.core.clock import parse_rfc3339, rfc3339
from shared.web.access import needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, page_of, position_in

_FILTERS = ("person_ref", "event", "kind", "working_group", "sort")


class ClashSchema(ma.Schema):
    """Two registrations of one person for events that overlap; names come from `/v1/registrations/{id}`."""

    id = ma.fields.String(required=True)
    person_ref = ma.fields.String(required=True, metadata={"description": "The same for the same person"})
    first = ma.fields.String(required=True, metadata={"description": "Id of the event that starts first"})
    second = ma.fields.String(required=True, metadata={"description": "Id of the other event"})
    registrations = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Ids of the two registrations, in this order"}
    )
    working_group = ma.fields.String(allow_none=True, required=True)
    starts_at = ma.fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "From when both are on, in UTC"}
    )
    ends_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "Until when both are on"})


class ClashFilters(PageArguments):
    """Filters of the list of clashes; a clash must fit all that are given."""

    registration = ma.fields.UUID(metadata={"description": "Only clashes of the person of this registration"})
    person_ref = ma.fields.String(
        validate=ma.validate.Regexp("^[0-9a-f]{64}$"), metadata={"description": "Only clashes of this person"}
    )
    event = slug_field("Only clashes with this event")
    kind = one_of_field(EventKind, metadata={"description": "Only clashes of two events of this kind"})
    working_group = slug_field("Only clashes of people of this working group")
    sort = sort_field(SORTS, STARTS)
    total = total_field()


ClashArguments = ClashFilters.from_dict(group_fields(tuple(GROUPS)), name="ClashArguments")
ClashListSchema = counted_list(ClashSchema, "ClashListSchema")


def clashes_blueprint(tools: Tools) -> Any:
    """``/v1/clashes``."""
    about = "People who are registered for events that overlap"
    blueprint = Blueprint("clashes", __name__, url_prefix="/v1/clashes", description=about)
    _add_list(blueprint, tools)
    return blueprint


def _add_list(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("")
    @blueprint.arguments(ClashArguments, location="query")
    @blueprint.response(200, ClashListSchema)
    @says(blueprint, s400="The cursor is invalid", s401="No key", s403="The key's roles or forms do not allow it")
    @needs_all_forms(*READERS)
    def list_them(query: dict[str, Any]) -> Response:
        """Pairs of registrations of one person for events that overlap; with `group_by` their numbers alone."""
        wanted = _wanted(query)
        names = groups_asked(query, tuple(GROUPS))
        with tools.work.transaction() as connection:
            total = clashes.count(connection, wanted) if query["total"] else None
            groups = clashes.count_groups(connection, wanted, names, query["at_least"]) if names else []
            found = [] if names else clashes.select(connection, wanted)
        if names:
            return groups_answer("clashes", names, groups, None if total is None else lambda: total)
        page = page_of(found, query["limit"], _position)
        content = {"items": ClashSchema(many=True).dump(page.items), "next": page.next}
        return jsonify(content | ({} if total is None else {"total": total}))


def _wanted(query: dict[str, Any]) -> ClashFilter:
    return ClashFilter(
        **{name: query[name] for name in _FILTERS if name in query},
        registration=str(query["registration"]) if "registration" in query else None,
        after=position_in(query["cursor"], 3, _read_position),
        limit=query["limit"] + 1,
    )


def _position(clash: Clash) -> tuple[str, str, str]:
    return (rfc3339(clash.starts_at), clash.registrations[0], clash.registrations[1])


def _read_position(parts: Sequence[str]) -> tuple[str, str, str]:
    begins, first, second = parts
    try:
        return rfc3339(parse_rfc3339(begins)), str(UUID(first)), str(UUID(second))
    except OverflowError:
        raise ValueError("not a moment") from None
