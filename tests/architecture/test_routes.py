"""Every route of every service states who may call it."""

import pytest
from flask import Flask

from deploy.specs import applications
from services.registration.settings import RATES
from shared.http.access import Policy, policy_of
from shared.messaging.contracts.payloads import ROLES
from shared.messaging.contracts.registry import SERVICES


@pytest.fixture(scope="module")
def apps() -> dict[str, Flask]:
    """The application of each service."""
    return applications()


def test_every_service_has_an_application(apps: dict[str, Flask]) -> None:
    assert sorted(apps) == sorted(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_route_states_who_may_call_it(apps: dict[str, Flask], service: str) -> None:
    app = apps[service]
    rules = list(app.url_map.iter_rules())
    assert len(rules) > 5
    assert [rule.rule for rule in rules if policy_of(app.view_functions[rule.endpoint]) is None] == []


@pytest.mark.parametrize("service", SERVICES)
def test_policy_is_one_that_is_enforced(apps: dict[str, Flask], service: str) -> None:
    for view in apps[service].view_functions.values():
        policy = policy_of(view)
        assert policy is not None
        assert policy.kind in ("public", "link", "role")
        assert bool(policy.roles) == (policy.kind == "role")
        assert not policy.or_link or policy.kind == "role"
        assert policy.roles <= set(ROLES)


def test_what_is_stored_by_link_has_an_hourly_limit(apps: dict[str, Flask]) -> None:
    """A row stays for days. An invitation to the console stores none."""
    app = apps["registration"]
    views = {
        rule.rule: app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    kinds = {
        path: getattr(view, "limited_as", "")
        for path, view in views.items()
        if policy_of(view) == Policy("link") and not path.startswith("/console/")
    }
    assert set(kinds.values()) == {"command", "intake"}, kinds
    assert all("per hour" in RATES[kind] for kind in kinds.values())


def test_route_without_a_policy_is_refused() -> None:
    """What the guard is for, should the test above ever be missing."""
    app = applications()["events"]
    client = app.test_client()
    assert client.get("/-/events/livez").status_code == 200
    app.view_functions["events-health.livez"] = lambda: "ok\n"
    assert client.get("/-/events/livez").status_code == 403


@pytest.mark.parametrize("service", SERVICES)
def test_changing_route_is_never_a_get(apps: dict[str, Flask], service: str) -> None:
    """A link scanner follows every GET: a view that answers GET answers no other method but HEAD."""
    app = apps[service]
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods == {"GET"} or "GET" not in methods, rule.rule
