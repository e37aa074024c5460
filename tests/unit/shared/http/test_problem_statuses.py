"""A service declares the status of the problem codes that it alone raises; those of several are in one table."""

import ast
from collections.abc import Mapping

import pytest
from flask import Flask

from services.notifications import web as notifications
from services.registration import web as registration
from shared.http.problems import DOMAIN_STATUS, from_domain, handle_problems
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.errors import DomainError
from tests.architecture.sources import nodes, python_files

DECLARED = {"registration": registration.PROBLEM_STATUSES, "notifications": notifications.PROBLEM_STATUSES}


def raised_by(service: str) -> set[str]:
    """Codes of the domain errors that the code of a service raises by name."""
    calls = (node for path in python_files(f"services/{service}") for node in nodes(path) if isinstance(node, ast.Call))
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "DomainError" and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize("service", DECLARED)
def test_declared_codes_are_raised_by_that_service_alone(service: str) -> None:
    declared = DECLARED[service].keys()
    others = set().union(*(raised_by(other) for other in SERVICES if other != service))
    assert declared - raised_by(service) == set()
    assert declared & others == set()


def test_codes_with_a_status_for_all_are_raised_by_several_services() -> None:
    counts = {code: sum(code in raised_by(service) for service in SERVICES) for code in DOMAIN_STATUS}
    assert {code for code, count in counts.items() if count < 2} == {"if-match-required", "unknown-value"}, (
        "which the library raises"
    )


def test_domain_error_has_the_status_that_its_service_declares() -> None:
    app = Flask(__name__)
    handle_problems(app, {"list-expired": 410})
    with app.test_request_context():
        found = [from_domain(DomainError(code)).status_code for code in ("list-expired", "not-found", "any-other")]
    assert found == [410, 404, 409]


@pytest.mark.parametrize("statuses", [{"not-found": 410}, {"list-expired": 409}])
def test_status_that_needs_no_declaration_is_refused(statuses: Mapping[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(statuses))):
        handle_problems(Flask(__name__), statuses)
