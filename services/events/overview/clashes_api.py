"""Routes of clashes: people who are registered for events that overlap. None of them shows a name."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify

from services.events.event.model import EventKind
from services.events.event.service import EventsContext
from services.events.fields import slug_field
from services.events.http import (
    READERS,
    REFUSED,
    counted_list,
    group_fields,
    groups_answer,
    requested_groups,
    sort_field,
    total_field,
    with_refusals,
)
from services.events.known_values import require_known_values
from services.events.overview.store import (
    CLASH_GROUPS,
    CLASH_SORTS,
    STARTS,
    Clash,
    ClashFilter,
    count_clash_groups,
    count_clashes,
    select_clashes,
)
from shared.http.access import needs_all_forms, require_recent_beyond_a_page
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.request_data import Blueprint
from shared.runtime.clock import parse_rfc3339, rfc3339
from shared.runtime.schema_fields import one_of_field

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
        format="iso", required=True, metadata={"description": "Start of the overlap, in UTC"}
    )
    ends_at = ma.fields.AwareDateTime(
        format="iso", required=True, metadata={"description": "End of the overlap, in UTC"}
    )


class ClashFilters(PageArguments):
    """Filters of the list of clashes; a clash must fit all that are given."""

    registration = ma.fields.UUID(metadata={"description": "Only clashes of the person of this registration"})
    person_ref = ma.fields.String(
        validate=ma.validate.Regexp("^[0-9a-f]{64}$"), metadata={"description": "Only clashes of this person"}
    )
    event = slug_field("Only clashes with this event")
    kind = one_of_field(EventKind, metadata={"description": "Only clashes of two events of this kind"})
    working_group = slug_field("Only clashes of people of this working group")
    sort = sort_field(CLASH_SORTS, STARTS)
    total = total_field()


ClashArguments = ClashFilters.from_dict(group_fields(tuple(CLASH_GROUPS)), name="ClashArguments")


ClashListSchema = counted_list(ClashSchema, "ClashListSchema")


def clashes_blueprint(context: EventsContext) -> Any:
    """``/v1/clashes``."""
    about = "People who are registered for events that overlap"
    blueprint = Blueprint("clashes", __name__, url_prefix="/v1/clashes", description=about)
    _add_clash_list(blueprint, context)
    return blueprint


def _add_clash_list(blueprint: Any, context: EventsContext) -> None:
    @blueprint.get("")
    @blueprint.arguments(ClashArguments, location="query")
    @blueprint.response(200, ClashListSchema)
    @with_refusals(blueprint, s400="The cursor is invalid", **REFUSED)
    @needs_all_forms(*READERS)
    def list_them(query: dict[str, Any]) -> Response:
        """Pairs of registrations of one person for events that overlap; with `group_by`, only their numbers."""
        require_known_values(context.work, query)
        wanted = _clash_filter(query)
        names = requested_groups(query, tuple(CLASH_GROUPS))
        if not names:
            require_recent_beyond_a_page(query["cursor"], query["limit"])
        with context.work.transaction() as connection:
            total = count_clashes(connection, wanted) if query["total"] else None
            groups = count_clash_groups(connection, wanted, names, query["at_least"]) if names else []
            found = [] if names else select_clashes(connection, wanted)
        if names:
            return groups_answer("clashes", names, groups, None if total is None else lambda: total)
        page = page_of(found, query["limit"], _position)
        content = {"items": ClashSchema(many=True).dump(page.items), "next": page.next}
        return jsonify(content | ({} if total is None else {"total": total}))


def _clash_filter(query: dict[str, Any]) -> ClashFilter:
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
    return rfc3339(parse_rfc3339(begins)), str(UUID(first)), str(UUID(second))
