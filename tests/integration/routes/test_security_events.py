"""Refusals, exports and opened answers are counted and logged under constant names, one line each."""

import io
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.runtime import logs
from shared.runtime.logs import LOGGED_PER_MINUTE, _Formatter
from shared.runtime.metrics import security_events_total
from tests.integration.routes.every_route import Route
from tests.integration.routes.services_under_test import LIMITED, UNKNOWN, WHOLE, ServicesUnderTest
from tests.integration.routes.valid_requests import CONTENT, path_of
from tests.support.clients import WEBINAR, answers

ENDS_OF_LINES = {
    "a text over several lines may have them": ("\n", "\r\n", "\r"),
    "any text may have them": ("\u2028", "\u2029"),
    "no text may have them": ("\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"),
}
"""All that ``str.splitlines`` knows, by what reads a text: one of another group would have it refused early."""

FORGED = '{"level": "INFO", "message": "forged-line"}'
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def fresh_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was refused in this minute yet."""
    monkeypatch.setattr(logs, "_windows", {})


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What a process writes to its standard error in that time."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter("events", "web"))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def counted() -> Counter[str]:
    """How often each event was counted so far."""
    samples = (sample for metric in security_events_total.collect() for sample in metric.samples)
    return Counter(
        {one.labels["event"]: int(one.value) for one in samples if one.name == "troika_security_events_total"}
    )


def noted(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines about such events, without what every line has."""
    common = ("level", "logger", "at", "service", "role", "correlation_id", "taskName")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    own = [line for line in lines if line["logger"] == logs.__name__]
    return [{name: value for name, value in line.items() if name not in common} for line in own]


ACTIONS: dict[str, tuple[tuple[str, str, str, dict[str, Any]], dict[str, str]]] = {
    "an unknown key": (
        ("registration", "GET", "/v1/registrations", {"key": UNKNOWN}),
        {"message": "key-refused", "route": "/v1/registrations"},
    ),
    "an unknown key on a public route": (
        ("events", "GET", "/v1/events", {"key": UNKNOWN}),
        {"message": "key-refused", "route": "/v1/events"},
    ),
    "another role": (
        ("registration", "GET", "/v1/registrations", {"key": "viewer"}),
        {"message": "role-refused", "holder": "holder viewer", "route": "/v1/registrations", "method": "GET"},
    ),
    "a key of another form": (
        ("registration", "GET", f"/v1/forms/{WEBINAR}/history", {"key": LIMITED}),
        {"message": "role-refused", "holder": "holder limited", "route": "/v1/forms/<slug>/history", "method": "GET"},
    ),
    "a key for some forms where all are meant": (
        ("notifications", "GET", "/v1/bulletins", {"key": LIMITED}),
        {"message": "role-refused", "holder": "holder limited", "route": "/v1/bulletins", "method": "GET"},
    ),
    "another site": (
        (
            "events",
            "POST",
            "/console/timetable/publish",
            {"cookie": WHOLE, "headers": {"Sec-Fetch-Site": "cross-site"}},
        ),
        {"message": "cross-site-refused", "route": "/console/timetable/publish"},
    ),
    "a list as a file": (
        ("registration", "GET", "/console/registrations.csv", {"key": WHOLE}),
        {"message": "list-exported", "holder": "holder whole", "route": "/console/registrations.csv"},
    ),
    "a list as a file by the interface": (
        ("registration", "GET", "/v1/registrations", {"key": WHOLE, "headers": {"Accept": "text/csv"}}),
        {"message": "list-exported", "holder": "holder whole", "route": "/v1/registrations"},
    ),
    "a wrong key at sign-in": (
        ("registration", "POST", "/console/sign-in", {"data": {"key": "guessed"}, "headers": OWN}),
        {"message": "sign-in-refused"},
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_event_is_counted_once_and_logged_by_name(services: ServicesUnderTest, action: str) -> None:
    (service, method, path, how), line = ACTIONS[action]
    before = counted()
    with logged() as stream:
        services.ask(service, method, path, **how)
    assert noted(stream) == [line]
    assert {event: n - before[event] for event, n in counted().items() if n != before[event]} == {line["message"]: 1}


def test_signing_in_is_logged_with_who(services: ServicesUnderTest) -> None:
    with logged() as stream:
        services.sign_in("coordinator")
    assert noted(stream) == [{"message": "signed-in", "holder": "holder coordinator"}]


def test_reading_sealed_answers_is_logged_with_who_and_whose(services: ServicesUnderTest) -> None:
    """That the reason is in the log of readings is tested there."""
    content = answers(1, email="sealed-reading@example.org", access_needs="A ramp")
    registration = services.registration.enrol(content)
    with logged() as stream:
        path, reason = f"/v1/registrations/{registration}/sealed", {"reason": "Her visa letter is written"}
        assert services.ask("registration", "POST", path, key="sealed-reader", json=reason).status_code == 200
    form = {"registration": registration, "form": WEBINAR}
    assert noted(stream) == [{"message": "sealed-answers-read", "holder": "holder sealed-reader", **form}]


def test_refusals_of_a_minute_are_counted_all_and_logged_a_few(services: ServicesUnderTest) -> None:
    """Exports are logged each time."""
    before, many = counted(), 3 * LOGGED_PER_MINUTE
    with logged() as stream:
        for _ in range(many):
            services.ask("registration", "GET", "/v1/registrations", key=UNKNOWN)
            services.ask("registration", "GET", "/console/registrations.csv", key=WHOLE)
    messages = [line["message"] for line in noted(stream)]
    assert (messages.count("key-refused"), messages.count("list-exported")) == (LOGGED_PER_MINUTE, many)
    assert counted()["key-refused"] - before["key-refused"] == many


def _hostile(content: Any, lines: str) -> Any:
    """``content`` with forged lines in every text, keys too."""
    if isinstance(content, dict):
        return {name: _hostile(value, lines) for name, value in content.items()} | {f"x{lines}": "y"}
    if isinstance(content, list):
        return [_hostile(each, lines) for each in content]
    return f"{content}{lines}" if isinstance(content, str) else content


def _sent(route: Route, lines: str) -> Iterator[dict[str, Any]]:
    """Requests with forged lines in every input of the route."""
    given = CONTENT.get(str(route), {})
    bodies: dict[str, Any] = {"registration POST /v1/forms/<slug>/submissions": answers(1)}
    content = bodies.get(str(route), given.get("json", given.get("data", {"name": "x", "action": "x"})))
    content = {"file": content} if isinstance(content, str) else content
    query = dict.fromkeys(("q", "cursor", "lang", "form", "next", "partner", "theme"), f"x{lines}")
    yield {"json": _hostile(content, lines), "query_string": query}
    yield {"data": {name: f"{value}{lines}" for name, value in content.items()}}
    if "\n" not in lines:  # which the client itself refuses to send in a header
        odd = f"x{lines}".encode().decode("latin-1")
        names = ("X-Correlation-Id", "traceparent", "Idempotency-Key", "User-Agent", "If-Match", "Accept-Language")
        yield {"headers": dict.fromkeys(names, odd)}


@pytest.mark.parametrize("group", ENDS_OF_LINES)
def test_end_of_a_line_in_any_field_makes_no_line(services: ServicesUnderTest, routes: list[Route], group: str) -> None:
    """Every line is ours: JSON, and nothing in it that was sent."""
    forged = f"{''.join(ENDS_OF_LINES[group])}{FORGED}"
    with logged() as stream:
        for route in routes:
            if route.rule.startswith("/-/") or (group == "no text may have them" and route.is_safe):
                continue
            for sent in _sent(route, forged):
                services.ask(route.service, route.method, path_of(services, route), key=WHOLE, **sent)
        for service in services.apps:
            services.ask(service, "GET", f"/x{forged}", key=UNKNOWN)
            services.ask(service, "POST", "/console/sign-in", data={"key": f"x{forged}"}, headers=OWN)
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) >= len(services.apps)
    assert "forged-line" not in text
    assert {line["service"] for line in lines} == {"events"}


def test_end_of_a_line_in_a_fact_stays_in_its_line() -> None:
    """Negative control: what if something of it came so far."""
    ends = [end for group in ENDS_OF_LINES.values() for end in group]
    with logged() as stream:
        for end in ends:
            logging.getLogger("a test").warning("said", extra={"fact": f"x{end}{FORGED}"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["fact"] for line in lines] == [f"x{end}{FORGED}" for end in ends]
