"""The database cost of a request does not grow with the data, nor with concurrent requests."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.notifications.recipients.service import make_unsubscribe_token
from shared.http.page_cache import PAGE_CACHE
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_id
from shared.security.sealing import Vault, read_keys
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import OTHER_FORM, WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, submissions_path
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers, publish_to_events
from tests.support.statements import statements

MOST = 6
"""Statements in a request of someone from outside: a page, a submission, a link."""
MAX_OF_THE_OWN_PAGE = 7
"""It shows everything behind a managing link: six parts, read in one transaction, and the event for calendars."""
OWN_PAGE = "registration GET /r/<token>"
MAX_OF_A_FORM = 7
"""To reread a form, once a second in each process: they come on top."""
MAX_OF_THE_DESK = 21
"""In one of a coordinator's: such a page puts together many tables, each read once."""
MORE = 12
SUBMITTED = ("new", "the same again", "another attempt", "as a page", "a proposal", "another proposal")


def test_form_is_read_by_a_few_statements(services: ServicesUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 0.0)
    with statements(*services.engines.values()) as issued:
        assert services.ask("registration", "GET", f"/v1/forms/{WEBINAR}").status_code == 200
    assert 0 < len(issued) <= MAX_OF_A_FORM


@pytest.mark.parametrize("path", [f"/v1/forms/{WEBINAR}", f"/v1/forms/{WEBINAR}/schema"])
def test_form_that_programs_read_is_kept(
    services: ServicesUnderTest, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
    assert services.ask("registration", "GET", path).status_code == 200
    with statements(*services.engines.values()) as issued:
        assert services.ask("registration", "GET", path).status_code == 200
    assert issued == []


def most(name: str) -> int:
    """The most statements of a route, or a request, of this name by someone from outside."""
    page = MAX_OF_THE_OWN_PAGE if name == OWN_PAGE else MOST
    return page + MAX_OF_A_FORM if name.startswith("registration ") else page


def counts(services: ServicesUnderTest, routes: list[Route]) -> dict[str, int]:
    """Statements of each route that reads, asked by someone who may."""
    found = {}
    for route in routes:
        if route.is_safe and not route.rule.startswith("/-/"):
            if (
                PAGE_CACHE in services.apps[route.service].extensions
            ):  # a page in memory costs nothing, nor does its form
                services.apps[route.service].extensions[PAGE_CACHE].clear()
            with statements(*services.engines.values()) as issued:
                services.ask(route.service, route.method, path_of(services, route), key=WHOLE)
            found[str(route)] = len(issued)
    return found


def test_reading_costs_as_many_statements_however_much_there_is(
    services: ServicesUnderTest, routes: list[Route]
) -> None:
    before = counts(services, routes)
    for number in range(MORE):
        person = answers(number, email=f"more-{new_id()}@example.org", organisation=f"More {new_id()}")
        services.registration.enrol(person)
        proposal = proposal_answers(f"Another {number}", email=f"more-{new_id()}@example.org")
        services.registration.enrol(proposal, PROPOSAL)
        draft = {"segment": {}, "texts": {"en": {"subject": "News", "text": "Some."}}}
        assert services.ask("notifications", "POST", "/v1/bulletins", json=draft, key=WHOLE).status_code == 201
    publish_to_events(services.registration)
    after = counts(services, routes)
    grown = {name: (number, after[name]) for name, number in before.items() if after[name] > max(number, 1)}
    assert grown == {}
    kinds = {str(route): route.policy.kind for route in routes}
    assert {name: n for name, n in after.items() if kinds[name] != "role" and n > most(name)} == {}
    assert {name: n for name, n in after.items() if n > MAX_OF_THE_DESK} == {}


def test_page_of_an_address_costs_as_many_statements_however_much_waits_there(
    services: ServicesUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form itself is in memory."""
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 60.0)
    path = f"/c/{services.values['registration']['confirmation_token']}"

    def asked() -> tuple[int, int]:
        services.ask("registration", "GET", path)
        with statements(*services.engines.values()) as issued:
            page = services.ask("registration", "GET", path).text
        return page.count('value="refuse"'), len(issued)

    before = asked()
    assert services.registration.submit(answers(2, name="A colleague")).status_code == 202
    services.registration.decide()
    assert asked() == (before[0] + 1, before[1])
    assert 0 < before[1] <= MOST


def _submissions(services: ServicesUnderTest) -> dict[str, Callable[[], TestResponse]]:
    """What people from outside send, each as it costs most."""
    person = answers(1, email=f"once-{new_id()}@example.org")
    proposal = proposal_answers("Once", email=f"once-{new_id()}@example.org")
    vault = Vault(read_keys(services.installation.secrets.folder / "unsubscribe.key"))
    key = {"Idempotency-Key": new_id()}

    def send(service: str, path: str, **content: Any) -> Callable[[], TestResponse]:
        return lambda: services.ask(service, "POST", path, **content)

    return {
        "new": send("registration", SUBMISSIONS, json=person, headers=key),
        "the same again": send("registration", SUBMISSIONS, json=person, headers=key),
        "another attempt": send("registration", SUBMISSIONS, json=person),
        "as a page": send("registration", SUBMISSIONS, data={**person, "consent": "yes"}),
        "with faults": send("registration", SUBMISSIONS, json={}),
        "trapped": send("registration", SUBMISSIONS, json={**person, "website": "x"}),
        "on no form": send("registration", submissions_path(OTHER_FORM), json=person),
        "a proposal": send("registration", submissions_path(PROPOSAL), json=proposal),
        "another proposal": send("registration", submissions_path(PROPOSAL), json=proposal),
        "an unknown link": send("registration", "/r/" + "x" * 43, data={"action": "cancel"}),
        "no more bulletins": send(
            "notifications", "/u/" + make_unsubscribe_token(vault, "ef" * 32, "en", system_clock())
        ),
    }


def test_what_people_send_costs_a_few_statements(services: ServicesUnderTest) -> None:
    """Also where the same comes again, where it is refused, and where no one is meant."""
    found = {}
    for name, send in _submissions(services).items():
        with statements(*services.engines.values()) as issued:
            answer = send()
        assert answer.status_code < 500, name
        found[name] = len(issued)
    allowed = dict.fromkeys(found, MOST) | dict.fromkeys(SUBMITTED, most("registration submission"))
    assert {name: number for name, number in found.items() if number > allowed[name]} == {}
    assert (found["new"] > 0, found["with faults"], found["trapped"]) == (True, 0, found["another attempt"])


@pytest.mark.parametrize("times", [1, 40])
def test_attempts_in_a_row_cost_no_more_each(services: ServicesUnderTest, times: int) -> None:
    """An attacker repeats the same request: the last costs what the second cost."""
    person = answers(1, email=f"often-{new_id()}@example.org")
    for _ in range(times):
        assert services.ask("registration", "POST", SUBMISSIONS, json=person).status_code in (202, 429)
    with statements(*services.engines.values()) as issued:
        services.ask("registration", "POST", SUBMISSIONS, json=person)
    assert len(issued) <= most("registration submission")
