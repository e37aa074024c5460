"""Bulletins: drafted, previewed with counted people, tried, listed. Sending them is in ``bulletin_sending``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from flask import Response, jsonify

from services.notifications.api.bulletin_schemas import (
    BulletinListSchema,
    BulletinQuery,
    BulletinSchema,
    DraftChangeSchema,
    DraftSchema,
    PreviewSchema,
    TestedSchema,
    TestSchema,
)
from services.notifications.store.bulletins import NEWEST, Bulletin
from services.notifications.usecases.change_draft import Writer, change_draft, discard_draft
from services.notifications.usecases.try_bulletin import TrialDesk, send_test
from services.notifications.usecases.write_bulletin import (
    Letterhead,
    draft_bulletin,
    preview_bulletin,
    show_bulletin,
    show_bulletins,
    total_bulletins,
)
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.entity_tags import seen_tags
from shared.web.operations import Blueprint
from shared.web.paging import page_of, position_in
from shared.web.problems import MEDIA_TYPE, ProblemSchema


@dataclass(frozen=True, slots=True)
class Tools:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    letterhead: of samples.
    trial: sends test copies.
    """

    work: UnitOfWork
    clock: Clock
    letterhead: Letterhead
    trial: TrialDesk


def bulletins_blueprint(tools: Tools) -> Any:
    """Routes below ``/v1/bulletins``."""
    blueprint = Blueprint("bulletins", __name__, url_prefix="/v1/bulletins", description="One text to many people")
    _add_writing(blueprint, tools)
    _add_changing(blueprint, tools)
    _add_looking(blueprint, tools)
    return blueprint


def _add_writing(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("")
    @blueprint.arguments(BulletinQuery, location="query")
    @blueprint.response(200, BulletinListSchema)
    @needs_all_forms("viewer", "coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Bulletins, newest first by default."""
        wanted = {name: query[name] for name in ("state", "q") if query[name]}
        total = {"total": total_bulletins(tools.work, wanted)} if query["total"] else {}
        position = position_in(query["cursor"], 1, _number)
        if position is not None:
            wanted["before" if query["sort"] == NEWEST else "after"] = position
        found = show_bulletins(tools.work, wanted, query["limit"], query["sort"])
        page = page_of(found, query["limit"], lambda bulletin: [str(bulletin.number)])
        return {"items": [asdict(bulletin) for bulletin in page.items], "next": page.next, **total}

    @blueprint.post("")
    @blueprint.arguments(DraftSchema)
    @blueprint.response(201, BulletinSchema)
    @needs_all_forms("coordinator")
    def draft(content: dict[str, Any]) -> dict[str, Any]:
        """Draft a bulletin; nothing is sent."""
        drafted = draft_bulletin(tools.work, tools.clock, holder().name, content["segment"], content["texts"])
        return asdict(drafted)


def _add_changing(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<uuid:bulletin_id>")
    @blueprint.response(200, BulletinSchema)
    @needs_all_forms("viewer", "coordinator")
    def show(bulletin_id: UUID) -> Response:
        """One bulletin; its ETag is needed to change it."""
        return _tagged(show_bulletin(tools.work, str(bulletin_id)))

    @blueprint.patch("/<uuid:bulletin_id>")
    @blueprint.arguments(DraftChangeSchema)
    @blueprint.response(200, BulletinSchema)
    @_problems(blueprint, 409, 412, 428)
    @needs_all_forms("coordinator")
    def change(content: dict[str, Any], bulletin_id: UUID) -> Response:
        """Change a draft; the ETag that was seen as `If-Match`. Earlier previews can no longer be sent."""
        writer = Writer(holder().name, str(bulletin_id), seen_tags())
        return _tagged(change_draft(tools.work, tools.clock, writer, content.get("segment"), content.get("texts")))

    @blueprint.delete("/<uuid:bulletin_id>")
    @blueprint.response(204)
    @_problems(blueprint, 409, 412, 428)
    @needs_all_forms("coordinator")
    def discard(bulletin_id: UUID) -> None:
        """Discard a draft; the ETag that was seen as `If-Match`."""
        discard_draft(tools.work, tools.clock, Writer(holder().name, str(bulletin_id), seen_tags()))


def _add_looking(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("/<uuid:bulletin_id>/preview")
    @blueprint.response(200, PreviewSchema)
    @needs_all_forms("coordinator")
    def preview(bulletin_id: UUID) -> dict[str, Any]:
        """Recipients if it were sent now, and the text that they would get."""
        found = preview_bulletin(tools.work, tools.clock, str(bulletin_id), tools.letterhead)
        return {**asdict(found), "audience": found.audience, "warnings": found.warnings, "reads": found.reads}

    @blueprint.post("/<uuid:bulletin_id>/test")
    @blueprint.arguments(TestSchema)
    @blueprint.response(202, TestedSchema)
    @_problems(blueprint, 422, 429)
    @needs_all_forms("coordinator")
    def try_it(content: dict[str, Any], bulletin_id: UUID) -> dict[str, int]:
        """Send it to yourself, marked as a test, in each of its languages."""
        return {"mails": send_test(tools.trial, holder().name, str(bulletin_id), content["address"])}


def _tagged(bulletin: Bulletin) -> Response:
    answer = jsonify(BulletinSchema().dump(asdict(bulletin)))
    answer.set_etag(str(bulletin.revision))
    return answer


def _problems(blueprint: Any, *statuses: int) -> Any:
    """Document what these routes may say instead."""
    meanings = {409: "It has been sent, or is not what was previewed", 412: "It was changed since it was read"}
    meanings |= {422: "No address", 428: "`If-Match` is missing", 429: "Too many tests within an hour"}

    def decorate(view: Any) -> Any:
        for status in statuses:
            more = {"content_type": MEDIA_TYPE, "description": meanings[status]}
            view = blueprint.alt_response(status, schema=ProblemSchema, **more)(view)
        return view

    return decorate


def _number(key: Sequence[str]) -> int:
    number = int(key[0])
    if not 0 < number < 2**31:
        raise ValueError("no number of a bulletin")
    return number
