"""HTTP of mails for coordinators and operators: what was sent, what waits, and why. People appear by reference only."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma
from sqlalchemy import text

from services.notifications.mails.kinds import KINDS, LANES
from services.notifications.mails.model import PHASES, STATES
from services.notifications.tracking.service import look_up_mail, look_up_mails
from shared.db.known_values import require_known
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs, require_recent_beyond_a_page
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.request_data import Blueprint
from shared.messaging.contracts.payloads import MAIL_ABOUT
from shared.messaging.contracts.schemas import SLUG


class MailQuery(PageArguments):
    """Filters of the list of mails; a mail must fit all that are given."""

    kind = ma.fields.String(
        load_default="", validate=ma.validate.OneOf(tuple(KINDS)), metadata={"description": "Only this kind of mail"}
    )
    state = ma.fields.String(
        load_default="", validate=ma.validate.OneOf(STATES), metadata={"description": "Only mails in this state"}
    )
    event = ma.fields.String(
        load_default="",
        validate=[ma.validate.Length(max=80), ma.validate.Regexp(rf"{SLUG[:-1]}\Z")],
        metadata={"description": "Only mails about the event with this id"},
    )


class MailSchema(ma.Schema):
    """A mail. It names no person: it contains their reference, and no address."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(validate=ma.validate.OneOf(tuple(KINDS)))
    about = ma.fields.Function(
        lambda mail: KINDS[mail["kind"]].about,
        metadata={"type": "string", "enum": list(MAIL_ABOUT), "description": "Kind of its subject"},
    )
    subject = ma.fields.String(
        metadata={"description": "Id of what it is about: a registration, a confirmation link or a former address"}
    )
    revision = ma.fields.Integer(
        metadata={
            "description": "Its number among the mails of this kind about this subject: the subject's or the event's "
            "revision, the bulletin's number, or the minute of the start or of the request"
        }
    )
    person_ref = ma.fields.String(
        allow_none=True,
        metadata={"description": "Same as in rosters; null after erasure, or when the mail about a link has ended"},
    )
    event = ma.fields.String(allow_none=True)
    lane = ma.fields.String(validate=ma.validate.OneOf(LANES))
    state = ma.fields.String(validate=ma.validate.OneOf(STATES))
    attempts = ma.fields.Integer(
        metadata={"description": "Attempts to hand it to the mail relay since it was last sent again"}
    )
    due_at = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        metadata={"description": "When it is next tried, or an unknown outcome is resolved"},
    )
    cause_at = ma.fields.AwareDateTime(format="iso", metadata={"description": "When the reported change happened"})
    created_at = ma.fields.AwareDateTime(format="iso")
    sent_at = ma.fields.AwareDateTime(
        format="iso", allow_none=True, metadata={"description": "When the mail relay accepted it"}
    )
    reason = ma.fields.String(allow_none=True, metadata={"description": "Why it was not sent"})


class MailListSchema(ma.Schema):
    """One page of mails, newest first."""

    items = ma.fields.List(ma.fields.Nested(MailSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class AttemptSchema(ma.Schema):
    """One attempt of a sender to send the mail."""

    number = ma.fields.Integer(required=True)
    phase = ma.fields.String(
        validate=ma.validate.OneOf(PHASES), metadata={"description": "`data`: its content may have gone out"}
    )
    started_at = ma.fields.AwareDateTime(format="iso")
    ended_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    outcome = ma.fields.String(allow_none=True)


class MailHistorySchema(MailSchema):
    """A mail with its attempts, first to last."""

    history = ma.fields.List(ma.fields.Nested(AttemptSchema), required=True)


READERS = ("viewer", "coordinator", "operator")
FILTERS = ("kind", "state", "event")


_KNOWN = {"event": text("SELECT id FROM event_copy WHERE :all OR id = ANY(CAST(:own AS text[]))")}


def mails_blueprint(work: UnitOfWork) -> Any:
    """Routes below ``/v1/mails``."""
    blueprint = Blueprint(
        "mails", __name__, url_prefix="/v1/mails", description="Mails: sent, waiting, failed, and why"
    )

    @blueprint.get("")
    @blueprint.arguments(MailQuery, location="query")
    @blueprint.response(200, MailListSchema)
    @needs(*READERS)
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Mails, newest first."""
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        with work.transaction() as connection:
            own = holder().forms
            require_known(connection, query, _KNOWN, {"all": own is None, "own": sorted(own or ())})
        wanted = {name: query[name] for name in FILTERS if query[name]} | _after(query["cursor"]) | _allowed()
        page = page_of(look_up_mails(work, wanted, query["limit"]), query["limit"], lambda mail: [mail.id])
        return {"items": [asdict(mail) for mail in page.items], "next": page.next}

    @blueprint.get("/<uuid:mail_id>")
    @blueprint.response(200, MailHistorySchema)
    @needs(*READERS)
    def show(mail_id: UUID) -> dict[str, Any]:
        """One mail with all attempts to send it."""
        found = look_up_mail(work, {"id": str(mail_id)} | _allowed())
        return asdict(found.mail) | {"history": [asdict(attempt) for attempt in found.attempts]}

    return blueprint


def _after(cursor: str) -> dict[str, Any]:
    mail_id = position_in(cursor, 1, lambda key: str(UUID(key[0])))
    return {} if mail_id is None else {"before": mail_id}


def _allowed() -> dict[str, Any]:
    """A key that is limited to some forms finds only their mails."""
    forms = holder().forms
    return {} if forms is None else {"forms": sorted(forms)}
