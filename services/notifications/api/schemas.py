"""Shapes of requests for mails and of the answers, for checking and for the OpenAPI document."""

import marshmallow as ma

from services.notifications.domain.kinds import KINDS, LANES
from services.notifications.domain.states import PHASES, STATES
from shared.contracts.notifications import MAIL_ABOUT
from shared.contracts.schemas import SLUG
from shared.web.paging import PageArguments


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
    """A mail. It names nobody: the person stands in it by reference, the address nowhere."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(validate=ma.validate.OneOf(tuple(KINDS)))
    about = ma.fields.Function(
        lambda mail: KINDS[mail["kind"]].about,
        metadata={"type": "string", "enum": list(MAIL_ABOUT), "description": "What its subject is"},
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
        metadata={
            "description": "The same as in rosters; null once the person was erased or the mail about a link has ended"
        },
    )
    event = ma.fields.String(allow_none=True)
    lane = ma.fields.String(validate=ma.validate.OneOf(LANES))
    state = ma.fields.String(validate=ma.validate.OneOf(STATES))
    attempts = ma.fields.Integer(
        metadata={"description": "Number of attempts to hand it to the mail relay, since it was last sent again"}
    )
    due_at = ma.fields.AwareDateTime(
        format="iso", allow_none=True, metadata={"description": "When it is tried, or an unknown outcome decided on"}
    )
    cause_at = ma.fields.AwareDateTime(
        format="iso", metadata={"description": "When the event that it reports took place"}
    )
    created_at = ma.fields.AwareDateTime(format="iso")
    sent_at = ma.fields.AwareDateTime(
        format="iso", allow_none=True, metadata={"description": "When the mail relay took it"}
    )
    reason = ma.fields.String(allow_none=True, metadata={"description": "Why it has not gone"})


class MailListSchema(ma.Schema):
    """One page of mails, newest first."""

    items = ma.fields.List(ma.fields.Nested(MailSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class AttemptSchema(ma.Schema):
    """One time that a sender had the mail in hand."""

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
