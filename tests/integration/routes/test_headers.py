"""Headers of every response: nothing inline, frames only where allowed, personal pages in no cache."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from shared.http.headers import API_POLICY, PAGE_POLICY, kept_page_policy, secure_headers
from tests.integration.routes.every_route import Route
from tests.integration.routes.markup import faults_of
from tests.integration.routes.services_under_test import HOST, ServicesUnderTest
from tests.support.clients import WEBINAR, rows
from tests.support.proposals import FORM as PROPOSAL

Answered = list[tuple[Route, str, TestResponse]]
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
FRAMED = (
    "registration GET /embed/<slug>",
    "registration GET /embed/selftest",
    "registration GET /r/<token>",
    "registration GET /r/<token>/<any(answers, details):step>",
    "registration GET /r/<token>/address",
    "registration GET /r/undo/<token>",
    "registration GET /r/erased",
    "registration GET /r/<token>/my-data",
    "registration GET /my",
    "registration GET /v/<token>",
    "registration GET /j/<token>",
    "registration GET /c/<token>",
    "registration GET /c/<token>/forms/<slug>",
    "registration GET /receipts/<receipt>",
)
"""Pages with their own style and scripts; framed only where a partner is named, and by that one alone."""
READABLE_BY_ALL = (
    "registration GET /embed/static/<name>",
    "registration GET /embed/troika-<mark>.js",
    "registration GET /embed/troika.js",
)
"""Scripts that other sites load: they hold nothing of anyone, and are sent without a cookie."""

FOR_ONE_SECOND = "public, max-age=0, s-maxage=1"
FOR_A_MINUTE = "public, max-age=60"
FOR_A_WHILE = "public, max-age=300"
FOR_AN_HOUR = "public, max-age=3600"
FOR_A_YEAR = "public, max-age=31536000"
ASK_FIRST = "no-cache"
ASK_FIRST_ALONE = "private, no-cache"
UNSAID = None
KEPT: dict[str, str | None] = {
    "events GET /calendar/all.ics": FOR_A_MINUTE,
    "events GET /calendar/event/<event_id>.ics": FOR_A_MINUTE,
    "events GET /calendar/kind/<kind>.ics": FOR_A_MINUTE,
    "events GET /calendar/room/<room_id>.ics": FOR_A_MINUTE,
    "events GET /calendar/series/<series_id>.ics": FOR_A_MINUTE,
    "events GET /calendar/working-group/<group_id>.ics": FOR_A_MINUTE,
    "events GET /programme": FOR_A_MINUTE,
    "events GET /programme/<event_id>": FOR_A_MINUTE,
    "events GET /programme/groups": FOR_A_MINUTE,
    "events GET /programme/series/<series_id>": FOR_A_MINUTE,
    "events GET /programme/static/programme.css": FOR_A_YEAR,
    "events GET /programme/timetable": FOR_ONE_SECOND,
    "registration GET /console/access/passkeys.js": ASK_FIRST,
    "events GET /v1/events": ASK_FIRST,
    "events GET /v1/events/<event_id>": ASK_FIRST,
    "events GET /v1/resources": ASK_FIRST,
    "events GET /v1/resources/<item_id>": ASK_FIRST,
    "events GET /v1/rooms": ASK_FIRST,
    "events GET /v1/series": ASK_FIRST,
    "events GET /v1/slots": ASK_FIRST,
    "events GET /v1/working-groups": ASK_FIRST,
    "notifications GET /u/-/page.css": FOR_AN_HOUR,
    "registration GET /embed/<slug>": FOR_ONE_SECOND,
    "registration GET /embed/static/<name>": FOR_A_WHILE,
    "registration GET /embed/static/form.css": FOR_A_YEAR,
    "registration GET /embed/troika-<mark>.js": FOR_A_YEAR,
    "registration GET /embed/troika.js": FOR_A_WHILE,
    "registration GET /v1/forms/<slug>": ASK_FIRST,
    "registration GET /v1/forms/<slug>/schema": ASK_FIRST,
    **{
        f"{service} GET /console/static/console.css": FOR_A_YEAR
        for service in ("events", "registration", "notifications")
    },
}
"""How long an answer without `no-store` may be cached; requests with a key get more of public events."""
SHOWS_MORE = (
    *("events GET /v1/events", "events GET /v1/events/<event_id>"),
    *("events GET /v1/resources", "events GET /v1/resources/<item_id>", "events GET /v1/working-groups"),
)
DRAFT = "/console/registrations/form-drafts/<slug>"
OF_DRAFTS = {
    (f"{PAGE_POLICY}; frame-src 'self'", "DENY"): DRAFT,
    (
        "default-src 'none'; style-src 'sha256-H'; img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'",
        None,
    ): f"{DRAFT}/preview",
}
"""Of the page of a draft, and of its preview in a frame: beginning of the path by policy and ``X-Frame-Options``."""
OF_THE_SYSTEM = ("/-/", "/openapi/")
"""Probes, metrics and documents contain no personal data and need no cache headers."""


def policy_of(answer: TestResponse) -> str:
    """Its Content-Security-Policy, with ``N`` for the nonce."""
    return re.sub(r"'nonce-[\w-]{22}'", "'nonce-N'", answer.headers["Content-Security-Policy"])


def test_every_answer_carries_what_all_carry(answered: Answered) -> None:
    """Also where it refuses, and nothing that reveals the software."""
    for route, _, answer in answered:
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS, route
        revealed = [name for name in answer.headers.keys() if name in ("Server", "X-Powered-By", "Via")]  # noqa: SIM118
        cross = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
        expected = {"Access-Control-Allow-Origin": "*"} if str(route) in READABLE_BY_ALL else {}
        assert (revealed, cross) == ([], expected), route


def test_every_answer_has_a_policy_and_forbids_framing(answered: Answered) -> None:
    of_drafts = set()
    for route, _, answer in answered:
        is_page = (answer.content_type or "").startswith("text/html")
        expected = PAGE_POLICY if is_page else API_POLICY
        if str(route) in FRAMED:
            assert answer.status_code == 200, route
            expected = kept_page_policy("", ())
        found = re.sub(r"'sha256-[\w+/]{43}='", "'sha256-H'", policy_of(answer)), answer.headers.get("X-Frame-Options")
        if found in OF_DRAFTS:
            assert route.rule.startswith(OF_DRAFTS[found]), route
            of_drafts.add(found)
        else:
            assert found == (expected, "DENY"), route
    assert of_drafts == set(OF_DRAFTS)


@pytest.mark.parametrize("form", [WEBINAR, PROPOSAL])
def test_form_may_be_framed_by_the_partner_it_names_alone(services: ServicesUnderTest, form: str) -> None:
    url, path = services.installation.urls["registration"], f"/embed/{form}"
    [(origins,)] = rows(url, "SELECT origins FROM partner WHERE slug = 'example-partner'")
    answer = services.ask("registration", "GET", f"{path}?partner=example-partner")
    [style] = re.findall(r"<style[^>]*>(.*?)</style>", answer.text)
    assert (policy_of(answer), answer.headers.get("X-Frame-Options")) == (kept_page_policy(style, origins), None)
    for another in ("nobody", "example-partner%20", "*", "https://evil.example.org"):
        answer = services.ask("registration", "GET", f"{path}?partner={another}")
        revealed = (policy_of(answer), answer.headers.get("X-Frame-Options"))
        assert revealed == (kept_page_policy("", ()), "DENY"), another


def test_policies_allow_nothing_inline_and_nothing_from_elsewhere() -> None:
    partner = ("https://partner.example.org",)
    for policy in (API_POLICY, PAGE_POLICY, kept_page_policy("p{}", partner)):
        parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert (parts["default-src"], parts["base-uri"]) == ("'none'", "'none'")
        assert re.findall(r"unsafe|\*|https?:", policy.replace("https://partner.example.org", "")) == []


def test_what_is_personal_is_kept_by_no_cache(answered: Answered) -> None:
    """Every answer to a role and behind a link; for the others the table states how long they may be cached."""
    for route, key, answer in answered:
        kept = answer.headers.get("Cache-Control")
        if route.rule.startswith(OF_THE_SYSTEM):
            expected = UNSAID
        elif key and str(route) in SHOWS_MORE:
            expected = ASK_FIRST_ALONE
        else:
            expected = KEPT.get(str(route), "no-store")
        assert kept == (expected if answer.status_code < 400 else "no-store"), f"{route} {answer.status_code}"


def test_table_names_public_routes_alone(routes: list[Route]) -> None:
    kinds = {str(route): route.policy.kind for route in routes}
    assert {kinds[route] for route in KEPT} == {"public"}


def test_pages_hold_nothing_inline_and_load_nothing_from_elsewhere(answered: Answered) -> None:
    """As by the policy, which an old browser does not know."""
    pages = 0
    for route, _, answer in answered:
        if (answer.content_type or "").startswith("text/html") and not route.rule.endswith("/docs"):
            pages += 1
            policy = answer.headers["Content-Security-Policy"]
            assert faults_of(answer.text, HOST, policy) == [], route
    assert pages > 60


def test_faults_of_markup_are_found() -> None:
    """Negative control of the test above."""
    bad = """<body onload="x()"><p style="color:red"><script>x()</script>
        <style>p{}</style><script nonce="n">y()</script>
        <a href="javascript:x()">a</a><img src="https://evil.example.org/p.png">
        <link href="//evil.example.org/a.css"><form action="https://evil.example.org/"></form></body>"""
    assert faults_of(bad, HOST) == [
        "body onload",
        "p style",
        "script without a nonce",
        "style without a nonce or its hash",
        "a href javascript:x()",
        "img src https://evil.example.org/p.png",
        "link href //evil.example.org/a.css",
        "form action https://evil.example.org/",
    ]


@pytest.mark.parametrize("https", [True, False])
def test_hsts_is_sent_only_over_https(https: bool) -> None:
    app = Flask("plain")
    secure_headers(app, https=https)
    answer = app.test_client().get("/")
    expected = ALWAYS if https else {k: v for k, v in ALWAYS.items() if k != "Strict-Transport-Security"}
    assert {name: answer.headers.get(name) for name in ALWAYS if answer.headers.get(name)} == expected
