"""Every route of every service declares what it does with a key that is limited to some forms."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from deploy.specs import applications
from shared.http.access import policy_of
from shared.messaging.contracts.registry import SERVICES
from tests.architecture.limited_keys import FILTERED, REACH_OF, REFUSED

Views = dict[str, Callable[..., Any]]
IDENTIFYING = {"audience", "holder_if_any", "require_internal"}
"""With one of these a public route checks for a key, and may then show more."""


@pytest.fixture(scope="module")
def apps() -> dict[str, Flask]:
    """The application of each service."""
    return applications()


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service."""
    name: str = request.param
    return name


@pytest.fixture
def reach(service: str) -> dict[str, str]:
    """The entry of the table."""
    return REACH_OF[service]


@pytest.fixture
def views(apps: dict[str, Flask], service: str) -> Views:
    """The view of each route, by method and rule."""
    app = apps[service]
    return {
        f"{method} {rule.rule}": app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def _routes(views: Views, fits: Callable[[Callable[..., Any]], bool]) -> list[str]:
    return sorted(route for route, view in views.items() if fits(view))


def test_every_route_that_needs_a_key_is_in_the_table(views: Views, reach: dict[str, str]) -> None:
    keyed = _routes(views, lambda view: getattr(policy_of(view), "kind", "") == "role")
    assert keyed == sorted(route for route in reach if route not in _public_in_the_table(views, reach))


def test_every_public_route_that_shows_more_with_a_key_is_in_the_table(views: Views, reach: dict[str, str]) -> None:
    def asks_who(view: Callable[..., Any]) -> bool:
        inner = inspect.unwrap(view)
        return inner.__module__.startswith("services.") and not IDENTIFYING.isdisjoint(inner.__globals__)

    public = [route for route in _routes(views, asks_who) if getattr(policy_of(views[route]), "kind", "") == "public"]
    assert public == _public_in_the_table(views, reach)
    assert {reach[route] for route in public} <= {FILTERED}


def test_what_reaches_across_all_forms_is_refused_by_the_guard(views: Views, reach: dict[str, str]) -> None:
    refusing = _routes(views, lambda view: getattr(policy_of(view), "all_forms", False))
    assert refusing == sorted(route for route, reached in reach.items() if reached == REFUSED)


def _public_in_the_table(views: Views, reach: dict[str, str]) -> list[str]:
    return sorted(route for route in reach if getattr(policy_of(views[route]), "kind", "") == "public")
