"""Bodies and states of changes: the OpenAPI documents state what each operation requires."""

import re
from collections.abc import Iterator
from typing import Any

from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of, request_of


def _operations(services: ServicesUnderTest, routes: list[Route]) -> Iterator[tuple[Route, dict[str, Any]]]:
    """Each route of the interface with what the document of its service states."""
    documents = {name: services.ask(name, "GET", f"/-/{name}/openapi.json").get_json() for name in services.apps}
    stated = {
        (name, method.upper(), path): operation
        for name, document in documents.items()
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    for route in routes:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", route.rule)
        if (route.service, route.method, path) in stated:
            yield route, stated[route.service, route.method, path]


def test_missing_body_is_refused_where_the_document_requires_one(
    services: ServicesUnderTest, routes: list[Route]
) -> None:
    """A change without a body would change nothing, and answer as if it had."""
    statuses = {}
    for route, operation in _operations(services, routes):
        body = operation.get("requestBody", {"required": False, "content": {}})
        is_read_by_view = route.policy.kind == "public"  # forms of any page, in several media types
        if body["required"] and "application/json" in body["content"] and not is_read_by_view:
            answer = services.ask(
                route.service, route.method, path_of(services, route), key=WHOLE, headers={"If-Match": "*"}
            )
            errors = answer.get_json().get("errors", ())
            statuses[str(route)] = (answer.status_code, [error["pointer"] for error in errors])
    assert len(statuses) > 40
    assert statuses == dict.fromkeys(statuses, (422, [""]))


def test_trial_of_a_change_may_leave_out_the_state_but_not_name_another(
    services: ServicesUnderTest, routes: list[Route]
) -> None:
    statuses = {}
    for route, operation in _operations(services, routes):
        parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        if {"dry_run", "If-Match"} <= parameters.keys():
            path, sent = f"{path_of(services, route)}?dry_run=true", request_of(route)
            assert not parameters["If-Match"]["required"], route
            bare, stale = (
                services.ask(route.service, route.method, path, key=WHOLE, **sent | {"headers": headers})
                for headers in ({}, {"If-Match": '"7"'})
            )
            statuses[str(route)] = (bare.status_code, stale.status_code)
    assert statuses == {route: _EXPECTED.get(route, (404, 404)) for route in statuses}
    assert _EXPECTED.keys() <= statuses.keys()


_STEPS = "announce, confirm, postpone, reschedule, cancel, revive, hold"
_EXPECTED = {
    "events DELETE /v1/resources/<item_id>": (409, 412),
    "events PATCH /v1/events/<event_id>": (200, 412),
    f"events POST /v1/events/<event_id>/<any({_STEPS}):step_name>": (200, 412),
    "registration PATCH /v1/forms/<slug>": (200, 412),
}
"""Statuses for what is there: without the state, and with another one. All else answers that it is not there."""
