"""Addresses of which no registration is taken: coordinators say which, and nobody else learns of it."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import marshmallow as ma

from services.registration.people.blocking import Blocked, block_address, blocked_addresses, unblock_address
from services.registration.people.references import References
from shared.core.clock import Clock
from shared.public_forms.address_field import email_field
from shared.public_forms.addresses import normal_address
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, page_of, position_in
from shared.web.problems import ProblemSchema
from shared.web.reasons import reason_field

NOBODY = str(UUID(int=0))


class BlockSchema(ma.Schema):
    """Whom to block."""

    class Meta:
        unknown = ma.RAISE

    email = email_field()
    reason = reason_field("Shown to coordinators: leave names and addresses out, they would be kept here")


class BlockedSchema(ma.Schema):
    """A blocked address, without the address: it is not kept."""

    id = ma.fields.UUID(required=True)
    reason = ma.fields.String(required=True)
    blocked_at = ma.fields.AwareDateTime(format="iso", required=True)
    blocked_by = ma.fields.String(required=True)


class BlockedListSchema(ma.Schema):
    """A page of them."""

    items = ma.fields.List(ma.fields.Nested(BlockedSchema), required=True)
    next = ma.fields.String(allow_none=True, metadata={"description": "Cursor of the next page"})


def blocked_blueprint(work: UnitOfWork, clock: Clock, references: References) -> Any:
    """Routes below ``/v1/blocked-addresses``."""
    blueprint = Blueprint(
        "blocked_addresses",
        __name__,
        url_prefix="/v1/blocked-addresses",
        description="Addresses of which no registration is taken",
    )

    @blueprint.get("")
    @blueprint.arguments(PageArguments, location="query")
    @blueprint.response(200, BlockedListSchema)
    @needs_all_forms("coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Blocked addresses, oldest first: why, since when and by whom. The addresses themselves are not kept."""
        after = position_in(query["cursor"], 1, _read_id)
        page = page_of(blocked_addresses(work, after or NOBODY, query["limit"] + 1), query["limit"], _identity)
        return {"items": [asdict(entry) for entry in page.items], "next": page.next}

    @blueprint.post("")
    @blueprint.arguments(BlockSchema)
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def block(content: dict[str, Any]) -> None:
        """Block an address: registrations with it are dropped, with the usual response. Repeating changes nothing.

        Existing registrations of the address stay.
        """
        address = normal_address(content["email"].strip())
        block_address(work, clock, references, address, content["reason"], by=holder().name)

    @blueprint.delete("/<uuid:blocked_id>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms("coordinator")
    def unblock(blocked_id: UUID) -> None:
        """Accept registrations of this address again."""
        unblock_address(work, clock, str(blocked_id), by=holder().name)

    return blueprint


def _identity(entry: Blocked) -> tuple[str]:
    return (entry.id,)


def _read_id(parts: Any) -> str:
    return str(UUID(parts[0]))
