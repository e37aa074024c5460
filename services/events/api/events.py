"""Events for everybody; drafts and meeting links only for coordinators."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Response, jsonify, request

from services.events.api.event_schemas import EventArguments, EventListSchema, EventSchema, SparseArguments
from services.events.api.grouping import groups_answer, groups_asked
from services.events.api.showing import PUBLIC, chosen_fields, shown
from services.events.api.tools import Tools, audience, own_forms, require_counts, require_internal
from services.events.domain.event import Event
from services.events.domain.revision import state_tag
from services.events.store.events import BY_NUMBER, GROUPS, Audience, EventFilter
from services.events.usecases.count_registrations import event_place
from services.events.usecases.list_events import count_events, group_events, list_events
from services.events.usecases.positions import read_event_key
from services.events.usecases.show_event import show_event
from services.events.usecases.show_titles import show_titles
from shared.web.access import may_touch, public
from shared.web.csv_lines import MEDIA_TYPE, csv_answer, wants_csv
from shared.web.entity_tags import conditional
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema
from shared.web.query_parameters import lower_bound, upper_bound

CSV_CHUNK = 200
"""Rows read at once for a CSV file; between two chunks no transaction is open."""

_SAME_NAME = (
    *("kind", "series", "status", "mode", "working_group", "city", "internal", "missing_language"),
    *("limit", "sort"),
)


def add_events(blueprint: Any, tools: Tools) -> None:
    """Add the public routes to the blueprint of ``/v1/events``."""
    _add_list(blueprint, tools)
    _add_one(blueprint, tools)


def _add_list(blueprint: Any, tools: Tools) -> None:
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
    @public
    def list_them(query: dict[str, Any]) -> Response:
        """Events by start, those without a date last; as CSV if `Accept` asks for it, then all pages in one.

        With `group_by` their numbers alone.
        """
        who = _asked_by(query)
        own = own_forms(who)
        names = chosen_fields(query.get("fields"), who)
        wanted = filter_of(query, who)
        if groups := groups_asked(query, tuple(GROUPS)):
            return _for(who, _counts(tools, wanted, query, groups))
        if wants_csv():
            titles = show_titles(tools.work)
            lines = (_shown(event, names, own) for event in _each(tools, wanted))
            rows = ([titles.of(name, line.get(name)) for name in names] for line in lines)
            return _for(who, csv_answer("events", list(names), rows))
        found = list_events(tools.work, replace(wanted, limit=wanted.limit + 1))
        page = page_of(found, wanted.limit, lambda event: event_place(tools.work, event, wanted.sort))
        content: dict[str, Any] = {"items": [_shown(event, names, own) for event in page.items], "next": page.next}
        if query["total"]:
            content["total"] = count_events(tools.work, wanted)
        return _for(who, conditional(jsonify(content)))


def _counts(tools: Tools, wanted: EventFilter, query: Mapping[str, Any], names: Sequence[str]) -> Response:
    found = group_events(tools.work, wanted, names, query["at_least"])
    total = (lambda: count_events(tools.work, wanted)) if query["total"] else None
    answer = groups_answer("events", names, found, total)
    return answer if answer.is_streamed else conditional(answer)


def _add_one(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<event_id>")
    @blueprint.arguments(SparseArguments, location="query")
    @blueprint.response(200, EventSchema)
    @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM, description="The key is not valid")
    @blueprint.alt_response(404, schema=ProblemSchema, content_type=PROBLEM, description="No such event")
    @public
    def show_one(query: dict[str, Any], event_id: str) -> Response:
        """One event."""
        who = _audience_of(event_id)
        event = show_event(tools.work, event_id, who)
        answer = jsonify(shown(event, chosen_fields(query.get("fields"), who)))
        if who is Audience.PUBLIC or "fields" in query:
            return _for(who, conditional(answer))
        answer.set_etag(state_tag(event))
        answer.make_conditional(request)
        return _for(who, answer)


def _asked_by(query: Mapping[str, Any]) -> Audience:
    """For whom a listing answers; what is internal, and an order by registrations, only some may ask for."""
    if query["sort"].removeprefix("-") in BY_NUMBER:
        require_counts()
    if query["internal"]:
        require_internal()
        return Audience.COORDINATORS
    return audience()


def _audience_of(event_id: str) -> Audience:
    """For whom one event is shown: whoever has a key that is limited to others sees what everybody sees."""
    who = audience()
    return who if who is Audience.PUBLIC or may_touch(event_id) else Audience.PUBLIC


def _shown(event: Event, names: Sequence[str], own: frozenset[str] | None) -> dict[str, Any]:
    """An event of a listing; of one that is not among the ``own`` ones of a limited key, the public part."""
    if own is None or event.id in own:
        return shown(event, names)
    return shown(event, [name for name in names if name in PUBLIC])


def filter_of(query: Mapping[str, Any], who: Audience) -> EventFilter:
    """What the checked arguments of a listing ask for.

    Raises:
        BadRequest: the cursor is not one of this listing.
    """
    same = {name: query[name] for name in _SAME_NAME if name in query}
    own = own_forms(who)
    return EventFilter(
        audience=who if own is None else Audience.PUBLIC,
        own=own or frozenset(),
        words=query.get("q", ""),
        on_from=lower_bound(query.get("on_from")),
        on_until=upper_bound(query.get("on_until")),
        after=position_in(query["cursor"], 2, lambda parts: read_event_key(parts, query["sort"])),
        **same,
    )


def _each(tools: Tools, wanted: EventFilter) -> Iterator[Event]:
    """All events from ``wanted.after`` on, chunk by chunk."""
    chunk = replace(wanted, limit=CSV_CHUNK)
    while found := list_events(tools.work, chunk):
        yield from found
        chunk = replace(chunk, after=event_place(tools.work, found[-1], wanted.sort))


def _for(who: Audience, response: Response) -> Response:
    """What coordinators are shown is kept by no shared cache, and no cache gives one the answer to the other."""
    response.vary.update(["Accept", "Authorization", "Cookie"])
    if who is Audience.COORDINATORS:
        response.headers["Cache-Control"] = "private, no-cache"
    return response
