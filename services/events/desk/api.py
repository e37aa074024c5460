"""Routes that show events: to everyone, with drafts and meeting links to coordinators, and coverage of an event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, jsonify, request
from flask_smorest import abort

from services.events.desk.schemas import CoverageSchema, EventArguments, EventListSchema, EventSchema, SparseArguments
from services.events.event.model import Event, Readers, state_tag
from services.events.event.service import (
    EventsContext,
    count_events,
    event_place,
    group_events,
    list_events,
    read_event_key,
    show_event,
)
from services.events.event.store import BY_NUMBER, EVENT_GROUPS, EventFilter
from services.events.http import (
    READERS,
    audience,
    groups_answer,
    own_forms,
    requested_groups,
    require_counts,
    require_internal,
    with_refusals,
)
from services.events.known_values import require_known_values
from services.events.network.service import show_coverage, show_titles
from shared.http.access import may_touch, needs, public_or_key, require_touch
from shared.http.headers import conditional
from shared.http.lists import MEDIA_TYPE, csv_answer, page_of, position_in, wants_csv
from shared.http.problems import MEDIA_TYPE as PROBLEM
from shared.http.problems import ProblemSchema
from shared.runtime.clock import lower_bound, upper_bound

FOR_COORDINATORS = ("join_url", "internal_note", "internal")
"""Fields that the public never sees: anyone with the link could disturb a meeting."""

_SCHEMA = EventSchema()
ALL = tuple(_SCHEMA.fields)
PUBLIC = tuple(name for name in ALL if name not in FOR_COORDINATORS)

CSV_CHUNK = 2000
"""Rows read at once for a CSV file; between two chunks no transaction is open."""

_SAME_NAME = (
    *("kind", "series", "status", "mode", "working_group", "city", "internal", "missing_language"),
    *("limit", "sort"),
)

_REFUSED = {"s401": "No key", "s403": "The key's roles do not allow it", "s404": "No such event"}


def chosen_fields(asked: str | None, audience: Readers) -> Sequence[str]:
    """The fields to show: all that ``audience`` may see, or those of them that are ``asked`` for, with the id.

    An unknown field, or one that the audience may not see, ends the request with 422.
    """
    allowed = ALL if audience is Readers.COORDINATORS else PUBLIC
    if asked is None:
        return allowed
    names = set(asked.split(","))
    if unknown := sorted(names.difference(allowed)):
        abort(422, messages={"query": {"fields": [f"no such field: {', '.join(unknown)}"]}})
    return [name for name in allowed if name in names or name == "id"]


def shown(event: Event, names: Sequence[str]) -> dict[str, Any]:
    """The fields ``names`` of ``event`` as JSON has them."""
    zone = ZoneInfo(event.time_zone)
    local = {
        "starts_at_local": event.starts_at and event.starts_at.astimezone(zone),
        "ends_at_local": event.ends_at and event.ends_at.astimezone(zone),
    }
    content: dict[str, Any] = _SCHEMA.dump({name: getattr(event, name) for name in ALL if name not in local} | local)
    return {name: content[name] for name in names}


def add_events(blueprint: Any, context: EventsContext) -> None:
    """Add the public routes to the blueprint of ``/v1/events``."""
    _add_list(blueprint, context)
    _add_one(blueprint, context)


def _add_list(blueprint: Any, context: EventsContext) -> None:
    @blueprint.get("")
    @blueprint.arguments(EventArguments, location="query")
    @blueprint.response(200, EventListSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
    @blueprint.alt_response(400, schema=ProblemSchema, content_type=PROBLEM, description="The cursor is invalid")
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="The key is not valid")
    @blueprint.alt_response(
        403,
        schema=ProblemSchema,
        content_type=PROBLEM,
        description="Who asks for internal events, or an order by registrations",
    )
    @public_or_key
    def list_them(query: dict[str, Any]) -> Response:
        """Events by start, those without a date last; as CSV if `Accept` asks for it, then all pages in one.

        With `group_by`, only their numbers.
        """
        readers = _asked_by(query)
        own = own_forms(readers)
        names = chosen_fields(query.get("fields"), readers)
        require_known_values(context.work, query, own, is_public=readers is Readers.PUBLIC)
        wanted = filter_of(query, readers)
        if groups := requested_groups(query, tuple(EVENT_GROUPS)):
            return _for(readers, _counts(context, wanted, query, groups))
        if wants_csv():
            titles = show_titles(context.work)
            lines = (_shown(event, names, own) for event in _each(context, wanted))
            rows = ([titles.of(name, line.get(name)) for name in names] for line in lines)
            return _for(readers, csv_answer("events", list(names), rows))
        found = list_events(context.work, replace(wanted, limit=wanted.limit + 1))
        page = page_of(found, wanted.limit, lambda event: event_place(context.work, event, wanted.sort))
        content: dict[str, Any] = {"items": [_shown(event, names, own) for event in page.items], "next": page.next}
        if query["total"]:
            content["total"] = count_events(context.work, wanted)
        return _for(readers, conditional(jsonify(content)))


def _counts(context: EventsContext, wanted: EventFilter, query: Mapping[str, Any], names: Sequence[str]) -> Response:
    found = group_events(context.work, wanted, names, query["at_least"])
    total = (lambda: count_events(context.work, wanted)) if query["total"] else None
    answer = groups_answer("events", names, found, total)
    return answer if answer.is_streamed else conditional(answer)


def _add_one(blueprint: Any, context: EventsContext) -> None:
    @blueprint.get("/<event_id>")
    @blueprint.arguments(SparseArguments, location="query")
    @blueprint.response(200, EventSchema)
    @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="The key is not valid")
    @blueprint.alt_response(404, schema=ProblemSchema, content_type=PROBLEM, description="No such event")
    @public_or_key
    def show_one(query: dict[str, Any], event_id: str) -> Response:
        """One event."""
        readers = _audience_of(event_id)
        event = show_event(context.work, event_id, readers)
        answer = jsonify(shown(event, chosen_fields(query.get("fields"), readers)))
        if readers is Readers.PUBLIC or "fields" in query:
            return _for(readers, conditional(answer))
        answer.set_etag(state_tag(event))
        answer.make_conditional(request)
        return _for(readers, answer)


def _asked_by(query: Mapping[str, Any]) -> Readers:
    """Return the audience of a listing; only some may request internal events, or an order by registrations."""
    if query["sort"].removeprefix("-") in BY_NUMBER:
        require_counts()
    if query["internal"]:
        require_internal()
        return Readers.COORDINATORS
    return audience()


def _audience_of(event_id: str) -> Readers:
    """Return the audience of one event: a key limited to other forms sees the public part."""
    readers = audience()
    return readers if readers is Readers.PUBLIC or may_touch(event_id) else Readers.PUBLIC


def _shown(event: Event, names: Sequence[str], own: frozenset[str] | None) -> dict[str, Any]:
    """An event of a listing; of one that is not among the ``own`` ones of a limited key, the public part."""
    if own is None or event.id in own:
        return shown(event, names)
    return shown(event, [name for name in names if name in PUBLIC])


def filter_of(query: Mapping[str, Any], readers: Readers) -> EventFilter:
    """Return the filter for the checked arguments of a listing.

    Raises:
        BadRequest: the cursor is not one of this listing.
    """
    same = {name: query[name] for name in _SAME_NAME if name in query}
    own = own_forms(readers)
    return EventFilter(
        audience=readers if own is None else Readers.PUBLIC,
        own=own or frozenset(),
        words=query.get("q", ""),
        on_from=lower_bound(query.get("on_from")),
        on_until=upper_bound(query.get("on_until")),
        after=position_in(query["cursor"], 2, lambda parts: read_event_key(parts, query["sort"])),
        **same,
    )


def _each(context: EventsContext, wanted: EventFilter) -> Iterator[Event]:
    """All events from ``wanted.after`` on, chunk by chunk."""
    chunk = replace(wanted, limit=CSV_CHUNK)
    while found := list_events(context.work, chunk):
        yield from found
        chunk = replace(chunk, after=event_place(context.work, found[-1], wanted.sort))


def _for(readers: Readers, response: Response) -> Response:
    """No shared cache stores a response for coordinators, and no cache serves one user's response to another."""
    response.vary.update(["Accept", "Authorization", "Cookie"])
    if readers is Readers.COORDINATORS:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def add_coverage(blueprint: Any, context: EventsContext) -> None:
    """Add the coverage of an event to the blueprint of ``/v1/events``."""

    @blueprint.get("/<event_id>/coverage")
    @blueprint.response(200, CoverageSchema)
    @with_refusals(blueprint, **_REFUSED)
    @needs(*READERS)
    def coverage(event_id: str) -> dict[str, Any]:
        """Invited working groups with and without a representative who has a seat or is on the waiting list."""
        require_touch(event_id)
        report = show_coverage(context.work, event_id)
        return {"event": report.event_id, "covered": report.covered, "missing": report.missing}
