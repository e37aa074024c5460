"""The cache of public pages: what it keeps, for how long, for whom; and what it must never keep or compress."""

import gzip
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from shared.http.access import KNOWN_HOLDER
from shared.http.page_cache import MAX_PAGES, WHILE_RENEWED_S, CachedPages, PageCache
from tests.support.clock import FrozenClock

PAGE = "<!doctype html>" + "a page of some length " * 100
MINUTE = ("Cache-Control", "public, max-age=60")


class Application:
    """Counts its requests, and answers as configured."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status, self.headers, self.body = "200 OK", [MINUTE, ("ETag", '"a"'), ("Vary", "Accept-Language")], PAGE
        self.before: Callable[[], object] = lambda: None
        self.knows_holder = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(environ)
        self.before()
        if self.knows_holder:
            environ[KNOWN_HOLDER] = True
        content = f"{self.body} {environ.get('HTTP_ACCEPT_LANGUAGE', '')} {len(self.asked)}".encode()
        start_response(self.status, [("Content-Type", "text/html"), *self.headers, ("X-Correlation-Id", "one")])
        return [content]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def cache(application: Application, clock: FrozenClock) -> PageCache:
    return PageCache(application, "a-service", CachedPages(("/pages",)), ("/people",), clock)


@pytest.fixture
def client(cache: PageCache) -> Client:
    return Client(cache)


def get(client: Client, path: str = "/pages", **headers: str) -> TestResponse:
    return client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_page_is_made_once_a_second(client: Client, application: Application, clock: FrozenClock) -> None:
    first = get(client)
    assert [get(client).data for _ in range(9)] == [first.data] * 9
    assert len(application.asked) == 1
    clock.advance(seconds=1)
    assert get(client).data != first.data
    clock.advance(seconds=-1)  # a clock that is set back keeps nothing alive
    get(client)
    assert len(application.asked) == 3


@pytest.mark.parametrize(
    ("other", "headers"),
    [
        ("/pages?partner=b", {}),
        ("/pages?theme=dark", {}),
        ("/pages/b", {}),
        ("/pages", {"Accept_Language": "fr"}),
    ],
)
def test_other_address_or_language_is_another_page(
    client: Client, application: Application, other: str, headers: dict[str, str]
) -> None:
    first, second = get(client), get(client, other, **headers)
    assert (first.data == second.data, len(application.asked)) == (False, 2)
    assert (get(client).data, get(client, other, **headers).data) == (first.data, second.data)


def test_page_in_the_language_of_its_address_is_the_same_for_all(client: Client, application: Application) -> None:
    application.headers = [MINUTE]
    assert get(client, Accept_Language="fr").data == get(client, Accept_Language="ar").data
    assert len(application.asked) == 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK", [("Cache-Control", "no-store")]),
        ("200 OK", [("Cache-Control", "no-cache"), ("ETag", '"a"')]),
        ("200 OK", [("Cache-Control", "private, max-age=60")]),
        ("200 OK", [("Cache-Control", "public, max-age=60, s-maxage=0")]),
        ("200 OK", []),
        ("200 OK", [MINUTE, ("Set-Cookie", "a=b")]),
        ("200 OK", [MINUTE, ("Vary", "Origin")]),
        ("200 OK", [MINUTE, ("Vary", "*")]),
        ("404 Not Found", [MINUTE]),
        ("503 Service Unavailable", [MINUTE]),
    ],
)
def test_what_is_not_public_is_neither_kept_nor_compressed(
    client: Client, application: Application, status: str, headers: list[tuple[str, str]]
) -> None:
    """The length of a compressed page reveals how far it resembles text that someone else put into it (BREACH)."""
    application.status, application.headers = status, headers
    first, second = (get(client, Accept_Encoding="gzip") for _ in range(2))
    assert (first.data == second.data, len(application.asked)) == (False, 2)
    assert "Content-Encoding" not in first.headers
    assert first.status == status


def test_other_paths_and_requests_with_a_key_are_answered_by_the_application(
    client: Client, application: Application
) -> None:
    for path, headers in (("/people", {}), ("/pages", {"Authorization": "Bearer a"}), ("/pages?" + "a" * 1024, {})):
        before = len(application.asked)
        get(client, path, **headers)
        get(client, path, **headers)
        assert len(application.asked) == before + 2, path


def test_page_is_sent_compressed_to_those_who_take_it(client: Client) -> None:
    for accepted in ("gzip", "br, gzip;q=0.5", "deflate,gzip"):
        answer = get(client, Accept_Encoding=accepted)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.data) == get(client).data
        assert len(answer.data) == int(answer.headers["Content-Length"]) < 400
        assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language"
    for accepted in ("", "br", "gzip;q=0", "br, gzip; q=0.0, deflate", "x-gzip-no", "gzip" + " " * 200):
        answer = get(client, Accept_Encoding=accepted)
        assert "Content-Encoding" not in answer.headers, accepted
        assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language"


@pytest.mark.parametrize("seen", ['"a"', 'W/"a"', '"b", W/"a"', "*"])
@pytest.mark.parametrize("encoding", ["gzip", ""])
def test_who_has_the_page_is_sent_none(client: Client, seen: str, encoding: str) -> None:
    """Also the first, for whom the whole page is made: the next may have nothing."""
    first = get(client, If_None_Match=seen, Accept_Encoding=encoding)
    assert (first.status_code, first.data) == (304, b"")
    assert first.headers["ETag"] == ('W/"a"' if encoding else '"a"')
    assert get(client, Accept_Encoding=encoding).status_code == 200
    assert get(client, If_None_Match='"b"', Accept_Encoding=encoding).status_code == 200


def test_correlation_id_of_one_is_not_sent_to_others(client: Client) -> None:
    assert [get(client).headers.get("X-Correlation-Id") for _ in range(2)] == [None, None]


def test_old_page_is_sent_in_place_of_an_error_for_a_minute(
    client: Client, application: Application, clock: FrozenClock
) -> None:
    first = get(client)
    application.status = "503 Service Unavailable"
    clock.advance(seconds=59)
    assert (get(client).status_code, get(client).data) == (200, first.data)
    clock.advance(seconds=2)
    assert get(client).status_code == 503


def test_what_a_coordinator_changes_is_seen_at_once(application: Application, clock: FrozenClock) -> None:
    forgotten: list[bool] = []
    cached = CachedPages(("/pages",), forget=lambda: forgotten.append(True))
    client = Client(PageCache(application, "a-service", cached, ("/people",), clock))
    first = get(client)
    client.post("/people")
    assert (get(client).data, forgotten) == (first.data, [])  # visitors change no page
    client.post("/console")
    client.post("/people", headers={"Authorization": "Bearer wrong"})
    assert (get(client).data, forgotten) == (first.data, [])  # nor does a caller who is not recognised
    application.knows_holder = True
    application.status = "403 Forbidden"
    client.post("/console")
    assert (get(client).data, forgotten) == (first.data, [])  # nor does what is refused
    application.status = "200 OK"
    client.patch("/people", headers={"Authorization": "Bearer a"})
    assert (get(client).data == first.data, forgotten) == (False, [True])


def test_page_made_before_a_change_is_not_kept_after_it(
    client: Client, application: Application, cache: PageCache
) -> None:
    application.before = cache.clear
    get(client)
    application.before = lambda: None
    get(client)
    assert len(application.asked) == 2


def test_concurrent_requests_cause_one_query_and_get_the_last_page(
    client: Client, application: Application, clock: FrozenClock
) -> None:
    first, going_on, others_done = get(client), threading.Event(), threading.Event()

    def slow() -> None:
        going_on.set()
        assert others_done.wait(10)

    application.before = slow
    clock.advance(seconds=WHILE_RENEWED_S - 1)
    renewing = threading.Thread(target=lambda: get(client))
    renewing.start()
    assert going_on.wait(10)
    assert [get(client).data for _ in range(5)] == [first.data] * 5
    others_done.set()
    renewing.join()
    assert (len(application.asked), get(client).data == first.data) == (2, False)


def test_many_at_once_wait_for_a_page_that_no_one_has(client: Client, application: Application) -> None:
    going_on, may_go_on = threading.Event(), threading.Event()

    def slow() -> None:
        going_on.set()
        assert may_go_on.wait(10)

    application.before, found = slow, []
    visitors = [threading.Thread(target=lambda: found.append(get(client).data)) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    assert going_on.wait(10)
    may_go_on.set()
    for visitor in visitors:
        visitor.join()
    assert (len(application.asked), len(set(found)), len(found)) == (1, 1, 8)


def test_memory_is_bounded(client: Client, application: Application, cache: PageCache) -> None:
    for number in range(MAX_PAGES + 10):
        get(client, f"/pages?n={number}")
    assert len(cache) == MAX_PAGES
    application.body = "x" * 3_000_000
    for number in range(10):
        get(client, f"/pages?large={number}")
    assert len(cache) < 10
