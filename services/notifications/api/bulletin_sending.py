"""Bulletins on their way: sent now or later, cancelled before, stopped while; and what becomes of them."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from werkzeug.exceptions import BadRequest

from services.notifications.api.bulletin_schemas import PERSON, BulletinSchema
from services.notifications.api.bulletins import Tools
from services.notifications.domain.bulletin import WARNINGS
from services.notifications.domain.states import STATES
from services.notifications.usecases.follow_bulletin import (
    OUTCOMES,
    UNSUBSCRIBED,
    list_outcome,
    outcome_of,
    stop_bulletin,
)
from services.notifications.usecases.send_bulletin import Sending, cancel_sending, send_bulletin
from services.notifications.usecases.write_bulletin import show_bulletin
from shared.web.access import holder, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, from_cursor, page_of
from shared.web.problems import MEDIA_TYPE, ProblemSchema

READERS = ("viewer", "coordinator")


class SendSchema(ma.Schema):
    """The order to send."""

    expected = ma.fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "People as counted by the preview; another number by now is refused"},
    )
    mark = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(PERSON),
        metadata={"description": "Of the preview that was read; refused if the draft or its people are others by now"},
    )
    confirmed = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(WARNINGS)),
        load_default=list,
        validate=ma.validate.Length(max=len(WARNINGS)),
        metadata={"description": "The warnings of the preview; one that is missing here is refused"},
    )
    at = ma.fields.AwareDateTime(
        format="iso",
        load_default=None,
        metadata={"description": "When to send it, within a year; its people are counted again then. Absent: now"},
    )


class OutcomeSchema(ma.Schema):
    """What has become of a bulletin: people by outcome."""

    bulletin = ma.fields.Nested(BulletinSchema, required=True)
    counts = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(list(OUTCOMES))),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Every person of the audience has one of these outcomes"},
    )
    unsubscribed = ma.fields.Integer(required=True, metadata={"description": "Unsubscribed by its link"})
    gone = ma.fields.Integer(
        required=True, metadata={"description": "Erased before their mail was made, or their mail is over a year old"}
    )


class OutcomeQuery(PageArguments):
    """Which of its mails."""

    outcome = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *OUTCOMES, UNSUBSCRIBED]))


class BulletinMailSchema(ma.Schema):
    """One person's mail of a bulletin."""

    id = ma.fields.String(required=True, metadata={"description": "As in `/v1/mails`"})
    subject = ma.fields.String(metadata={"description": "Id of the registration by which the person gets it"})
    person_ref = ma.fields.String(allow_none=True, metadata={"description": "Null once the person was erased"})
    state = ma.fields.String(validate=ma.validate.OneOf(STATES))
    attempts = ma.fields.Integer()
    due_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    sent_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    reason = ma.fields.String(allow_none=True)
    language = ma.fields.String(allow_none=True)
    unsubscribed = ma.fields.Boolean(metadata={"description": "Whether they unsubscribed by its link"})


class BulletinMailListSchema(ma.Schema):
    """One page of a bulletin's mails, newest first."""

    items = ma.fields.List(ma.fields.Nested(BulletinMailSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


def bulletin_sending_blueprint(tools: Tools) -> Any:
    """Routes below ``/v1/bulletins/<id>`` that send, cancel, stop and follow it."""
    blueprint = Blueprint(
        "bulletin_sending", __name__, url_prefix="/v1/bulletins", description="Bulletins on their way"
    )
    _add_sending(blueprint, tools)
    _add_outcome(blueprint, tools)
    return blueprint


def _add_sending(blueprint: Any, tools: Tools) -> None:
    @blueprint.post("/<uuid:bulletin_id>/send")
    @blueprint.arguments(SendSchema)
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def send(content: dict[str, Any], bulletin_id: UUID) -> dict[str, Any]:
        """Send what was previewed: now to the people counted, or at a given time to the people who match then."""
        sending = Sending(holder().name, str(bulletin_id), **content)
        return asdict(send_bulletin(tools.work, tools.clock, sending))

    @blueprint.post("/<uuid:bulletin_id>/cancel")
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def cancel(bulletin_id: UUID) -> dict[str, Any]:
        """Cancel a scheduled bulletin: it is a draft again."""
        return asdict(cancel_sending(tools.work, tools.clock, holder().name, str(bulletin_id)))

    @blueprint.post("/<uuid:bulletin_id>/stop")
    @blueprint.response(200, BulletinSchema)
    @_refused(blueprint)
    @needs_all_forms("coordinator")
    def stop(bulletin_id: UUID) -> dict[str, Any]:
        """Stop a bulletin that is being sent: mails not sent yet are cancelled."""
        return asdict(stop_bulletin(tools.work, tools.clock, holder().name, str(bulletin_id)))


def _add_outcome(blueprint: Any, tools: Tools) -> None:
    @blueprint.get("/<uuid:bulletin_id>/outcome")
    @blueprint.response(200, OutcomeSchema)
    @needs_all_forms(*READERS)
    def outcome(bulletin_id: UUID) -> dict[str, Any]:
        """Numbers of people by outcome."""
        bulletin = show_bulletin(tools.work, str(bulletin_id))
        return {"bulletin": asdict(bulletin), **asdict(outcome_of(tools.work, bulletin))}

    @blueprint.get("/<uuid:bulletin_id>/mails")
    @blueprint.arguments(OutcomeQuery, location="query")
    @blueprint.response(200, BulletinMailListSchema)
    @needs_all_forms(*READERS)
    def mails(query: dict[str, Any], bulletin_id: UUID) -> dict[str, Any]:
        """Its mails, newest first, by outcome."""
        before = mail_position(query["cursor"])
        _, found = list_outcome(tools.work, str(bulletin_id), query["outcome"], before, query["limit"])
        page = page_of(found, query["limit"], lambda mail: [mail.id])
        return {"items": [asdict(mail) for mail in page.items], "next": page.next}


def mail_position(cursor: str) -> str:
    """The id of the mail at which the last page ended; empty for the first page.

    Raises:
        BadRequest: not a cursor of a list of mails.
    """
    key = from_cursor(cursor, 1)
    try:
        return "" if key is None else str(UUID(key[0]))
    except ValueError:
        raise BadRequest("unknown cursor") from None


def _refused(blueprint: Any) -> Any:
    about = {"content_type": MEDIA_TYPE, "description": "It is in another state, or is not what was previewed"}
    return blueprint.alt_response(409, schema=ProblemSchema, **about)
