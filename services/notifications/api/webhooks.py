"""Webhooks of partners: where to call, with which secret, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from services.notifications.api.webhook_schemas import (
    AddedSchema,
    DeliveryListSchema,
    NewWebhookSchema,
    SecretSchema,
    SwitchSchema,
    WebhookListSchema,
    WebhookSchema,
)
from services.notifications.usecases.manage_webhooks import WebhookDesk
from shared.core.clock import parse_rfc3339, rfc3339
from shared.web.access import holder, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, page_of, position_in
from shared.web.problems import ProblemSchema


def webhooks_blueprint(desk: WebhookDesk) -> Any:
    """Routes below ``/v1/webhooks``."""
    blueprint = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Partners who are called")
    _add_all(blueprint, desk)
    _add_one(blueprint, desk)
    _add_deliveries(blueprint, desk)
    return blueprint


def _add_all(blueprint: Any, desk: WebhookDesk) -> None:
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


def _add_one(blueprint: Any, desk: WebhookDesk) -> None:
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


def _add_deliveries(blueprint: Any, desk: WebhookDesk) -> None:
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
