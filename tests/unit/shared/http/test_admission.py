"""Admission: who is let in, how others are refused, and that no class takes another's slots."""

import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import Client, EnvironBuilder

from deploy.specs import applications
from services.console_pages import SIGNING
from services.notifications.web import LINKS as NOTIFICATIONS_LINKS
from services.registration.web import LINKS, PEOPLE
from shared.http.access import RECOGNISED, policy_of
from shared.http.admission import (
    MAX_GATEWAY_WAIT_S,
    MAX_RECOGNISED,
    RECOGNISED_FOR_S,
    AdmissionMiddleware,
    CutOff,
    KnownCallers,
    priority_class_of,
    receive,
)
from shared.runtime.deployment import AdmissionLimits, ConcurrencyLimit, read_proxies
from shared.runtime.metrics import requests_refused_total
from tests.support.waiting import poll_until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


SERVICE = "a service"
PEOPLE_OF = {"registration": PEOPLE, "events": (), "notifications": ()}
LINKS_OF = {"registration": LINKS, "events": (), "notifications": NOTIFICATIONS_LINKS}
MAX_BYTES = 100
KEY, MADE_UP = "Bearer key", "Bearer made-up"
SESSION = {"Cookie": "troika=genuine"}


class Inner:
    """An application that answers with what it was sent, knows one key, and can be held."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.inside = 0
        self.status = "200 OK"
        self.headers = [("Content-Length", "0")]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.inside += 1
        self.free.wait(5)
        if environ["PATH_INFO"] == "/v1/broken":
            raise ValueError("broken")
        if environ.get("HTTP_AUTHORIZATION") == KEY:
            environ[RECOGNISED] = True
        start_response(self.status, self.headers)
        return iter([environ["wsgi.input"].read()])


@pytest.fixture
def inner() -> Inner:
    return Inner()


def _has_session(environ: "WSGIEnvironment") -> bool:
    return bool(environ["HTTP_COOKIE"] == SESSION["Cookie"])


def _middleware(inner: Inner, **bounds: Any) -> AdmissionMiddleware:
    limits, proxies, known = AdmissionLimits(**bounds), read_proxies("127.0.0.1"), KnownCallers(_has_session)
    paths: dict[str, Any] = {"people": ("/v1/forms/",), "pages": ("/programme",), "signing": SIGNING, "links": ("/r/",)}
    return AdmissionMiddleware(
        inner, SERVICE, bounds=limits, proxies=proxies, max_bytes=MAX_BYTES, known=known, **paths
    )


def _client(inner: Inner, **bounds: Any) -> Client:
    return Client(_middleware(inner, **bounds), use_cookies=False)


def _refused(kind: str, reason: str) -> float:
    return float(requests_refused_total.labels(SERVICE, kind, reason)._value.get())


def _environ(path: str, **headers: str) -> "WSGIEnvironment":
    return EnvironBuilder(path=path, headers=Headers(headers)).get_environ()


@pytest.mark.parametrize(
    ("path", "headers", "kind"),
    [
        ("/r/token", {}, "links"),
        ("/r/token", SESSION, "links"),
        ("/r/token", {"Authorization": KEY}, "later"),
        ("/v1/forms/a/registrations", {}, "first"),
        ("/v1/forms/a", {"Authorization": KEY}, "later"),
        ("/v1/forms/a", {"Authorization": MADE_UP}, "public"),
        ("/v1/registrations", {"Authorization": KEY}, "later"),
        ("/v1/registrations", {"Authorization": KEY, "Accept": "text/csv"}, "last"),
        ("/v1/registrations", {**SESSION, "Accept": "text/csv"}, "last"),
        ("/v1/registrations", {**SESSION, "Authorization": MADE_UP}, "public"),
        ("/v1/events", {"Accept": "text/csv"}, "public"),
        ("/v1/events", {"Accept": "text/csv", "Cookie": "troika=made-up"}, "public"),
        ("/console/registrations.csv", SESSION, "last"),
        ("/console", SESSION, "last"),
        ("/console", {}, "public"),
        ("/console/sign-in", {}, "signing"),
        ("/console/sign-in", SESSION, "signing"),
        ("/console/sign-in/other", {}, "public"),
        ("/console/static/console.css", SESSION, "later"),
        ("/programme", {}, "public"),
        ("/programme", {"Authorization": KEY}, "later"),
        ("/-/registration/livez", {}, ""),
    ],
)
def test_class_of_a_request(path: str, headers: dict[str, str], kind: str) -> None:
    """The classes of coordinators are for those who are known, by a key that was recognised or by their session."""
    known = KnownCallers(_has_session)
    known.remember(_environ("/", Authorization=KEY) | {RECOGNISED: True})
    people, pages, links = ("/v1/forms/",), ("/programme",), ("/r/",)
    assert priority_class_of(_environ(path, **headers), people, pages, known.know, SIGNING, links) == kind


def test_button_behind_a_link_is_admitted_like_a_submission() -> None:
    """A person who has the page is not refused because others open theirs."""
    pressed = _environ("/r/token") | {"REQUEST_METHOD": "POST"}
    assert priority_class_of(pressed, ("/v1/forms/",), (), bool, SIGNING, ("/r/",)) == "first"
    with_key = _environ("/r/token", Authorization=KEY) | {"REQUEST_METHOD": "POST"}
    assert priority_class_of(with_key, ("/v1/forms/",), (), lambda _: True, SIGNING, ("/r/",)) == "later"


def test_pages_behind_links_leave_connections_to_buttons() -> None:
    bounds = AdmissionLimits()
    assert bounds.links < bounds.connections


def test_key_is_known_from_its_first_answer_on_and_for_a_while(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    known, now = KnownCallers(), [1000.0]
    monkeypatch.setattr("shared.http.admission.time.monotonic", lambda: now[0])
    client = Client(AdmissionMiddleware(inner, SERVICE, (), AdmissionLimits(), max_bytes=MAX_BYTES, known=known))
    for sent, knows in ((KEY, True), (MADE_UP, False)):
        environ = _environ("/v1/registrations", Authorization=sent)
        assert known.know(environ) is False
        assert client.get("/v1/registrations", headers={"Authorization": sent}).status_code == 200
        assert known.know(environ) is knows
    now[0] += RECOGNISED_FOR_S
    assert known.know(_environ("/v1/registrations", Authorization=KEY)) is False


def test_number_of_known_keys_is_bounded() -> None:
    known = KnownCallers()
    for number in range(MAX_RECOGNISED + 1):
        known.remember(_environ("/", Authorization=f"Bearer {number}") | {RECOGNISED: True})
    found = [known.know(_environ("/", Authorization=f"Bearer {number}")) for number in (0, 1, MAX_RECOGNISED)]
    assert found == [False, True, True]


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str, str]]:
    """Service, path and kind of policy of every route."""
    return [
        (service, str(rule), policy.kind)
        for service, app in applications().items()
        for rule in app.url_map.iter_rules()
        if (policy := policy_of(app.view_functions[rule.endpoint])) is not None
    ]


def test_each_link_has_slots_that_what_needs_a_key_never_takes(routes: list[tuple[str, str, str]]) -> None:
    kinds = {kind: set[str]() for kind in ("link", "role")}
    for service, path, policy in routes:
        if policy in kinds:
            headers = {"Authorization": "Bearer key"} if policy == "role" else {}
            environ, links = _environ(path, **headers), LINKS_OF[service]
            kinds[policy].add(priority_class_of(environ, PEOPLE_OF[service], (), bool, links=links))
    assert kinds == {"link": {"links"}, "role": {"later", "last"}}


@pytest.mark.parametrize("headers", [{}, {"Authorization": MADE_UP}, {"Cookie": "troika=made-up"}])
def test_what_everyone_may_read_never_takes_a_slot_of_coordinators(
    routes: list[tuple[str, str, str]], headers: dict[str, str]
) -> None:
    for service, path, policy in routes:
        environ = _environ(path, Accept="text/csv", **headers)
        known, links = KnownCallers(_has_session), LINKS_OF[service]
        kind = priority_class_of(environ, PEOPLE_OF[service], (), known.know, links=links)
        assert policy != "public" or kind in ("first", "links", "public", ""), path


def test_reads_without_a_key_that_take_all_their_slots_leave_those_of_coordinators(inner: Inner) -> None:
    client = _client(inner, public=1, last=1, signing=1)
    inner.free.clear()
    with ThreadPoolExecutor(41) as pool:
        reads = [pool.submit(client.get, "/v1/events", headers={"Accept": "text/csv"}) for _ in range(39)]
        poll_until(lambda: inner.inside == 1, what="one is answered")
        page = pool.submit(client.get, "/console", headers=SESSION)
        sign_in = pool.submit(client.get, "/console/sign-in")
        poll_until(lambda: inner.inside == 3, what="a page of the console and signing in are answered beside it")
        inner.free.set()
        assert [page.result(5).status_code, sign_in.result(5).status_code] == [200, 200]
        assert {read.result(5).status_code for read in reads} == {200}


def test_exports_that_take_all_their_places_leave_those_of_the_others(inner: Inner) -> None:
    client = _client(inner, first=1, later=1, last=1)
    inner.free.clear()
    with ThreadPoolExecutor(40) as pool:
        exports = [pool.submit(client.get, "/console", headers=SESSION) for _ in range(34)]
        poll_until(lambda: inner.inside == 1, what="one export is worked on")
        assert exports[0].done() is False
        link = pool.submit(client.get, "/v1/forms/a")
        query = pool.submit(client.get, "/v1/registrations", headers=SESSION)
        poll_until(lambda: inner.inside == 3, what="link and query are worked on beside it")
        inner.free.set()
        assert [link.result(5).status_code, query.result(5).status_code] == [200, 200]
    statuses = sorted(export.result(5).status_code for export in exports)
    assert statuses[0] == 200
    assert statuses[-1] == 503


def test_pages_of_the_programme_are_queued_and_take_no_slot_of_queries(inner: Inner) -> None:
    client = _client(inner, public=1, later=1)
    inner.free.clear()
    with ThreadPoolExecutor(66) as pool:
        pages = [pool.submit(client.get, "/programme") for _ in range(64)]
        poll_until(lambda: inner.inside == 1, what="one page is made")
        query = pool.submit(client.get, "/v1/registrations", headers=SESSION)
        poll_until(lambda: inner.inside == 2, what="a query is worked on beside it")
        inner.free.set()
        assert [page.result(5).status_code for page in pages] == [200] * 64
        assert query.result(5).status_code == 200


def test_over_the_bound_is_refused_at_once_with_a_time_to_come_again(inner: Inner) -> None:
    client, before = _client(inner, first=1), _refused("first", "full")
    inner.free.clear()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(client.get, "/v1/forms/a")
        poll_until(lambda: inner.inside == 1, what="the first is worked on")
        refusals = [client.get("/v1/forms/a") for _ in range(50)]
        inner.free.set()
        assert held.result(5).status_code == 200
    assert {answer.status_code for answer in refusals} == {503}
    assert {answer.headers["Content-Type"] for answer in refusals} == {"application/problem+json"}
    assert json.loads(refusals[0].text)["code"] == "unavailable"
    waits = {int(answer.headers["Retry-After"]) for answer in refusals}
    assert waits <= set(range(2, 11))
    assert len(waits) > 3
    assert _refused("first", "full") == before + 50
    assert client.get("/v1/forms/a").status_code == 200


def test_browser_gets_the_refusal_in_its_language(inner: Inner) -> None:
    client = _client(inner, first=0)
    answer = client.get("/v1/forms/a", headers={"Accept": "text/html,*/*", "Accept-Language": "fr-CH,en;q=0.5"})
    assert (answer.status_code, answer.headers["Content-Language"]) == (503, "fr")
    assert f"attendre {answer.headers['Retry-After']} secondes" in answer.text
    assert inner.inside == 0


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/v1/forms/a?lang=zh", "fr", "zh"),
        ("/v1/forms/a?theme=dark&lang=ru&x=1", "fr", "ru"),
        ("/v1/forms/a?lang=ES-mx", "fr", "es"),
        ("/v1/forms/a?lang=xx", "fr", "fr"),
        ("/v1/forms/a?lang=frx", "ru", "ru"),
        ("/v1/forms/a?language=zh", "ar-EG", "ar"),
        ("/v1/forms/a", "pt-BR,pt;q=0.9,es;q=0.4,en;q=0.3", "es"),
        ("/v1/forms/a", "en;q=0.1,zh-Hant-TW;q=0.8", "zh"),
        ("/v1/forms/a", "pt", "en"),
        ("/v1/forms/a", "", "en"),
        ("/v1/forms/a", "*;q=nonsense,,;;=\x7f", "en"),
        ("/v1/forms/a", "pt," * 2000 + "fr", "en"),
    ],
)
def test_page_is_in_the_language_of_the_address_then_the_browsers(
    inner: Inner, path: str, accepted: str, language: str
) -> None:
    answer = _client(inner, first=0).get(path, headers={"Accept": "text/html", "Accept-Language": accepted})
    assert (answer.status_code, answer.headers["Content-Language"]) == (503, language)


@pytest.mark.parametrize("kind", ["last", "public"])
@pytest.mark.parametrize("sent_whole", [True, False])
def test_export_holds_its_place_until_it_is_sent_or_closed(inner: Inner, sent_whole: bool, kind: str) -> None:
    """It is made while it is sent. What has its length is made, and what has no body: they hold nothing."""
    inner.headers = []
    middleware = _middleware(inner)
    slots = middleware._slots[kind] = ConcurrencyLimit(1)
    environ = _environ("/console", **(SESSION if kind == "last" else {}))
    answer = middleware(environ, lambda *_parts: None)  # type: ignore[arg-type]  # not read
    parts = iter(answer)
    assert next(parts) == b""
    assert slots.full()
    if sent_whole:
        assert list(parts) == []
        assert not slots.full()
    answer.close()  # type: ignore[attr-defined]  # as a server does
    assert (slots.full(), slots.enter(), slots.enter()) == (False, True, False)  # given back once
    slots.leave()
    for inner.status, inner.headers in (("200 OK", [("Content-Length", "0")]), ("304 Not Modified", [])):
        middleware(environ, lambda *_parts: None)  # type: ignore[arg-type]  # not read
        assert not slots.full()


def test_place_is_given_back_by_an_answer_that_cannot_begin(inner: Inner) -> None:
    """The server refuses its headers once the application is done: no one will close what was never handed over."""
    middleware = _middleware(inner)
    slots = middleware._slots["last"] = ConcurrencyLimit(1)

    def refuse(*_parts: object) -> None:
        raise ValueError("no such header")

    with pytest.raises(ValueError, match="no such header"):
        middleware(_environ("/console", **SESSION), refuse)  # type: ignore[arg-type]  # never returns
    assert not slots.full()


def test_place_is_given_back_by_what_fails(inner: Inner) -> None:
    client = _client(inner, later=1)
    for _ in range(40):
        with pytest.raises(ValueError, match="broken"):
            client.get("/v1/broken", headers=SESSION)
    assert client.get("/v1/registrations", headers=SESSION).status_code == 200


def test_queued_request_gets_the_next_slot() -> None:
    slots = ConcurrencyLimit(1, max_waiting=1, wait_timeout_s=5)
    assert slots.enter()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(slots.enter)
        poll_until(slots.full, what="one is queued")
        assert slots.enter() is False
        slots.leave()
        assert second.result(5) is True
    slots.leave()
    assert not slots.full()


def test_request_queued_too_long_is_refused_and_leaves_nothing_behind() -> None:
    slots = ConcurrencyLimit(1, max_waiting=1, wait_timeout_s=0.02)
    assert slots.enter()
    assert [slots.enter() for _ in range(3)] == [False, False, False]
    slots.leave()
    assert slots.enter()


@pytest.mark.parametrize(
    ("address", "waited_s", "status"),
    [("127.0.0.1", MAX_GATEWAY_WAIT_S + 1, 503), ("127.0.0.1", 0.1, 200), ("192.0.2.7", MAX_GATEWAY_WAIT_S + 1, 200)],
)
def test_request_that_waited_too_long_before_admission_is_refused(
    inner: Inner, address: str, waited_s: float, status: int
) -> None:
    """By the word of a trusted proxy alone: else anyone could have everyone's requests refused, or none."""
    headers = {"X-Request-Start": f"t={time.time() - waited_s:.3f}"}
    answer = _client(inner).get("/v1/forms/a", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_time_that_cannot_be_read_is_no_objection(inner: Inner) -> None:
    answer = _client(inner).get(
        "/v1/forms/a", headers={"X-Request-Start": "yesterday"}, environ_base={"REMOTE_ADDR": "127.0.0.1"}
    )
    assert answer.status_code == 200


def test_body_reaches_the_application_whole(inner: Inner) -> None:
    assert _client(inner).post("/v1/forms/a", data=b"x" * MAX_BYTES).data == b"x" * MAX_BYTES


def test_body_declared_too_large_is_left_unread() -> None:
    environ = EnvironBuilder(method="POST", data=b"x" * (MAX_BYTES + 1)).get_environ()
    receive(environ, MAX_BYTES)
    assert environ["wsgi.input"].read() == b"x" * (MAX_BYTES + 1)


def test_body_of_unknown_length_is_read_to_where_it_is_too_large() -> None:
    stream = BytesIO(b"x" * 500)
    environ: WSGIEnvironment = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": stream}
    receive(environ, MAX_BYTES)
    assert (environ["CONTENT_LENGTH"], stream.tell()) == (str(MAX_BYTES + 1), MAX_BYTES + 1)


def test_body_that_ends_early_is_never_worked_on(inner: Inner) -> None:
    environ: WSGIEnvironment = {"CONTENT_LENGTH": "10", "wsgi.input": BytesIO(b"x" * 9)}
    with pytest.raises(CutOff):
        receive(environ, MAX_BYTES)
    whole: WSGIEnvironment = {**_environ("/v1/forms/a"), "CONTENT_LENGTH": "10", "wsgi.input": BytesIO(b"x" * 9)}
    begun: list[str] = []
    middleware = AdmissionMiddleware(inner, SERVICE, ("/v1/forms/",), AdmissionLimits(), max_bytes=MAX_BYTES)
    middleware(whole, lambda status, _headers: begun.append(status))  # type: ignore[arg-type]  # not read
    assert (begun, inner.inside) == (["408 Request Timeout"], 0)


def test_two_large_bodies_at_most_are_held_at_once(inner: Inner) -> None:
    larger = {"/v1/imports": 4 * 2**20}
    client = Client(AdmissionMiddleware(inner, SERVICE, (), AdmissionLimits(), max_bytes=MAX_BYTES, larger=larger))
    large = b"x" * (3 * 2**20)
    inner.free.clear()
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(client.post, "/v1/imports", data=large) for _ in range(2)]
        poll_until(lambda: inner.inside == 2)
        refused = client.post("/v1/imports", data=large)
        inner.free.set()
    assert (refused.status_code, [answer.result().status_code for answer in held]) == (503, [200, 200])
    assert client.post("/v1/imports", data=large).status_code == 200
