"""Routes of the timetable of side events: the draft board, the worker's jobs, published versions."""

from typing import Any

import marshmallow as ma
from flask import Response, jsonify, request

from services.events.fields import slug_field
from services.events.http import READERS, REFUSED, instant_field, with_refusals
from services.events.scheduling.model import ConflictKind
from services.events.scheduling.publishing import publish_schedule
from services.events.scheduling.service import (
    Board,
    compare_versions,
    newest_version,
    place_proposal,
    remove_placement,
    request_schedule,
    show_board,
    show_job,
    show_version,
)
from services.events.side_events.reading import SideEventsContext
from services.events.venue.model import Placement
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, public
from shared.http.headers import conditional, require_match, tag_of
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import StrictBoolean, TextByLanguage
from shared.runtime.errors import DomainError
from shared.security.rate_limits import READ, limited


class SpanSchema(ma.Schema):
    """A time."""

    starts_at = instant_field("In UTC")
    ends_at = instant_field("In UTC")


class PlaceSchema(ma.Schema):
    """The place of a proposal."""

    room = slug_field("Id of the room", required=True)
    slot = slug_field("Id of the slot", required=True)
    pinned = StrictBoolean(
        load_default=True, metadata={"description": "Whether it keeps its place when the timetable is scheduled again"}
    )


class PlacementSchema(ma.Schema):
    """One place on the draft board."""

    proposal_id = ma.fields.UUID(required=True, data_key="proposal")
    room_id = ma.fields.String(required=True, data_key="room")
    slot_id = ma.fields.String(required=True, data_key="slot")
    pinned = ma.fields.Boolean(required=True)


class ConflictSchema(ma.Schema):
    """A conflict that prevents publishing the draft."""

    kind = ma.fields.Enum(ConflictKind, by_value=True, required=True)
    proposals = ma.fields.List(ma.fields.UUID(), required=True)
    subject = ma.fields.String(metadata={"description": "Id of the room, working group or event it is about"})


class ConflictListSchema(ma.Schema):
    """All conflicts of the draft board."""

    items = ma.fields.List(ma.fields.Nested(ConflictSchema), required=True)


class ScheduleDifferenceSchema(ma.Schema):
    """From one timetable to another, ids of proposals."""

    added = ma.fields.List(ma.fields.UUID(), required=True)
    moved = ma.fields.List(ma.fields.UUID(), required=True)
    removed = ma.fields.List(ma.fields.UUID(), required=True)
    unchanged = ma.fields.List(ma.fields.UUID(), required=True)


class BoardSchema(ma.Schema):
    """The draft board; a change sends its ETag as If-Match."""

    revision = ma.fields.Integer(required=True)
    placements = ma.fields.List(ma.fields.Nested(PlacementSchema), required=True)
    waiting = ma.fields.List(ma.fields.UUID(), required=True, metadata={"description": "Accepted, not placed"})
    conflicts = ma.fields.List(ma.fields.Nested(ConflictSchema), required=True)
    published = ma.fields.Integer(allow_none=True, metadata={"description": "Number of the version in force"})
    changes = ma.fields.Nested(ScheduleDifferenceSchema, metadata={"description": "What publishing would change"})


class JobSchema(ma.Schema):
    """A request for a new timetable."""

    id = ma.fields.UUID(required=True)
    status = ma.fields.String(required=True, validate=ma.validate.OneOf(["queued", "running", "done", "failed"]))
    requested_at = instant_field("When it was requested")
    finished_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    reason = ma.fields.String(metadata={"description": "Why it failed"})
    report = ma.fields.Dict(
        allow_none=True,
        metadata={"description": "When done: placed, unplaced with reasons, impossible preferences, bounds and gaps"},
    )


class EntrySchema(ma.Schema):
    """One side event of a version."""

    proposal_id = ma.fields.UUID(required=True, data_key="proposal")
    event_id = ma.fields.String(required=True, data_key="event")
    title = ma.fields.String(required=True)
    working_group = ma.fields.String(allow_none=True)
    room_id = ma.fields.String(required=True, data_key="room")
    room_title = TextByLanguage(200, "By language", written=False, required=True)
    city = ma.fields.String(required=True)
    span = ma.fields.Nested(SpanSchema, required=True)
    time_zone = ma.fields.String(required=True)


class VersionSchema(ma.Schema):
    """A published timetable."""

    number = ma.fields.Integer(required=True)
    published_at = instant_field("When it was published")
    entries = ma.fields.List(ma.fields.Nested(EntrySchema), required=True)


class SchedulePublishedSchema(ma.Schema):
    """The version that was just published, and what it changed."""

    version = ma.fields.Nested(VersionSchema, required=True)
    difference = ma.fields.Nested(ScheduleDifferenceSchema, required=True)


_BOARD, _PUBLISHED, _VERSION = BoardSchema(), SchedulePublishedSchema(), VersionSchema()


def schedule_blueprint(context: SideEventsContext) -> Any:
    """``/v1/schedule``."""
    blueprint = published_schedule_blueprint(context.work)
    _add_jobs(blueprint, context)
    _add_board(blueprint, context)
    _add_moves(blueprint, context)
    _add_publishing(blueprint, context)
    return blueprint


def published_schedule_blueprint(work: UnitOfWork) -> Any:
    """The part of ``/v1/schedule`` that is public: published versions."""
    blueprint = Blueprint("schedule", __name__, url_prefix="/v1", description="The timetable")
    _add_published(blueprint, work)
    _add_versions(blueprint, work)
    return blueprint


def _add_published(blueprint: Any, work: UnitOfWork) -> None:
    @blueprint.get("/schedule.json")
    @blueprint.response(200, VersionSchema)
    @with_refusals(blueprint, s404="No timetable is published yet")
    @public
    @limited(READ)
    def published() -> Response:
        """The published timetable."""
        version = newest_version(work)
        if version is None:
            raise DomainError("not-found", "no timetable is published yet")
        return conditional(jsonify(_VERSION.dump(version)))


def _add_jobs(blueprint: Any, context: SideEventsContext) -> None:
    @blueprint.post("/schedule/solve")
    @blueprint.response(202, JobSchema)
    @with_refusals(blueprint, **REFUSED)
    @needs_all_forms("coordinator")
    def solve() -> Any:
        """Request a new timetable; pinned places stay. The result is on the draft board. No one is notified."""
        return show_job(context.work, request_schedule(context.work, context.clock, holder().name))

    @blueprint.get("/schedule/jobs/<uuid:job_id>")
    @blueprint.response(200, JobSchema)
    @with_refusals(blueprint, **REFUSED, s404="No such job")
    @needs_all_forms(*READERS)
    def job(job_id: Any) -> Any:
        """State and result of a scheduling job."""
        return show_job(context.work, str(job_id))


def _add_board(blueprint: Any, context: SideEventsContext) -> None:
    @blueprint.get("/schedule")
    @blueprint.response(200, BoardSchema)
    @with_refusals(blueprint, **REFUSED)
    @needs_all_forms(*READERS)
    def board() -> Response:
        """The draft board, with its conflicts and what publishing it would change."""
        return _shown(show_board(context.work))

    @blueprint.get("/schedule/conflicts")
    @blueprint.response(200, ConflictListSchema)
    @with_refusals(blueprint, **REFUSED)
    @needs_all_forms(*READERS)
    def conflicts() -> dict[str, Any]:
        """Conflicts that prevent publishing the draft board."""
        return {"items": show_board(context.work).snapshot.conflicts}


def _add_moves(blueprint: Any, context: SideEventsContext) -> None:
    refusals = {
        **REFUSED,
        "s404": "No such proposal, room or slot",
        "s412": "It was changed since it was read",
        "s428": "If-Match is required",
    }

    @blueprint.put("/schedule/placements/<uuid:proposal_id>")
    @blueprint.arguments(PlaceSchema)
    @blueprint.response(200, BoardSchema)
    @with_refusals(blueprint, **refusals, s409="The proposal is not accepted")
    @needs_all_forms("coordinator")
    def place(body: dict[str, Any], proposal_id: Any) -> Response:
        """Place a proposal in a room and slot. If that breaks a rule, the board shows the conflict."""
        placement = Placement(str(proposal_id), body["room"], body["slot"], body["pinned"])
        place_proposal(context.work, placement, _seen(context))
        return _shown(show_board(context.work))

    @blueprint.delete("/schedule/placements/<uuid:proposal_id>")
    @blueprint.response(200, BoardSchema)
    @with_refusals(blueprint, **refusals)
    @needs_all_forms("coordinator")
    def remove(proposal_id: Any) -> Response:
        """Remove a proposal from the draft board."""
        remove_placement(context.work, str(proposal_id), _seen(context))
        return _shown(show_board(context.work))


def _add_publishing(blueprint: Any, context: SideEventsContext) -> None:
    @blueprint.post("/schedule/publish")
    @blueprint.response(201, SchedulePublishedSchema)
    @with_refusals(
        blueprint,
        **REFUSED,
        s409="There are conflicts, or nothing would change",
        s412="It was changed since it was read",
    )
    @needs_all_forms("coordinator")
    def publish() -> Response:
        """Publish the draft board as the next version. Groups with a new place are notified. `If-Match` is optional."""
        seen = _seen(context) if request.if_match else None
        made = publish_schedule(context.work, context.clock, context.keys, holder().name, seen)
        response = jsonify(_PUBLISHED.dump(made))
        response.status_code = 201
        return response


def _add_versions(blueprint: Any, work: UnitOfWork) -> None:
    @blueprint.get("/schedule/versions/<int:number>")
    @blueprint.response(200, VersionSchema)
    @with_refusals(blueprint, s404="No such version")
    @public
    @limited(READ)
    def version(number: int) -> Response:
        """A published version of the timetable."""
        return conditional(jsonify(_VERSION.dump(show_version(work, number))))

    @blueprint.get("/schedule/versions/<int:number>/diff/<int:other>")
    @blueprint.response(200, ScheduleDifferenceSchema)
    @with_refusals(blueprint, s404="No such version")
    @public
    @limited(READ)
    def diff(number: int, other: int) -> Any:
        """What changes from version `number` to version `other`."""
        return compare_versions(work, number, other)


def _seen(context: SideEventsContext) -> int:
    """Return the board revision that the client has read; a change in between is refused under the board's lock."""
    revision = show_board(context.work).snapshot.revision
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
