"""No operation of the API ignores a query parameter or a value: a misspelt filter would return everyone, or no one."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.http.request_data import MAX_FAULTS, known_parameters
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of, request_of
from tests.support.clients import WEBINAR


@pytest.fixture(scope="module")
def operations(services: ServicesUnderTest, routes: list[Route]) -> dict[Route, tuple[str, ...]]:
    """Operations of the interface with their query parameters, but those that take forms from anyone's page."""
    known: dict[Route, tuple[str, ...]] = {}
    for route in routes:
        if route.rule.startswith("/v1/") and (route.is_safe or route.policy.kind != "public"):
            names = known_parameters(_view(services, route))
            assert names is not None, route
            known[route] = names
    assert len(known) > 60
    return known


def _view(services: ServicesUnderTest, route: Route) -> Any:
    app = services.apps[route.service]
    for rule in app.url_map.iter_rules():
        if rule.rule == route.rule and route.method in (rule.methods or ()):
            return app.view_functions[rule.endpoint]
    raise LookupError(str(route))


def _ask(services: ServicesUnderTest, route: Route, query: str) -> TestResponse:
    request = request_of(route)
    required = [f"{name}={value}" for name, value in request.pop("query_string", {}).items()]
    query = "&".join([*required, query])
    return services.ask(route.service, route.method, f"{path_of(services, route)}?{query}", key=WHOLE, **request)


def _errors(answer: TestResponse) -> list[dict[str, str]] | None:
    return answer.get_json()["errors"] if answer.status_code == 422 else None


def test_parameter_that_no_operation_knows_is_refused(
    services: ServicesUnderTest, operations: dict[Route, tuple[str, ...]]
) -> None:
    answered = {
        str(route): [(error["pointer"], error["code"]) for error in _errors(_ask(services, route, "zzz=1")) or ()]
        for route in operations
    }
    assert answered == {route: [("/zzz", "unknown-parameter")] for route in answered}


def test_misspelt_parameter_is_answered_with_the_nearest_known_name(
    services: ServicesUnderTest, operations: dict[Route, tuple[str, ...]]
) -> None:
    misspelt = [(route, name) for route, names in operations.items() for name in names if not name.endswith(".")]
    assert len(misspelt) > 50
    for route, name in misspelt:
        errors = _errors(_ask(services, route, f"{name}x=1"))
        assert errors is not None, (route, name)
        assert [error["pointer"] for error in errors] == [f"/{name}x"]
        assert errors[0]["message"] == f"Unknown parameter; did you mean `{name}`?"


NAMED = {
    "event": WEBINAR,
    "attend": WEBINAR,
    "not_registered_for": WEBINAR,
    "form": WEBINAR,
    "series": "upr-webinar-wednesday",
    "working_group": "housing",
    "partner": "example-partner",
}
"""A value of each filter that names something."""


def test_misspelt_value_is_answered_with_the_nearest_known_one(
    services: ServicesUnderTest, operations: dict[Route, tuple[str, ...]]
) -> None:
    """An empty list would read like an event to which no one comes; what is spelt correctly is found."""
    filters = [
        (route, name) for route, names in operations.items() if _is_list(route) for name in NAMED.keys() & set(names)
    ]
    assert len(filters) > 20
    answered, expected = {}, {}
    for route, name in filters:
        correct, misspelt = (_ask(services, route, f"{name}={value}") for value in (NAMED[name], f"{NAMED[name]}x"))
        place = f"{route} {name}"
        answered[place] = (correct.status_code, misspelt.status_code, misspelt.get_json().get("detail", ""))
        expected[place] = (200, 422, f"{name}: Unknown value; did you mean `{NAMED[name]}`?")
    expected |= dict.fromkeys(NOT_PUBLISHED, (200, 200, ""))
    assert answered == expected


_OF_PEOPLE = ("event", "form", "not_registered_for", "partner")
CONSOLE = {
    "registration /console/registrations": _OF_PEOPLE,
    "registration /console/registrations.csv": _OF_PEOPLE,
    "registration /console/registrations.xlsx": _OF_PEOPLE,
    "registration /console/registrations/write": _OF_PEOPLE,
    "registration /console/registrations/sealed-readings": ("form",),
    "events /console/set-up/group-contacts": ("working_group",),
    "events /console/set-up/resources": ("event", "series"),
    "events /console/geneva": ("not_in",),
    "events /console/speakers": ("event",),
    "events /console/speakers.csv": ("event",),
}
"""Filters of each list in the console that name what is in the database."""


def test_console_names_the_nearest_value_to_a_misspelt_one(services: ServicesUnderTest) -> None:
    answered, expected = {}, {}
    for place, names in CONSOLE.items():
        service, path = place.split()
        for name in names:
            value = NAMED.get(name, WEBINAR)
            asked = f"{path}?{name}={value}x"
            answer = services.ask(service, "GET", asked, cookie=WHOLE, headers={"Accept": "text/html"})
            found = re.search(r"did you mean `([^`]+)`\?[^.]", answer.text)
            answered[place, name] = (answer.status_code, found and found[1])
            expected[place, name] = (422, value)
    assert answered == expected


def test_sealed_list_about_a_misspelt_value_is_not_opened(services: ServicesUnderTest) -> None:
    wanted = {"purpose": "access", "form": WEBINAR, "reason": "request of 12 March, case 17"}
    for name in ("event", "not_registered_for", "partner"):
        asked = wanted | {"filters": {name: f"{NAMED[name]}x"}}
        answer = services.ask("registration", "POST", "/v1/sealed-lists", key=WHOLE, json=asked)
        detail = f"{name}: Unknown value; did you mean `{NAMED[name]}`?"
        assert (answer.status_code, answer.get_json()["detail"]) == (422, detail)


NOT_PUBLISHED = ("notifications GET /v1/mails event", "registration GET /v1/registrations working_group")
"""Filters of what another service publishes, which has published nothing here: nothing is known, nothing is refused."""


def _is_list(route: Route) -> bool:
    return route.method == "GET" and route.rule != "/v1/challenge"


def test_many_unknown_parameters_cost_little(services: ServicesUnderTest) -> None:
    """A request line holds a thousand names; each comparison with all known ones would cost a fraction of a second."""
    query = "&".join(f"x{number}=1" for number in range(900))
    answer = services.ask("events", "GET", f"/v1/events?{query}")
    assert (answer.status_code, len(answer.get_json()["errors"])) == (422, MAX_FAULTS)
    long = services.ask("events", "GET", f"/v1/events?{'statu' * 400}=1")
    assert "did you mean" not in long.get_json()["errors"][0]["message"]


def test_parameter_given_twice_is_refused(
    services: ServicesUnderTest, operations: dict[Route, tuple[str, ...]]
) -> None:
    """Only one of the two would count."""
    for route, names in operations.items():
        for name in names:
            errors = _errors(_ask(services, route, f"{name}=1&{name}=1"))
            assert errors is not None, (route, name)
            assert [(error["pointer"], error["code"]) for error in errors] == [(f"/{name}", "repeated-parameter")]


def test_caller_without_a_key_sees_no_parameter_names(
    services: ServicesUnderTest, operations: dict[Route, tuple[str, ...]]
) -> None:
    closed = [route for route in operations if route.policy.kind != "public"]
    answered = {
        str(route): services.ask(route.service, route.method, f"{path_of(services, route)}?zzz=1") for route in closed
    }
    assert {route for route, answer in answered.items() if answer.status_code != 401} == set()
