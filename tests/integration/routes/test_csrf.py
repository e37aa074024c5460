"""Requests that another site makes a coordinator's browser send do nothing, on any route."""

import json
from typing import Any

import pytest

from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import HOST, ORIGIN, WHOLE, ServicesUnderTest
from tests.integration.routes.test_who_may_call import let_in
from tests.integration.routes.valid_requests import CONTENT, path_of, request_of
from tests.support.statements import statements

FOREIGN: dict[str, dict[str, str]] = {
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "nonsense": {"Sec-Fetch-Site": "Same-Origin, cross-site"},
    "no header": {},
    "another origin": {"Origin": "https://evil.example.org"},
    "an origin that begins alike": {"Origin": f"{ORIGIN}.evil.example.org"},
    "an origin that ends alike": {"Origin": f"https://evil-{HOST}"},
    "our name, not encrypted": {"Origin": f"http://{HOST}"},
    "our name, another port": {"Origin": f"{ORIGIN}:8443"},
    "a hidden origin": {"Origin": "null"},
    "ours as a user": {"Origin": f"https://{HOST}@evil.example.org"},
    "a referer alone": {"Referer": f"{ORIGIN}/console"},
}
OWN = ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ORIGIN})


@pytest.fixture(scope="module")
def unsafe(routes: list[Route]) -> list[Route]:
    """Every route that needs a role and may change something."""
    found = [route for route in routes if route.policy.kind == "role" and not route.is_safe]
    assert len(found) > 40
    return found


@pytest.mark.parametrize("sender", FOREIGN)
def test_no_route_does_what_another_site_makes_a_browser_send(
    services: ServicesUnderTest, unsafe: list[Route], sender: str
) -> None:
    """Refused before anything is asked of a database, but for which origins may read the refusal of a form's route.

    Also where the body is one that a plain form can send.
    """
    for route in unsafe:
        asked = request_of(route)
        with statements(*services.engines.values()) as issued:
            for body in (asked, as_text(asked)):
                sent = {**body, "headers": {**body["headers"], **FOREIGN[sender]}}
                answer = services.ask(route.service, route.method, path_of(services, route), cookie=WHOLE, **sent)
                changing = [statement for statement in issued if not statement.strip().startswith("SELECT")]
                asked_of = [] if route.rule.startswith("/v1/forms/") else issued
                assert (answer.status_code, changing, asked_of) == (403, [], []), route


@pytest.mark.parametrize("own", OWN)
def test_what_our_own_pages_send_is_done(services: ServicesUnderTest, unsafe: list[Route], own: dict[str, str]) -> None:
    """Else the test above could not fail. Signing out is last: nothing is changed that others need."""
    for route in unsafe:
        asked = request_of(route)
        sent = {**asked, "headers": {**asked["headers"], **own, "If-Match": '"never"'}}
        answer = services.ask(route.service, route.method, path_of(services, route), cookie=WHOLE, **sent)
        assert let_in(answer), f"{route}: {answer.status_code}"


@pytest.mark.parametrize("route", [name for name, sent in CONTENT.items() if "json" in sent])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_api_reads_only_bodies_declared_as_json(
    services: ServicesUnderTest, routes: list[Route], route: str, kind: str
) -> None:
    """A plain form can send ``text/plain`` that reads like JSON; nothing takes it for JSON."""
    [found] = [one for one in routes if str(one) == route]
    body = json.dumps(CONTENT[route]["json"])
    headers = {"Sec-Fetch-Site": "same-origin", "If-Match": "*"} | ({"Content-Type": kind} if kind else {})
    answer = services.ask(
        found.service, found.method, path_of(services, found), cookie=WHOLE, data=body.encode(), headers=headers
    )
    assert answer.status_code in (415, 422), answer.text


def test_signing_in_for_someone_else_is_refused(services: ServicesUnderTest) -> None:
    """Else another site could have a coordinator work under its own name."""
    for sender in FOREIGN.values():
        sent: dict[str, Any] = {"data": {"key": services.keys[WHOLE]}, "headers": sender}
        answer = services.ask("registration", "POST", "/console/sign-in", **sent)
        assert (answer.status_code, answer.headers.get("Set-Cookie")) == (403, None)


def as_text(asked: dict[str, Any]) -> dict[str, Any]:
    """The same as a plain form can send it without asking first."""
    content = json.dumps(asked.get("json", asked.get("data", {})))
    return {"data": content, "headers": {**asked["headers"], "Content-Type": "text/plain"}}
