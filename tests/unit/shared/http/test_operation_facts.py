"""Policy, conditional headers and defaults of an operation in its OpenAPI document."""

from typing import Any

import marshmallow as ma
import pytest

from shared.http.access import needs, needs_all_forms, needs_or_link, public, public_or_key
from shared.http.openapi import made_once
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint

KEY: dict[str, list[str]] = {"key": []}
PARTNER_KEY: dict[str, list[str]] = {"partnerKey": []}
LINK: dict[str, list[str]] = {"linkToken": []}
SESSION: dict[str, list[str]] = {"session": []}


class _Kind(ma.Schema):
    kind = ma.fields.String(load_default="", validate=ma.validate.OneOf(["webinar"]))


def _document(policy: Any, *refusals: int) -> dict[str, Any]:
    """Of one operation, ``PATCH /v1/things/{name}``, which returns 202, and of its reading."""
    blueprint = Blueprint("things", __name__, url_prefix="/v1/things")

    def change(_query: dict[str, Any], _name: str) -> str:
        """Change a thing."""
        return ""

    def show(_name: str) -> str:
        """One thing."""
        return ""

    view = policy(change) if policy is not None else change
    for status in refusals:
        view = blueprint.alt_response(status, schema=ProblemSchema)(view)
    view = blueprint.response(200, _Kind)(blueprint.arguments(_Kind, location="query")(view))
    blueprint.patch("/<_name>")(view)
    blueprint.get("/<_name>")(blueprint.response(200, _Kind)(public(show)))
    return made_once("Things", [blueprint], "troika")()


def _patch(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/v1/things/{_name}"]["patch"]
    return operation


@pytest.mark.parametrize(
    ("policy", "security", "roles"),
    [
        (public, [], None),
        (public_or_key, [{}, KEY, SESSION], None),
        (needs("viewer", "coordinator"), [KEY, SESSION], ["coordinator", "viewer"]),
        (needs_all_forms("coordinator", "partner"), [KEY, PARTNER_KEY, SESSION], ["coordinator", "partner"]),
        (needs_or_link("coordinator"), [KEY, SESSION, LINK], ["coordinator"]),
    ],
)
def test_security_is_that_of_the_decorator(policy: Any, security: Any, roles: Any) -> None:
    document = _document(policy)
    operation = _patch(document)
    assert (operation["security"], operation.get("x-roles")) == (security, roles)
    named = {name for way in operation["security"] for name in way}
    assert named <= set(document["components"]["securitySchemes"])
    assert document["components"]["securitySchemes"]["session"]["name"] == "troika"


def test_operation_without_a_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="does not state who may call it"):
        _document(None)


@pytest.mark.parametrize(("refusals", "required"), [((), None), ((412,), False), ((412, 428), True)])
def test_if_match_is_declared_where_a_state_is_compared(refusals: tuple[int, ...], required: bool | None) -> None:
    """And then reading returns the tag that a change sends."""
    document = _document(public, *refusals)
    declared = {one["name"]: one["required"] for one in _patch(document)["parameters"] if one["in"] == "header"}
    assert declared == ({} if required is None else {"If-Match": required})
    shown = document["paths"]["/v1/things/{_name}"]["get"]["responses"]["200"]
    assert ("ETag" in shown["headers"]) == (required is not None)


def test_default_that_the_schema_refuses_is_left_out() -> None:
    [parameter] = [one for one in _patch(_document(public))["parameters"] if one["in"] == "query"]
    assert parameter["schema"] == {"type": "string", "enum": ["webinar"]}
