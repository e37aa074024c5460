"""HTTP of webhooks: register, switch, replace the secret, list deliveries."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma

from services.notifications.webhooks.http_client import MAX_URL_LENGTH
from services.notifications.webhooks.service import WebhookService
from shared.http.access import holder, needs_all_forms
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import SLUG, StrictBoolean
from shared.runtime.clock import parse_rfc3339, rfc3339


class NewWebhookSchema(ma.Schema):
    """Where a partner wants to be called."""

    class Meta:
        unknown = ma.RAISE

    partner = ma.fields.String(required=True, validate=[ma.validate.Length(max=80), ma.validate.Regexp(SLUG)])
    url = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_URL_LENGTH),
        metadata={"description": "`https://`, a name and no IP address, port 443 or 8443"},
    )


class SwitchSchema(ma.Schema):
    """Whether an address is called."""

    class Meta:
        unknown = ma.RAISE

    on = StrictBoolean(required=True)


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
        required=True, metadata={"enum": ["queued", "claimed", "delivered", "failed", "cancelled"]}
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


def webhooks_blueprint(desk: WebhookService) -> Any:
    """Routes below ``/v1/webhooks``."""
    blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Partners who are called")
    _add_all(blueprint, desk)
    _add_one(blueprint, desk)
    _add_deliveries(blueprint, desk)
    return blueprint


def _add_all(blueprint: Any, desk: WebhookService) -> None:
    @blueprint.get("")
    @blueprint.response(200, WebhookListSchema)
    @needs_all_forms("coordinator", "operator")
    def list_them() -> dict[str, Any]:
        """All addresses, by partner, and whether they are called."""
        return {"items": [asdict(webhook) for webhook in desk.all()]}

    @blueprint.post("")
    @blueprint.arguments(NewWebhookSchema)
    @blueprint.response(201, AddedSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def add(content: dict[str, Any]) -> dict[str, Any]:
        """Call an address when a registration by the partner is confirmed or cancelled. The secret is shown once."""
        added, secret = desk.add(holder().name, content["partner"], content["url"])
        return {**asdict(added), "secret": secret}


def _add_one(blueprint: Any, desk: WebhookService) -> None:
    @blueprint.get("/<uuid:webhook_id>")
    @blueprint.response(200, WebhookSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator", "operator")
    def show(webhook_id: UUID) -> dict[str, Any]:
        """One address."""
        return asdict(desk.show(str(webhook_id)))

    @blueprint.patch("/<uuid:webhook_id>")
    @blueprint.arguments(SwitchSchema)
    @blueprint.response(200, WebhookSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def switch(content: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
        """Switch an address on or off; waiting calls to an address that is switched off are cancelled."""
        return asdict(desk.switch(holder().name, str(webhook_id), on=content["on"]))

    @blueprint.delete("/<uuid:webhook_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def delete(webhook_id: UUID) -> None:
        """Delete an address, with its secret and deliveries."""
        desk.delete(holder().name, str(webhook_id))

    @blueprint.post("/<uuid:webhook_id>/secret")
    @blueprint.response(200, SecretSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def rotate(webhook_id: UUID) -> dict[str, str]:
        """Create a new secret, shown once; for a day calls are signed with the previous one too."""
        return {"secret": desk.rotate(holder().name, str(webhook_id))}


def _add_deliveries(blueprint: Any, desk: WebhookService) -> None:
    @blueprint.get("/<uuid:webhook_id>/deliveries")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, DeliveryListSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator", "operator")
    def deliveries(query: dict[str, Any], webhook_id: UUID) -> dict[str, Any]:
        """Deliveries of the last days and their outcome, newest first."""
        before = position_in(query["cursor"], 2, _position)
        lines = desk.deliveries(str(webhook_id), before, query["limit"] + 1)
        page = page_of(lines, query["limit"], lambda line: [rfc3339(line.created_at), line.id])
        return {"items": [asdict(line) for line in page.items], "next": page.next}


def _position(key: Sequence[str]) -> tuple[datetime, str]:
    return parse_rfc3339(key[0]), str(UUID(key[1]))
