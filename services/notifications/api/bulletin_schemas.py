"""Shapes of bulletins and suppressions, for checking and for the OpenAPI document."""

import marshmallow as ma

from services.notifications.domain.bulletin import (
    COUNTRY,
    FORM_KINDS,
    LANGUAGE,
    LANGUAGES,
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    SLUG,
    WRITABLE,
)
from shared.web.paging import PageArguments

PERSON = r"^[0-9a-f]{64}\Z"


def _part(pattern: str, description: str) -> ma.fields.String:
    checks = [ma.validate.Length(max=80), ma.validate.Regexp(rf"^{pattern}\Z")]
    return ma.fields.String(validate=checks, metadata={"description": description})


def _text(longest: int) -> ma.fields.String:
    shape = rf"^(?=[\s\S]*\S){WRITABLE}\Z"
    checks = [ma.validate.Length(min=1, max=longest), ma.validate.Regexp(shape)]
    return ma.fields.String(required=True, validate=checks)


class TextSchema(ma.Schema):
    """One language of a bulletin: plain text, paragraphs parted by empty lines; addresses become links."""

    subject = _text(LONGEST_SUBJECT)
    text = _text(LONGEST_TEXT)


class SegmentSchema(ma.Schema):
    """Whom a bulletin is for: people with a registration that fits all that is given; nothing given: everybody."""

    event = _part(SLUG, "Registered for this event")
    form = _part(SLUG, "Registered on this form")
    form_kind = ma.fields.String(validate=ma.validate.OneOf(FORM_KINDS))
    working_group = _part(SLUG, "In this working group")
    partner = _part(SLUG, "Came through this partner")
    country = _part(COUNTRY, "ISO 3166 code")
    language = _part(LANGUAGE, "BCP 47 tag, as registered")
    not_registered_for = _part(SLUG, "Without a registration for this event")


def _requires_english(texts: dict[str, object]) -> None:
    if "en" not in texts:
        raise ma.ValidationError("English is required")


def _texts(*, required: bool) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(LANGUAGES)),
        values=ma.fields.Nested(TextSchema),
        required=required,
        validate=_requires_english,
        metadata={"description": "By language; English is required and goes to whoever reads none of the others"},
    )


class DraftSchema(ma.Schema):
    """A bulletin as it is written."""

    segment = ma.fields.Nested(SegmentSchema, load_default=dict)
    texts = _texts(required=True)


class DraftChangeSchema(ma.Schema):
    """Another segment, all texts anew, or both."""

    segment = ma.fields.Nested(SegmentSchema)
    texts = _texts(required=False)


class BulletinSchema(ma.Schema):
    """A bulletin as it is stored."""

    id = ma.fields.String(required=True)
    number = ma.fields.Integer(required=True)
    revision = ma.fields.Integer(required=True, metadata={"description": "Also its ETag; rises with each change"})
    segment = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(TextSchema))
    created_at = ma.fields.AwareDateTime(format="iso")
    sent_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    audience = ma.fields.Integer(allow_none=True, metadata={"description": "People counted when it was sent"})


class BulletinListSchema(ma.Schema):
    """One page of bulletins, newest first."""

    items = ma.fields.List(ma.fields.Nested(BulletinSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class SampleSchema(ma.Schema):
    """A bulletin's mail in one language."""

    language = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    text = ma.fields.String(required=True)
    html = ma.fields.String(required=True)


class PreviewSchema(ma.Schema):
    """What a bulletin would be if it were sent now."""

    bulletin = ma.fields.Nested(BulletinSchema, required=True)
    audience = ma.fields.Integer(required=True, metadata={"description": "Distinct people"})
    languages = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer())
    samples = ma.fields.List(ma.fields.Nested(SampleSchema), required=True)
    mark = ma.fields.String(required=True, metadata={"description": "To be named when sending"})


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


class SuppressSchema(ma.Schema):
    """A person who is to get no bulletins."""

    person_ref = ma.fields.String(required=True, validate=ma.validate.Regexp(PERSON))


class SuppressionSchema(SuppressSchema):
    """A person who gets no bulletins."""

    said_by = ma.fields.String(required=True, validate=ma.validate.OneOf(("recipient", "coordinator")))
    who = ma.fields.String(required=True, allow_none=True, metadata={"description": "Which coordinator"})
    since = ma.fields.AwareDateTime(format="iso", required=True)


class SuppressionListSchema(ma.Schema):
    """One page of suppressions, in the order of the references."""

    items = ma.fields.List(ma.fields.Nested(SuppressionSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class SuppressionQuery(PageArguments):
    """Which page."""
