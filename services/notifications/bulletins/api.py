"""HTTP of bulletins: draft, preview, test, list; send, cancel, stop, outcome."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, jsonify

from services.notifications.bulletins.dispatch import (
    SendOrder,
    cancel_sending,
    list_outcome,
    outcome_of,
    send_bulletin,
    send_test,
    stop_bulletin,
)
from services.notifications.bulletins.drafts import (
    BulletinContext,
    Writer,
    change_draft,
    discard_draft,
    draft_bulletin,
    preview_bulletin,
    read_bulletin_position,
    show_bulletin,
    show_bulletins,
    total_bulletins,
)
from services.notifications.bulletins.schemas import (
    BulletinDraftSchema,
    BulletinListSchema,
    BulletinMailListSchema,
    BulletinQuery,
    BulletinSchema,
    DraftChangeSchema,
    OutcomeQuery,
    OutcomeSchema,
    PreviewSchema,
    SendSchema,
    TestedSchema,
    TestSchema,
)
from services.notifications.bulletins.store import NEWEST, Bulletin
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.headers import seen_tags
from shared.http.lists import page_of, position_in
from shared.http.problems import MEDIA_TYPE, ProblemSchema
from shared.http.request_data import Blueprint


def bulletins_blueprint(context: BulletinContext) -> Any:
    """Routes below ``/v1/bulletins``."""
    blueprint = Blueprint(
        "bulletins", __name__, url_prefix="/v1/bulletins", description="Bulletins: one text for many people"
    )
    _add_writing(blueprint, context)
    _add_changing(blueprint, context)
    _add_read_routes(blueprint, context)
    return blueprint


def _add_writing(blueprint: Any, context: BulletinContext) -> None:
    @blueprint.get("")
    @blueprint.arguments(BulletinQuery, location="query")
    @blueprint.response(200, BulletinListSchema)
    @needs_all_forms("viewer", "coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Bulletins, newest first by default."""
        wanted = {name: query[name] for name in ("state", "q") if query[name]}
        total = {"total": total_bulletins(context.work, wanted)} if query["total"] else {}
        position = position_in(query["cursor"], 1, read_bulletin_position)
        if position is not None:
            wanted["before" if query["sort"] == NEWEST else "after"] = position
        found = show_bulletins(context.work, wanted, query["limit"], query["sort"])
        page = page_of(found, query["limit"], lambda bulletin: [str(bulletin.number)])
        return {"items": [asdict(bulletin) for bulletin in page.items], "next": page.next, **total}

    @blueprint.post("")
    @blueprint.arguments(BulletinDraftSchema)
    @blueprint.response(201, BulletinSchema)
    @needs_all_forms("coordinator")
    def draft(content: dict[str, Any]) -> dict[str, Any]:
        """Draft a bulletin; nothing is sent."""
        drafted = draft_bulletin(context.work, context.clock, holder().name, content["segment"], content["texts"])
        return asdict(drafted)


def _add_changing(blueprint: Any, context: BulletinContext) -> None:
    @blueprint.get("/<uuid:bulletin_id>")
    @blueprint.response(200, BulletinSchema)
    @needs_all_forms("viewer", "coordinator")
    def show(bulletin_id: UUID) -> Response:
        """One bulletin; its ETag is needed to change it."""
        return _tagged(show_bulletin(context.work, str(bulletin_id)))

    @blueprint.patch("/<uuid:bulletin_id>")
    @blueprint.arguments(DraftChangeSchema)
    @blueprint.response(200, BulletinSchema)
    @_problems(blueprint, 409, 412, 428)
    @needs_all_forms("coordinator")
    def change(content: dict[str, Any], bulletin_id: UUID) -> Response:
        """Change a draft; the ETag that was seen as `If-Match`. Earlier previews can no longer be sent."""
        writer = Writer(holder().name, str(bulletin_id), seen_tags())
        return _tagged(change_draft(context.work, context.clock, writer, content.get("segment"), content.get("texts")))

    @blueprint.delete("/<uuid:bulletin_id>")
    @blueprint.response(204)
    @_problems(blueprint, 409, 412, 428)
    @needs_all_forms("coordinator")
    def discard(bulletin_id: UUID) -> None:
        """Discard a draft; the ETag that was seen as `If-Match`."""
        discard_draft(context.work, context.clock, Writer(holder().name, str(bulletin_id), seen_tags()))


def _add_read_routes(blueprint: Any, context: BulletinContext) -> None:
    @blueprint.post("/<uuid:bulletin_id>/preview")
    @blueprint.response(200, PreviewSchema)
    @needs_all_forms("coordinator")
    def preview(bulletin_id: UUID) -> dict[str, Any]:
        """Recipients if it were sent now, and the text that they would get."""
        found = preview_bulletin(context.work, context.clock, str(bulletin_id), context.letterhead)
        return {**asdict(found), "audience": found.audience, "warnings": found.warnings, "reads": found.reads}

    @blueprint.post("/<uuid:bulletin_id>/test")
    @blueprint.arguments(TestSchema)
    @blueprint.response(202, TestedSchema)
    @_problems(blueprint, 422, 429)
    @needs_all_forms("coordinator")
    def try_it(content: dict[str, Any], bulletin_id: UUID) -> dict[str, int]:
        """Send it to yourself, marked as a test, in each of its languages."""
        return {"mails": send_test(context, holder().name, str(bulletin_id), content["address"])}


def _tagged(bulletin: Bulletin) -> Response:
    answer = jsonify(BulletinSchema().dump(asdict(bulletin)))
    answer.set_etag(str(bulletin.revision))
    return answer


def _problems(blueprint: Any, *statuses: int) -> Any:
    """Document the error responses of these routes."""
    meanings = {409: "It has been sent, or is not what was previewed", 412: "It was changed since it was read"}
    meanings |= {422: "No address", 428: "`If-Match` is missing", 429: "Too many tests within an hour"}

    def decorate(view: Any) -> Any:
        for status in statuses:
            more = {"content_type": MEDIA_TYPE, "description": meanings[status]}
            view = blueprint.alt_response(status, schema=ProblemSchema, **more)(view)
        return view

    return decorate


READERS = ("viewer", "coordinator")


def bulletin_sending_blueprint(context: BulletinContext) -> Any:
    """Routes below ``/v1/bulletins/<id>`` that send, cancel, stop and follow it."""
    blueprint = Blueprint("bulletin_sending", __name__, url_prefix="/v1/bulletins", description="Bulletins being sent")
    _add_dispatch(blueprint, context)
    _add_outcome(blueprint, context)
    return blueprint


def _add_dispatch(blueprint: Any, context: BulletinContext) -> None:
    @blueprint.post("/<uuid:bulletin_id>/send")
    @blueprint.arguments(SendSchema)
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def send(content: dict[str, Any], bulletin_id: UUID) -> dict[str, Any]:
        """Send what was previewed: now to the people counted, or at a given time to the people who match then."""
        sending = SendOrder(holder().name, str(bulletin_id), **content)
        return asdict(send_bulletin(context.work, context.clock, sending))

    @blueprint.post("/<uuid:bulletin_id>/cancel")
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def cancel(bulletin_id: UUID) -> dict[str, Any]:
        """Cancel a scheduled bulletin: it is a draft again."""
        return asdict(cancel_sending(context.work, context.clock, holder().name, str(bulletin_id)))

    @blueprint.post("/<uuid:bulletin_id>/stop")
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def stop(bulletin_id: UUID) -> dict[str, Any]:
        """Stop a bulletin that is being sent: mails not sent yet are cancelled."""
        return asdict(stop_bulletin(context.work, context.clock, holder().name, str(bulletin_id)))


def _add_outcome(blueprint: Any, context: BulletinContext) -> None:
    @blueprint.get("/<uuid:bulletin_id>/outcome")
    @blueprint.response(200, OutcomeSchema)
    @needs_all_forms(*READERS)
    def outcome(bulletin_id: UUID) -> dict[str, Any]:
        """Numbers of people by outcome."""
        bulletin = show_bulletin(context.work, str(bulletin_id))
        return {"bulletin": asdict(bulletin), **asdict(outcome_of(context.work, bulletin))}

    @blueprint.get("/<uuid:bulletin_id>/mails")
    @blueprint.arguments(OutcomeQuery, location="query")
    @blueprint.response(200, BulletinMailListSchema)
    @needs_all_forms(*READERS)
    def mails(query: dict[str, Any], bulletin_id: UUID) -> dict[str, Any]:
        """Its mails, newest first, by outcome."""
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        before = position_in(query["cursor"], 1, lambda key: str(UUID(key[0]))) or ""
        _, found = list_outcome(context.work, str(bulletin_id), query["outcome"], before, query["limit"])
        page = page_of(found, query["limit"], lambda mail: [mail.id])
        return {"items": [asdict(mail) for mail in page.items], "next": page.next}


def _refused(blueprint: Any) -> Any:
    about = {"content_type": MEDIA_TYPE, "description": "It is in another state, or is not what was previewed"}
    return blueprint.alt_response(409, schema=ProblemSchema, **about)
