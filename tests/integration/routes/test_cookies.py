"""Cookies: the console's only, set by signing in; public pages behave the same with it."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.console_pages import SIGN_OUT
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import COOKIE, WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of
from tests.support.clients import WEBINAR, answers, rows, submissions_path
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers

PEOPLES = (
    "/v1/forms/<slug>",
    "/v1/forms/<slug>/schema",
    "/embed/<slug>",
    "/r/<token>",
    "/r/<token>/<any(answers, details):step>",
    "/r/<token>/address",
    "/r/<token>/calendar.ics",
    "/r/<token>/my-data",
    "/r/<token>/my-data.json",
    "/r/undo/<token>",
    "/v/<token>",
    "/j/<token>",
    "/c/<token>",
    "/c/<token>/forms/<slug>",
    "/receipts/<receipt>",
    "/u/<token>",
)
CHANGING = re.compile(
    r"""nonce-[\w-]{22}|nonce="[\w-]{22}"|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"""
    r"""|/receipts/[a-z2-7]{32}|"receipt": ?"[a-z2-7]{32}"|\b[2-9A-HJKMNP-Z]{4}\b"""
    r"""|value="[\w-]{22,}"|"received_at":"[^"]+"|cookie-\d-\w+@example\.org|\d{4}-\d\d-\d\dT[\d:.]+Z"""
    r"""|DTSTAMP:\d{8}T\d{6}Z"""
)
"""What differs between any two answers: nonces, ids, receipts and codes, times, and the address that was typed."""
OWN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = {"Origin": "https://evil.example.org", "Sec-Fetch-Site": "cross-site"}


def test_no_route_but_signing_in_and_out_sets_a_cookie(
    services: ServicesUnderTest, routes: list[Route], answered: list[tuple[Route, str, TestResponse]]
) -> None:
    """Neither for someone with every key nor for someone who is signed in nor for anyone else."""
    known = [
        (route, "", services.ask(route.service, "GET", path_of(services, route), cookie=WHOLE))
        for route in routes
        if route.is_safe
    ]
    known += [
        (route, "", services.ask(route.service, "POST", route.rule, cookie=WHOLE, headers=OWN))
        for route in routes
        if route.rule in SIGN_OUT
    ]
    setting = {
        f"{route.method} {route.rule}"
        for route, _, answer in (*answered, *known)
        if answer.headers.get("Set-Cookie") is not None
    }
    assert setting == {"POST /console/mail/sign-out"}


def test_cookie_of_signing_in_is_of_this_host_for_this_host_alone(services: ServicesUnderTest) -> None:
    """Under HTTPS ``__Host-`` makes browsers refuse it without Secure, with a Domain, or from another path."""
    given = {"key": services.keys[WHOLE]}
    answer = services.ask(
        "registration", "POST", "/console/sign-in", data=given, headers={"Sec-Fetch-Site": "same-origin"}
    )
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert value.startswith(f"{COOKIE}=")
    names = [attribute for attribute in attributes if not attribute.startswith("Expires=")]
    assert sorted(names) == ["HttpOnly", "Max-Age=1800", "Path=/", "SameSite=Lax", "Secure"]
    assert services.keys[WHOLE] not in answer.headers["Set-Cookie"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["troika", "__Secure-troika", "__host-troika", "__Host-Troika"])
def test_cookie_of_another_name_is_worth_nothing(services: ServicesUnderTest, name: str) -> None:
    """Such as any page of a neighbouring host could set for this one."""
    headers = {"Cookie": f"{name}={services.cookies[WHOLE]}"}
    assert services.ask("events", "GET", "/console", headers=headers).status_code == 303
    right = {"Cookie": f"{COOKIE}={services.cookies[WHOLE]}"}
    assert services.ask("events", "GET", "/console", headers=right).status_code == 200


def same(one: TestResponse, other: TestResponse) -> bool:
    """Whether two answers differ in what always differs alone."""
    return _settled(one) == _settled(other)


def _settled(answer: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
    headers = [(k, CHANGING.sub("*", v)) for k, v in answer.headers.items() if k not in ("Date", "X-Correlation-Id")]
    return answer.status_code, CHANGING.sub("*", answer.text), sorted(headers)


def test_pages_of_people_are_the_same_with_and_without_the_cookie(
    services: ServicesUnderTest, routes: list[Route]
) -> None:
    for route in routes:
        if route.rule in PEOPLES and route.is_safe:
            path = path_of(services, route)
            plain = services.ask(route.service, "GET", path)
            known = services.ask(route.service, "GET", path, cookie=WHOLE)
            assert _settled(plain) == _settled(known), route
            assert plain.status_code == 200


@pytest.mark.parametrize("as_page", [False, True])
@pytest.mark.parametrize("form", [WEBINAR, PROPOSAL])
def test_what_is_sent_by_people_is_the_same_with_and_without_the_cookie(
    services: ServicesUnderTest, form: str, as_page: bool
) -> None:
    """Another site that makes a coordinator's browser send it can do no more than anyone; forms are refused to it."""
    path = submissions_path(form)
    given = [_filled(form, number, as_page) for number in range(3)]
    plain = services.ask("registration", "POST", path, **given[0])
    known = services.ask("registration", "POST", path, cookie=WHOLE, **given[1])
    headers = {**given[2].pop("headers"), **FOREIGN}
    forced = services.ask("registration", "POST", path, cookie=WHOLE, headers=headers, **given[2])
    assert plain.status_code == 202, plain.text
    assert same(plain, known)
    assert forced.status_code == 403


def test_nothing_stored_of_a_registration_names_who_was_signed_in(services: ServicesUnderTest) -> None:
    """What was sent with the cookie, above, belongs to no one of the console."""
    for number in range(3):
        services.registration.enrol(answers(1, email=f"cookie-stored-{number}@example.org"))
    url = services.installation.urls["registration"]
    changes = "SELECT changed_by FROM registration_change c JOIN registration r ON r.id = c.registration_id"
    found = rows(url, f"{changes} WHERE r.email LIKE 'cookie-%%'")
    assert len(found) >= 3
    assert {who for (who,) in found} == {None}


def _filled(form: str, number: int, as_page: bool) -> dict[str, Any]:
    filled = {WEBINAR: answers(1), PROPOSAL: proposal_answers("A side event")}
    content = filled[form] | {"email": f"cookie-{number}-{as_page}@example.org"}
    if not as_page:
        return {"json": content, "headers": {}}
    return {"data": {**content, "consent": "yes"}, "headers": {"Accept": "text/html"}}
