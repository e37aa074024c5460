"""Who comes to an event: numbers, coverage of working groups, and a roster without names."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from flask import Response, jsonify

from services.events.api.grouping import groups_answer, groups_asked, parted
from services.events.api.roster_schemas import (
    CountsSchema,
    CoverageSchema,
    RosterArguments,
    RosterLineSchema,
    RosterSchema,
)
from services.events.api.tools import READERS, Tools
from services.events.store.roster import FILTERS, GROUPS, RosterQuery
from services.events.usecases.count_registrations import count_registrations
from services.events.usecases.list_roster import count_roster, group_roster, list_roster, note_roster_taken
from services.events.usecases.positions import read_registration_position, registration_position
from services.events.usecases.show_coverage import show_coverage
from services.events.usecases.show_titles import show_titles
from shared.web.access import holder, needs, require_touch
from shared.web.browser_session import require_recent_sign_in
from shared.web.csv_lines import MEDIA_TYPE, csv_answer, wants_csv
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE as PROBLEM
from shared.web.problems import ProblemSchema

CSV_CHUNK = 500
"""Rows read at once for a CSV file; between two chunks no transaction is open."""

_LINE = RosterLineSchema()
_COLUMNS = tuple(_LINE.fields)


def add_rosters(blueprint: Any, tools: Tools) -> None:
    """Add the coordinators' routes to the blueprint of ``/v1/events``."""
    _add_numbers(blueprint, tools)
    _add_roster(blueprint, tools)


def _add_numbers(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<event_id>/counts")
    @blueprint.response(200, CountsSchema)
    @_problems(blueprint)
    @needs(*READERS)
    def counts(event_id: str) -> dict[str, Any]:
        """Number of registrations of an event, by status."""
        require_touch(event_id)
        return {"event": event_id} | asdict(count_registrations(tools.work, event_id))

    @blueprint.get("/<event_id>/coverage")
    @blueprint.response(200, CoverageSchema)
    @_problems(blueprint)
    @needs(*READERS)
    def coverage(event_id: str) -> dict[str, Any]:
        """Invited working groups with and without a representative who has a seat or is on the waiting list."""
        require_touch(event_id)
        report = show_coverage(tools.work, event_id)
        return {"event": report.event_id, "covered": report.covered, "missing": report.missing}


def _add_roster(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<event_id>/roster")
    @blueprint.arguments(RosterArguments, location="query")
    @blueprint.response(200, RosterSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.alt_response(400, schema=ProblemSchema, content_type=PROBLEM, description="The cursor is invalid")
    @_problems(blueprint)
    @needs(*READERS)
    def roster(query: dict[str, Any], event_id: str) -> Response:
        """Registrations in order of arrival, as CSV if `Accept` asks for it; names come from `/v1/registrations`.

        With `group_by` their numbers alone. A limited key sees those of its own forms.
        """
        require_touch(event_id)
        wanted = _wanted(query, event_id)
        total = (lambda: count_roster(tools.work, wanted)) if query["total"] else None
        if names := groups_asked(query, tuple(GROUPS)):
            groups = group_roster(tools.work, wanted, names, query["at_least"])
            return groups_answer(f"roster-{event_id}", names, groups, total)
        columns = _columns(query.get("columns"))
        if wants_csv():
            require_recent_sign_in()
            rows = _rows(tools, wanted, columns)
            note_roster_taken(tools.work, tools.clock, holder().name, event_id)
            return csv_answer(f"roster-{event_id}", columns, rows)
        page = page_of(list_roster(tools.work, wanted), query["limit"], registration_position)
        lines = [{name: line[name] for name in columns} for line in _LINE.dump(page.items, many=True)]
        return jsonify({"items": lines, "next": page.next} | ({} if total is None else {"total": total()}))


def _wanted(query: dict[str, Any], event_id: str) -> RosterQuery:
    return RosterQuery(
        event_id,
        {name: query[name] for name in FILTERS if name in query},
        position_in(query["cursor"], 1, read_registration_position),
        query["limit"] + 1,
        query.get("form_kind"),
        query["sort"],
        holder().forms,
    )


def _columns(asked: str | None) -> list[str]:
    """The columns that are asked for, in their own order, and the id."""
    wanted = _COLUMNS if asked is None else parted(asked)
    return [name for name in _COLUMNS if name in wanted or name == _COLUMNS[0]]


def _rows(tools: Tools, wanted: RosterQuery, columns: Sequence[str]) -> Iterator[list[object]]:
    """All registrations, chunk by chunk; the first is read before the answer begins, so that no event is a 404."""
    first = list_roster(tools.work, replace(wanted, limit=CSV_CHUNK))
    titles = show_titles(tools.work)

    def each() -> Iterator[list[object]]:
        found = first
        while found:
            for registered in found:
                line = _LINE.dump(registered)
                yield [titles.of(name, line[name]) for name in columns]
            found = list_roster(tools.work, replace(wanted, after=found[-1].registration_id, limit=CSV_CHUNK))

    return each()


def _problems(blueprint: Blueprint) -> Any:
    """Document what all these routes may say instead."""

    def decorate(view: Any) -> Any:
        for status, description in ((401, "No key"), (403, "The key's roles do not allow it"), (404, "No such event")):
            view = blueprint.alt_response(status, schema=ProblemSchema, content_type=PROBLEM, description=description)(
                view
            )
        return view

    return decorate
