"""Every route of every service, asked by everyone: no one lists, exports, looks up or changes without the role.

The policies are the routes' own; that each has one is tested in tests/architecture/test_routes.py, and what a limited
key may touch is in tests/architecture/limited_keys.py.
"""

import io
import zipfile

import pytest
from werkzeug.test import TestResponse

from services.console_pages import FIRST, SIGN_OUT
from shared.console.frame import HOME
from shared.http.lists import XLSX_TYPE
from shared.messaging.contracts.payloads import ROLES
from tests.architecture.limited_keys import FILTERED, HIDDEN, OWN_EVENT, REACH, REACH_OF, REFUSED
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import (
    ADDRESS,
    EXPIRED,
    LIMITED,
    PERSON,
    TITLE,
    UNKNOWN,
    WHOLE,
    WITHDRAWN,
    ServicesUnderTest,
)
from tests.integration.routes.valid_requests import path_of, request_of
from tests.support.statements import statements

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WORTH_NOTHING = (UNKNOWN, EXPIRED, WITHDRAWN)
SIGNING = (
    "POST /console/sign-in",
    "POST /console/sign-in/passkey",
    "POST /console/invitation/<token>/key",
    "POST /console/invitation/<token>/passkey",
    *(f"POST {path}" for path in SIGN_OUT),
)
"""Refuse by themselves what none of our pages sends."""
ASKS_WHO = tuple(
    f"events {route}"
    for route, statements_issued in REACH.items()
    if statements_issued == FILTERED and " /v1/" in route
)
"""Public, and shows more to a key: one that no one holds is not taken for none."""
OWN_PART = {("events GET /v1/overview", "operator"): {"query_string": {"internal": "true"}}}
"""What a role may ask of a route that shows the rest of it to other roles."""


def ask(services: ServicesUnderTest, route: Route, *, key: str = "", cookie: str = "") -> TestResponse:
    """What this caller is answered there."""
    asked = request_of(route) | OWN_PART.get((str(route), key or cookie), {})
    asked["headers"] = {**asked["headers"], **(SAME_ORIGIN if cookie else {})}
    return services.ask(route.service, route.method, path_of(services, route), key=key, cookie=cookie, **asked)


def let_in(answer: TestResponse) -> bool:
    """Whether the route has answered, perhaps that something is missing; a bug is no answer."""
    return answer.status_code < 500 and answer.status_code not in (401, 403) and not sent_to_sign_in(answer)


def leads_to_own_page(route: Route, answer: TestResponse) -> bool:
    """Whether a browser that opened the console's first page without access to it is redirected to its own."""
    return route.rule in (HOME, FIRST) and answer.status_code == 303 and not sent_to_sign_in(answer)


def sent_to_sign_in(answer: TestResponse) -> bool:
    """Whether a page of the console has redirected to the sign-in page."""
    return answer.status_code == 303 and answer.headers["Location"].startswith("/console/sign-in?next=")


def keeps_the_form(answer: TestResponse) -> bool:
    """Whether a page of the console asks to sign in, and keeps what was typed until then."""
    return answer.status_code == 401 and "What you typed is kept on this page." in answer.text


def turned_away(route: Route, answer: TestResponse) -> bool:
    """Whether someone without a key that counts was asked for one, as this kind of route does it."""
    if route.is_page:
        return sent_to_sign_in(answer) or (route.method == "POST" and keeps_the_form(answer))
    return answer.status_code == 401 and answer.get_json()["code"] == "key-required"


def names_in(answer: TestResponse) -> list[str]:
    """The personal data in the answer; of a spreadsheet, in any of its parts."""
    text = answer.text if answer.mimetype != XLSX_TYPE else _parts(answer.data)
    return [word for word in (PERSON, ADDRESS, TITLE) if word in text]


def _parts(spreadsheet: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(spreadsheet)) as parts:
        return "".join(parts.read(name).decode() for name in parts.namelist())


@pytest.fixture(scope="module")
def keyed(routes: list[Route]) -> list[Route]:
    """Routes that need a role, those that end something last."""
    found = [route for route in routes if route.policy.kind == "role"]
    assert len(found) > 90
    return sorted(found, key=lambda route: (not route.is_safe, str(route)))


def test_without_a_key_that_counts_every_such_route_asks_for_one(
    services: ServicesUnderTest, keyed: list[Route]
) -> None:
    """And has asked the database for nothing but who holds the key, and where it could be the token of a link."""
    by_link_too = [route for route in keyed if route.policy.or_link]
    assert [route.method for route in by_link_too] == ["GET", "DELETE", "PATCH"]
    with statements(*services.engines.values()) as asked:
        _all_turned_away(services, by_link_too)
    assert all("FROM own_registration(" in one or "FROM access_holder" in one for one in asked)
    with statements(*services.engines.values()) as statements_issued:
        _all_turned_away(services, [route for route in keyed if not route.policy.or_link])
    assert all("FROM access_holder" in one for one in statements_issued)


def _all_turned_away(services: ServicesUnderTest, keyed: list[Route]) -> None:
    for route in keyed:
        for who in ("", *WORTH_NOTHING):
            for answer in (ask(services, route, key=who), ask(services, route, cookie=who)):
                assert (turned_away(route, answer), names_in(answer)) == (True, []), (
                    f"{route} for {who or 'no one'}: {answer.status}"
                )


@pytest.mark.parametrize("role", ROLES)
def test_with_one_role_alone_exactly_the_routes_of_that_role_open(
    services: ServicesUnderTest, keyed: list[Route], role: str
) -> None:
    """By key and by cookie; a refusal has asked no database."""
    for route in keyed:
        for how in ({"key": role}, {"cookie": role}):
            with statements(*services.engines.values()) as statements_issued:
                answer = ask(services, route, **how)
            if role in route.policy.roles:
                assert let_in(answer), f"{route} for {how}: {answer.status_code}"
            else:
                refused = answer.status_code == 403 or ("cookie" in how and leads_to_own_page(route, answer))
                assert (refused, names_in(answer), statements_issued) == (True, [], []), (
                    f"{route} for {how}: {answer.status_code}"
                )


def test_key_of_another_form_opens_nothing_of_this_one(services: ServicesUnderTest, keyed: list[Route]) -> None:
    """With any roles: what belongs to all forms or to others is refused, lists leave out what is of others."""
    for route in keyed:
        reach = REACH_OF[route.service][f"{route.method} {route.rule}"]
        for how in ({"key": LIMITED}, {"cookie": LIMITED}):
            answer = ask(services, route, **how)
            closed = {REFUSED: 403, OWN_EVENT: 403, HIDDEN: 404}.get(reach)
            if "cookie" in how and leads_to_own_page(route, answer):
                closed = 303
            assert answer.status_code == closed if closed else let_in(answer), f"{route}: {answer.status_code}"
            assert names_in(answer) == [], route


def test_public_routes_and_links_ask_no_one_for_a_key(services: ServicesUnderTest, routes: list[Route]) -> None:
    """And reveal nothing about anyone, except to the holder of their link."""
    open_ones = [route for route in routes if route.policy.kind != "role"]
    assert len(open_ones) > 50
    for route in open_ones:
        for who in ("", *WORTH_NOTHING):
            answer = ask(services, route, key=who)
            refuses = f"{route.method} {route.rule}" in SIGNING or (who and str(route) in ASKS_WHO)
            assert (answer.status_code in (401, 403)) == bool(refuses), f"{route} for {who or 'no one'}"
            assert answer.status_code < 500, route
            assert route.policy.kind == "link" or names_in(answer) == [], route


OF_A_LIST = {
    "registration GET /console/registrations/sealed-lists/<uuid:list_id>",
    "registration GET /console/registrations/sealed-lists/<uuid:list_id>/<any(csv, xlsx):kind>",
    "registration GET /v1/sealed-lists/<uuid:list_id>",
}
"""These show the people who were on the list when it was opened: with people whom the tests search for, or without."""


def test_key_with_every_role_reads_people_on_these_routes(services: ServicesUnderTest, keyed: list[Route]) -> None:
    """What the tests above search for in vain can be found."""
    reading = [route for route in keyed if route.is_safe]
    naming = {str(route) for route in reading if names_in(ask(services, route, key=WHOLE))}
    assert naming - OF_A_LIST == {
        "events GET /console/side-events",
        "events GET /console/timetable/<uuid:proposal_id>",
        "events GET /v1/proposals",
        "events GET /v1/proposals/<uuid:proposal_id>",
        "registration GET /console/registrations",
        "registration GET /console/registrations.csv",
        "registration GET /console/registrations.xlsx",
        "registration GET /console/registrations/<uuid:registration_id>",
        "registration GET /console/registrations/<uuid:registration_id>/correct",
        "registration GET /console/registrations/<uuid:registration_id>/merge",
        "registration GET /console/registrations/sealed-readings",
        "registration GET /v1/registrations",
        "registration GET /v1/registrations/<uuid:registration_id>",
    }
