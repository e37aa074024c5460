"""Shapes of webhooks and of what was delivered to them."""

import marshmallow as ma

from services.notifications.calling.addresses import LONGEST_URL
from shared.contracts.schemas import SLUG
from shared.web.operations import TrueOrFalse


class NewWebhookSchema(ma.Schema):
    """Where a partner wants to be called."""

    class Meta:
        unknown = ma.RAISE

    partner = ma.fields.String(required=True, validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)])
    url = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=LONGEST_URL),
        metadata={"description": "`https://`, a name and no IP address, port 443 or 8443"},
    )


class SwitchSchema(ma.Schema):
    """Whether an address is called."""

    class Meta:
        unknown = ma.RAISE

    on = TrueOrFalse(required=True)


class WebhookSchema(ma.Schema):
    """An address that is called."""

    id = ma.fields.String(required=True)
    partner = ma.fields.String(required=True)
    url = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(format="iso", required=True)
    created_by = ma.fields.String(required=True)
    off_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)
    off_reason = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`gone` (it answered 410), `failing` (for five days), `by hand`"},
    )
    failing_since = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)


class WebhookListSchema(ma.Schema):
    """All addresses."""

    items = ma.fields.List(ma.fields.Nested(WebhookSchema), required=True)


class SecretSchema(ma.Schema):
    """A secret, shown this once."""

    secret = ma.fields.String(required=True, metadata={"description": "`whsec_…`, for the receiver's library"})


class AddedSchema(WebhookSchema):
    """A new address with its secret, shown this once."""

    secret = ma.fields.String(required=True, metadata={"description": "`whsec_…`, for the receiver's library"})


class DeliverySchema(ma.Schema):
    """One call and what came of it."""

    id = ma.fields.String(required=True, metadata={"description": "The call's `webhook-id`"})
    type = ma.fields.String(required=True)
    registration_id = ma.fields.String(required=True)
    form = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    occurred_at = ma.fields.AwareDateTime(format="iso", required=True)
    state = ma.fields.String(
        required=True, metadata={"enum": ["queued", "claimed", "delivered", "failed", "called_off"]}
    )
    attempts = ma.fields.Integer(required=True)
    answer = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "Status of the last answer"})
    reason = ma.fields.String(required=True)
    due_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)
    ended_at = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)


class DeliveryListSchema(ma.Schema):
    """One page of calls."""

    items = ma.fields.List(ma.fields.Nested(DeliverySchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})
