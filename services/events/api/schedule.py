"""The timetable of side events: the draft board, the worker's jobs, published versions."""

from typing import Any

from flask import Response, jsonify, request

from services.events.api.proposals import says
from services.events.api.schedule_schemas import (
    BoardSchema,
    ConflictListSchema,
    DifferenceSchema,
    JobSchema,
    PlaceSchema,
    PublishedSchema,
    VersionSchema,
)
from services.events.api.tools import READERS
from services.events.domain.schedule import Placement
from services.events.usecases.arrange_schedule import Board, place_proposal, show_board, take_off
from services.events.usecases.look_up_schedule import compare_versions, newest_version, show_version
from services.events.usecases.publish_schedule import publish_schedule
from services.events.usecases.side_tools import SideTools
from services.events.usecases.solve_schedule import ask_for_schedule, show_job
from shared.core.errors import DomainError
from shared.web.access import holder, needs_all_forms, public
from shared.web.entity_tags import conditional, require_match, tag_of
from shared.web.operations import Blueprint

_BOARD, _PUBLISHED, _VERSION = BoardSchema(), PublishedSchema(), VersionSchema()
_REFUSED = {"s401": "No key", "s403": "The key's roles or forms do not allow it"}


def schedule_blueprint(tools: SideTools) -> Any:
    """``/v1/schedule``."""
    blueprint = Blueprint("schedule", __name__, url_prefix="/v1", description="The timetable")
    _add_published(blueprint, tools)
    _add_jobs(blueprint, tools)
    _add_board(blueprint, tools)
    _add_moves(blueprint, tools)
    _add_versions(blueprint, tools)
    return blueprint


def _add_published(blueprint: Any, tools: SideTools) -> None:
    @blueprint.get("/schedule.json")
    @blueprint.response(200, VersionSchema)
    @says(blueprint, s404="No timetable is published yet")
    @public
    def published() -> Response:
        """The published timetable."""
        version = newest_version(tools.work)
        if version is None:
            raise DomainError("not-found", "no timetable is published yet")
        return conditional(jsonify(_VERSION.dump(version)))


def _add_jobs(blueprint: Any, tools: SideTools) -> None:
    @blueprint.post("/schedule/solve")
    @blueprint.response(202, JobSchema)
    @says(blueprint, **_REFUSED)
    @needs_all_forms("coordinator")
    def solve() -> Any:
        """Request a new timetable; pinned places stay. The result is on the draft board. No one is notified."""
        return show_job(tools.work, ask_for_schedule(tools.work, tools.clock, holder().name))

    @blueprint.get("/schedule/jobs/<uuid:job_id>")
    @blueprint.response(200, JobSchema)
    @says(blueprint, **_REFUSED, s404="No such job")
    @needs_all_forms(*READERS)
    def job(job_id: Any) -> Any:
        """State and result of a scheduling job."""
        return show_job(tools.work, str(job_id))


def _add_board(blueprint: Any, tools: SideTools) -> None:
    @blueprint.get("/schedule")
    @blueprint.response(200, BoardSchema)
    @says(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def board() -> Response:
        """The draft board, with its conflicts and what publishing it would change."""
        return _shown(show_board(tools.work))

    @blueprint.get("/schedule/conflicts")
    @blueprint.response(200, ConflictListSchema)
    @says(blueprint, **_REFUSED)
    @needs_all_forms(*READERS)
    def conflicts() -> dict[str, Any]:
        """Conflicts that prevent publishing the draft board."""
        return {"items": show_board(tools.work).snapshot.conflicts}


def _add_moves(blueprint: Any, tools: SideTools) -> None:
    refusals = {
        **_REFUSED,
        "s404": "No such proposal, room or slot",
        "s412": "It was changed since it was read",
        "s428": "If-Match is required",
    }

    @blueprint.put("/schedule/placements/<uuid:proposal_id>")
    @blueprint.arguments(PlaceSchema)
    @blueprint.response(200, BoardSchema)
    @says(blueprint, **refusals, s409="The proposal is not accepted")
    @needs_all_forms("coordinator")
    def place(body: dict[str, Any], proposal_id: Any) -> Response:
        """Place a proposal in a room and slot. If that breaks a rule, the board shows the conflict."""
        placement = Placement(str(proposal_id), body["room"], body["slot"], body["pinned"])
        place_proposal(tools.work, placement, _seen(tools))
        return _shown(show_board(tools.work))

    @blueprint.delete("/schedule/placements/<uuid:proposal_id>")
    @blueprint.response(200, BoardSchema)
    @says(blueprint, **refusals)
    @needs_all_forms("coordinator")
    def remove(proposal_id: Any) -> Response:
        """Remove a proposal from the draft board."""
        take_off(tools.work, str(proposal_id), _seen(tools))
        return _shown(show_board(tools.work))


def _add_versions(blueprint: Any, tools: SideTools) -> None:
    @blueprint.post("/schedule/publish")
    @blueprint.response(201, PublishedSchema)
    @says(
        blueprint,
        **_REFUSED,
        s409="There are conflicts, or nothing would change",
        s412="It was changed since it was read",
    )
    @needs_all_forms("coordinator")
    def publish() -> Response:
        """Publish the draft board as the next version. Groups with a new place are notified. `If-Match` is optional."""
        seen = _seen(tools) if request.if_match else None
        made = publish_schedule(tools.work, tools.clock, tools.keys, holder().name, seen)
        response = jsonify(_PUBLISHED.dump(made))
        response.status_code = 201
        return response

    @blueprint.get("/schedule/versions/<int:number>")
    @blueprint.response(200, VersionSchema)
    @says(blueprint, s404="No such version")
    @public
    def version(number: int) -> Response:
        """A published version of the timetable."""
        return conditional(jsonify(_VERSION.dump(show_version(tools.work, number))))

    @blueprint.get("/schedule/versions/<int:number>/diff/<int:other>")
    @blueprint.response(200, DifferenceSchema)
    @says(blueprint, s404="No such version")
    @public
    def diff(number: int, other: int) -> Any:
        """What changes from version `number` to version `other`."""
        return compare_versions(tools.work, number, other)


def _seen(tools: SideTools) -> int:
    """The board's revision that the client has seen; a change in between is refused under the board's lock."""
    revision = show_board(tools.work).snapshot.revision
    require_match(_tag(revision))
    return revision


def _tag(revision: int) -> str:
    return tag_of("board", revision)


def _shown(board: Board) -> Response:
    snapshot = board.snapshot
    content = {
        "revision": snapshot.revision,
        "placements": snapshot.placements,
        "waiting": [proposal.id for proposal in snapshot.waiting],
        "conflicts": snapshot.conflicts,
        "published": board.published and board.published.number,
        "changes": board.difference,
    }
    response = jsonify(_BOARD.dump(content))
    response.set_etag(_tag(snapshot.revision))
    return response
