"""Internal failures reveal nothing to clients: no stack, statement, path, version or name of a part."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from deploy.specs import NOWHERE, build_applications
from services.console_pages import SIGN_OUT
from shared.db.engine import open_engine
from shared.http.lists import XLSX_TYPE
from shared.messaging.contracts.registry import SERVICES
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import path_of, request_of
from tests.support.clients import WEBINAR
from tests.support.proposals import FORM as PROPOSAL

SECRET = "canary-of-a-bug SELECT name, email FROM registration WHERE id = 7 /usr/lib/python3/site-packages/x.py"
REVEALING = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|/usr/|/home/|/tmp/|psycopg|sqlalchemy|postgres|werkzeug|flask|gunicorn"
    r"|nginx|marshmallow|jinja|kombu|pika|amqp|SELECT .* FROM|INSERT INTO|UPDATE .* SET|127\.0\.0\.1|localhost:|nowhere"
    r"|canary-of-a-bug|[a-z]Error\b|Exception\b",
    re.IGNORECASE,
)
SCRIPT = "text/javascript"
"""Our own files: the same for everyone, also where a condition of a request is not met. They name browsers' events."""

GARBAGE: tuple[dict[str, Any], ...] = (
    {"data": b"\xff\xfe{", "headers": {"Content-Type": "application/json"}},
    {"data": b"[" * 2000 + b"]" * 2000, "headers": {"Content-Type": "application/json"}},
    {"data": b'{"a": NaN}', "headers": {"Content-Type": "application/json"}},
    {"data": b"\x80\x04cos\nsystem\n.", "headers": {"Content-Type": "application/x-python-serialize"}},
    {"data": b"%ff=%fe&=&a", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    {"data": b"--x\r\nnonsense", "headers": {"Content-Type": "multipart/form-data; boundary=y"}},
    {"data": b"<x/>", "headers": {"Content-Type": "text/xml", "If-Match": "W/nonsense", "Idempotency-Key": "\x01"}},
    {"headers": {"Cookie": "__Host-troika=\xff.\x00", "Range": "bytes=9-1,x", "Accept": "*/*;q=x", "If-Match": "\xff"}},
)


@contextmanager
def failing(app: Flask, failure: Callable[..., Any]) -> Iterator[None]:
    """Every view of ``app`` has a bug; who may call it stays as it is."""
    kept = dict(app.view_functions)
    try:
        for endpoint, view in kept.items():
            failing_view = failure_with(view, failure)
            app.view_functions[endpoint] = failing_view
        yield
    finally:
        app.view_functions = kept


def failure_with(view: Callable[..., Any], failure: Callable[..., Any]) -> Callable[..., Any]:
    """``failure`` under the policy of ``view``."""

    def fail(**_arguments: Any) -> Any:
        return failure()

    fail.access_policy = view.access_policy  # type: ignore[attr-defined]
    return fail


def bug() -> None:
    """What no one foresaw."""
    raise RuntimeError(SECRET)


def gives_away(answer: TestResponse) -> list[str]:
    """The internal details in an answer."""
    text = "" if answer.mimetype in (SCRIPT, XLSX_TYPE) else answer.text
    return REVEALING.findall(f"{text}\n{answer.headers}")


@pytest.mark.parametrize("service", SERVICES)
def test_bug_in_any_view_returns_internal_and_a_correlation_id_alone(
    services: ServicesUnderTest, routes: list[Route], service: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log has the place, not the message: that may quote people's data."""
    own = [route for route in routes if route.service == service]
    with failing(services.apps[service], bug), caplog.at_level(logging.INFO):
        for route in own:
            answer = services.ask(service, route.method, path_of(services, route), key=WHOLE, **request_of(route))
            assert answer.get_json() == {
                "type": "urn:troika:problem:internal",
                "title": "Internal error",
                "status": 500,
                "code": "internal",
                "correlation_id": answer.headers["X-Correlation-Id"],
            }, route
            assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    failures = [record for record in caplog.records if record.message == "request failed"]
    assert len(failures) == len(own)
    assert {record.error.partition(":")[0] for record in failures} == {"RuntimeError at test_failures.py"}  # type: ignore[attr-defined]
    assert "canary-of-a-bug" not in repr([vars(record) for record in caplog.records])


def test_database_that_is_away_is_not_named(services: ServicesUnderTest, routes: list[Route]) -> None:
    """Nor where it would be: every route, to someone whose key opens it."""
    engines = {name: open_engine(NOWHERE) for name in SERVICES}
    apart = ServicesUnderTest(
        build_applications(services.installation.secrets, engines),
        services.keys,
        services.cookies,
        services.values,
        services.installation,
        engines,
        services.registration,
    )
    unavailable = 0
    for route in routes:
        answer = apart.ask(route.service, route.method, path_of(services, route), key=WHOLE, **request_of(route))
        assert answer.status_code not in (500, 502), route
        if answer.status_code == 503 and "/-/" not in route.rule:
            unavailable += 1
            assert (gives_away(answer), int(answer.headers["Retry-After"]) > 0) == ([], True), route
    assert unavailable > 90
    lists = ("/v1/events", f"/v1/events/{WEBINAR}/roster")
    for path in lists:
        answer = apart.ask("events", "GET", path, key=WHOLE, headers={"Accept": "text/csv"})
        assert (answer.status_code, gives_away(answer)) == (503, []), path  # and not an empty file
    for engine in engines.values():
        engine.dispose()


def test_nonsense_is_refused_without_a_word_of_what_reads_it(services: ServicesUnderTest, routes: list[Route]) -> None:
    """Bodies, headers and cookies that none of our clients sends, to every route that takes any."""
    statuses = set()
    for route in routes:
        if route.rule in SIGN_OUT or route.rule.startswith("/-/"):
            continue
        for sent in GARBAGE if not route.is_safe else GARBAGE[-1:]:
            answer = services.ask(route.service, route.method, path_of(services, route), key=WHOLE, **sent)
            statuses.add(answer.status_code)
            if answer.status_code >= 400:
                assert (answer.status_code < 500, gives_away(answer)) == (True, []), f"{route} {answer.text}"
    assert {400, 415, 422} <= statuses


def test_line_feed_in_a_path_or_a_value_ends_no_header(services: ServicesUnderTest, routes: list[Route]) -> None:
    """Every route, with a line feed in its path, in each parameter that leads somewhere, and in each field."""
    evil = "/console\r\nX-Evil: 1"
    for route in routes:
        if route.rule in SIGN_OUT:
            continue
        places = {"next": evil, "lang": evil, "partner": evil, "done": evil, "action": evil}
        sent: dict[str, Any] = {"query_string": places} if route.is_safe else {"query_string": places, "data": places}
        for path in (path_of(services, route), path_of(services, route) + "%0d%0aX-Evil:%201"):
            answer = services.ask(route.service, route.method, path, key=WHOLE, **sent)
            assert answer.status_code < 500, f"{route} {answer.text}"
            assert "X-Evil" not in answer.headers, route


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "path", ["/nothing-here", "/v1/%2e%2e/%2e%2e/etc/passwd", "/console/%00", "/embed/static/..%2f..", "//x"]
)
def test_unknown_path_is_a_not_found_page(services: ServicesUnderTest, service: str, path: str) -> None:
    answer = services.ask(service, "GET", path, key=WHOLE)
    assert (answer.status_code, gives_away(answer)) == (404, []), answer.text


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "GETGET"])
def test_method_that_there_is_not_is_refused_on_every_route(
    services: ServicesUnderTest, routes: list[Route], method: str
) -> None:
    paths = {(route.service, path_of(services, route)) for route in routes}
    for service, path in sorted(paths):
        answer = services.ask(service, method, path, key=WHOLE)
        assert (answer.status_code, gives_away(answer)) == (405, []), path
        assert "canary" not in answer.text


@pytest.mark.parametrize("form", [WEBINAR, PROPOSAL])
def test_form_in_another_language_takes_no_json(services: ServicesUnderTest, form: str) -> None:
    """It is filled with what was sent, and half a character can be in JSON but in no page."""
    body = b'{"name":"\\ud800"}'
    answer = services.ask("registration", "POST", f"/embed/{form}?lang=fr", data=body, content_type="application/json")
    assert answer.status_code == 415
