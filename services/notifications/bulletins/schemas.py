"""Schemas of bulletins, for validation and for the OpenAPI document."""

from typing import Any

import marshmallow as ma

from services.notifications.bulletins.dispatch import OUTCOMES, UNSUBSCRIBED
from services.notifications.bulletins.model import (
    MAX_SUBJECT_LENGTH,
    MAX_TEXT_LENGTH,
    STATES,
    WARNINGS,
    WRITABLE,
)
from services.notifications.bulletins.store import NEWEST, SORTS
from services.notifications.mails.model import STATES as MAIL_STATES
from services.notifications.recipients.model import MAX_VALUE_LENGTH, PERSON_REF, SEGMENT_PARTS, max_values
from shared.http.lists import PageArguments
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import StrictBoolean


def _part(part: str, description: str) -> Any:
    checks = [ma.validate.Length(max=MAX_VALUE_LENGTH), ma.validate.Regexp(rf"^(?:{SEGMENT_PARTS[part]})\Z")]
    return ma.fields.List(
        ma.fields.String(validate=checks),
        validate=ma.validate.Length(max=max_values(part)),
        metadata={"description": description},
    )


def _text(max_length: int) -> ma.fields.String:
    shape = rf"^(?=[\s\S]*\S){WRITABLE}\Z"
    checks = [ma.validate.Length(min=1, max=max_length), ma.validate.Regexp(shape)]
    return ma.fields.String(required=True, validate=checks)


class TextSchema(ma.Schema):
    """One language of a bulletin: plain text, paragraphs separated by empty lines; addresses become links."""

    subject = _text(MAX_SUBJECT_LENGTH)
    text = _text(MAX_TEXT_LENGTH)


class SegmentSchema(ma.Schema):
    """Recipients of a bulletin.

    People with a registration that matches every given filter, by any of its values. Without filters: everyone. People
    who have cancelled, or have not confirmed their address, get none. Without `form`, `form_kind` or `registration` it
    leaves out people who have only proposed a side event.
    """

    event = _part("event", "Registered for one of these events")
    form = _part("form", "Registered on one of these forms")
    form_kind = _part("form_kind", "Registered on a form of one of these kinds")
    status = _part("status", "With one of these statuses")
    working_group = _part("working_group", "In one of these working groups")
    partner = _part("partner", "Came through one of these partners")
    country = _part("country", "ISO 3166 codes")
    language = _part("language", "BCP 47 tags, as registered")
    tag = _part("tag", "With one of these tags")
    mode = _part("mode", "Registered for an event with this attendance mode")
    not_registered_for = _part("not_registered_for", "Without a registration for any of these events or forms")
    registration = _part("registration", "One of these registrations, by id")
    representative = StrictBoolean(metadata={"description": "Whether they represent their working group"})


def _requires_english(texts: dict[str, object]) -> None:
    if "en" not in texts:
        raise ma.ValidationError("English is required")


def _texts(*, required: bool) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(LANGUAGES)),
        values=ma.fields.Nested(TextSchema),
        required=required,
        validate=_requires_english,
        metadata={"description": "By language. English is required, and is sent to people whose language is missing"},
    )


class BulletinDraftSchema(ma.Schema):
    """A bulletin as written."""

    segment = ma.fields.Nested(SegmentSchema, load_default=dict)
    texts = _texts(required=True)


class DraftChangeSchema(ma.Schema):
    """A new segment, all texts, or both."""

    segment = ma.fields.Nested(SegmentSchema)
    texts = _texts(required=False)


class BulletinSchema(ma.Schema):
    """A bulletin as stored."""

    id = ma.fields.String(required=True)
    number = ma.fields.Integer(required=True)
    revision = ma.fields.Integer(required=True, metadata={"description": "Also its ETag; increases with each change"})
    segment = ma.fields.Nested(SegmentSchema)
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(TextSchema))
    state = ma.fields.String(validate=ma.validate.OneOf(STATES))
    created_at = ma.fields.AwareDateTime(format="iso")
    send_at = ma.fields.AwareDateTime(
        format="iso", allow_none=True, metadata={"description": "When it is to be sent; null for a draft"}
    )
    send_zone = ma.fields.String(
        allow_none=True, metadata={"description": "IANA time zone in which that time was chosen"}
    )
    ordered_by = ma.fields.String(allow_none=True, metadata={"description": "Who sent or scheduled it"})
    not_sent = ma.fields.String(
        allow_none=True,
        metadata={
            "description": "Why it was not sent at its time: `no-recipients` (no one matched), `late` (by over a day) "
            "or `access-ended` (of the person who had scheduled it); it is a draft again"
        },
    )
    sent_at = ma.fields.AwareDateTime(format="iso", allow_none=True, metadata={"description": "When sending began"})
    audience = ma.fields.Integer(allow_none=True, metadata={"description": "People counted at that time"})
    stopped_at = ma.fields.AwareDateTime(format="iso", allow_none=True)


class BulletinQuery(PageArguments):
    """Which bulletins, in which order."""

    state = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *STATES]))
    q = ma.fields.String(
        load_default="",
        validate=[ma.validate.Length(max=100), ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*\Z")],
        metadata={"description": "A part of the English subject"},
    )
    sort = ma.fields.String(
        load_default=NEWEST,
        validate=ma.validate.OneOf(list(SORTS)),
        metadata={"description": "`-` before a name: descending"},
    )
    total = ma.fields.Boolean(load_default=False, metadata={"description": "Whether to return the total number"})


class BulletinListSchema(ma.Schema):
    """One page of bulletins."""

    items = ma.fields.List(ma.fields.Nested(BulletinSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})
    total = ma.fields.Integer(metadata={"description": "With `total=true`: the total number"})


class SampleSchema(ma.Schema):
    """A bulletin's mail in one language."""

    language = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    html = ma.fields.String(required=True)


class LeftOutSchema(ma.Schema):
    """People of the segment who do not get it."""

    suppressed = ma.fields.Integer(required=True, metadata={"description": "They have unsubscribed from bulletins"})
    not_live = ma.fields.Integer(
        required=True, metadata={"description": "They have cancelled, or have not confirmed their address"}
    )


class PreviewSchema(ma.Schema):
    """Preview of a bulletin if it were sent now."""

    bulletin = ma.fields.Nested(BulletinSchema, required=True)
    audience = ma.fields.Integer(required=True, metadata={"description": "Distinct people"})
    languages = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        metadata={"description": "People by language of their registrations"},
    )
    reads = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata={"description": "The language of the text that these people get"},
    )
    left_out = ma.fields.Nested(LeftOutSchema, required=True)
    warnings = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(WARNINGS)),
        required=True,
        metadata={
            "description": "To be confirmed when sending: `everybody` for an empty segment, `again` if the same text "
            "has been sent to the same segment"
        },
    )
    sent_before = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "Number of the same bulletin that was sent last"}
    )
    samples = ma.fields.List(ma.fields.Nested(SampleSchema), required=True)
    mark = ma.fields.String(required=True, metadata={"description": "To be named when sending"})


class TestSchema(ma.Schema):
    """Address for a test copy."""

    address = ma.fields.Email(required=True, validate=ma.validate.Length(max=254))


class TestedSchema(ma.Schema):
    """What was queued."""

    mails = ma.fields.Integer(required=True, metadata={"description": "One for each language of the bulletin"})


class SendSchema(ma.Schema):
    """The order to send."""

    expected = ma.fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "People as counted by the preview; refused if the number has changed"},
    )
    mark = ma.fields.String(
        required=True,
        validate=ma.validate.Regexp(PERSON_REF),
        metadata={"description": "Of the preview; refused if the draft or its recipients have changed since"},
    )
    confirmed = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(WARNINGS)),
        load_default=list,
        validate=ma.validate.Length(max=len(WARNINGS)),
        metadata={"description": "The warnings of the preview; refused if one is missing here"},
    )
    at = ma.fields.AwareDateTime(
        format="iso",
        load_default=None,
        metadata={
            "description": "When to send it, within a year; recipients are selected again at that time. Absent: now"
        },
    )


class OutcomeSchema(ma.Schema):
    """Outcome of a bulletin: people by outcome."""

    bulletin = ma.fields.Nested(BulletinSchema, required=True)
    counts = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(list(OUTCOMES))),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Each person in the audience has exactly one of these outcomes"},
    )
    unsubscribed = ma.fields.Integer(required=True, metadata={"description": "Unsubscribed by its link"})
    gone = ma.fields.Integer(
        required=True,
        metadata={"description": "Erased before their mail was created, or the mail is more than a year old"},
    )


class OutcomeQuery(PageArguments):
    """Which of its mails."""

    outcome = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *OUTCOMES, UNSUBSCRIBED]))


class BulletinMailSchema(ma.Schema):
    """One person's mail of a bulletin."""

    id = ma.fields.String(required=True, metadata={"description": "As in `/v1/mails`"})
    subject = ma.fields.String(metadata={"description": "Id of the registration by which the person gets it"})
    person_ref = ma.fields.String(allow_none=True, metadata={"description": "Null once the person was erased"})
    state = ma.fields.String(validate=ma.validate.OneOf(MAIL_STATES))
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
