"""The gateway alone, before a service of the test: whom it limits, and what it logs."""

import http.client
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests

from deploy.shape import SERVICES, TOKEN_PATHS
from deploy.up.gateway import RequestLimits, gateway_unit
from shared.http.error_pages import POLICY, error_texts, page_html
from shared.http.headers import refusal_headers
from shared.runtime.deployment import TrustedProxies, read_proxies
from tests.support.children import kill_tree, start_child
from tests.support.gateway import gateway_ports
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

ANSWERS = itertools.count()
KEPT = "Cache-Control=public,+max-age=0,+s-maxage=60&Vary=Accept-Language"
TOKEN = "kP3xq9vN-secret-of-a-link"
HEADERS = dict(refusal_headers(https=False))
SUBMISSIONS = "/v1/forms/a/submissions"
BURST = 5
MANY = 50
LIMITS = RequestLimits(rate_per_s=1, burst=BURST)
"""Lower than in production: a busy machine floods no faster than this."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway.

    Attributes:
        url: of its public port.
    desk: of the coordinators' port.
        operations: of the port for operators.
        log: all its output.
    """

    url: str
    desk: str
    operations: str
    log: Path

    def ask(self, method: str, path: str, address: str) -> requests.Response:
        """One request from ``address``."""
        return requests.request(method, self.url + path, headers={"X-Forwarded-For": address}, timeout=10)

    def flood(self, method: str, path: str, addresses: list[str]) -> list[int]:
        """One request from each address, as fast as it goes; the statuses."""
        with ThreadPoolExecutor(8) as people:
            return list(people.map(lambda address: self.ask(method, path, address).status_code, addresses))


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    """Port of a service that accepts everything, and returns the client address that it sees."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Nothing."""

    class LargeBacklogServer(WSGIServer):
        request_queue_size = 1024
        """As gunicorn's: a longer queue loses no connection while the machine is busy."""

    def answer(environ: dict[str, str], start: object) -> list[bytes]:
        headers_given = dict(parse_qsl(environ["QUERY_STRING"]))
        start("200 OK", [("Content-Type", "text/plain"), *headers_given.items()])  # type: ignore[operator]
        return [(str(next(ANSWERS)) if headers_given else environ["HTTP_X_FORWARDED_FOR"]).encode()]

    with make_server("127.0.0.1", 0, answer, server_class=LargeBacklogServer, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(run_folder: RunFolder, service: int) -> Iterator[Gateway]:
    """Behind a TLS proxy on this machine, which is the test: it can claim any client address."""
    with _started(run_folder, service, read_proxies("127.0.0.0/8")) as running:
        yield running


@pytest.fixture
def first_gateway(run_folder: RunFolder, service: int) -> Iterator[Gateway]:
    """Behind no one."""
    with _started(run_folder, service, TrustedProxies()) as running:
        yield running


@contextmanager
def _started(run_folder: RunFolder, service: int, proxies: TrustedProxies) -> Iterator[Gateway]:
    """Events is down, the other two are the service of the test."""
    folder = run_folder.part("lone-gateway")
    folder.chmod(0o711)
    ports = gateway_ports({name: free_port() if name == "events" else service for name in SERVICES})
    unit = gateway_unit(folder, ports, proxies, LIMITS)
    log = folder / "gateway.log"
    log.unlink(missing_ok=True)
    server = start_child(
        run_folder, unit.command, env=unit.environment, folder=unit.folder, log=log, account=unit.account
    )
    poll_until(unit.ready, 20, what="the gateway listens")
    yield Gateway(ports.public_url, ports.desk_url, f"http://127.0.0.1:{ports['operations']}", log)
    kill_tree(server)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_client_with_too_many_changes_gets_a_retry_after(gateway: Gateway, method: str) -> None:
    statuses = gateway.flood(method, SUBMISSIONS, ["198.51.100.7"] * MANY)
    assert BURST <= statuses.count(200) < MANY
    while (refused := gateway.ask(method, SUBMISSIONS, "198.51.100.7")).status_code == 200:
        pass  # the bucket is full within a few
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()["code"]) == (429, "5", "too-many")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert HEADERS.items() <= refused.headers.items()
    assert gateway.ask(method, SUBMISSIONS, "198.51.100.8").status_code == 200


def test_client_address_is_that_which_the_tls_proxy_saw(gateway: Gateway) -> None:
    assert gateway.ask("GET", "/v1/forms/a", "198.51.100.7").text == "198.51.100.7"
    assert gateway.ask("GET", "/v1/forms/a", "10.0.0.1, 198.51.100.7, 127.0.0.9").text == "198.51.100.7"


def test_address_that_a_client_names_is_not_believed(first_gateway: Gateway) -> None:
    assert first_gateway.ask("GET", "/v1/forms/a", "198.51.100.7").text == "127.0.0.1"
    assert 429 in first_gateway.flood("POST", "/v1/forms/a", [f"198.51.{n // 250}.{n % 250}" for n in range(MANY)])


def test_answers_of_the_gateway_itself_carry_the_headers(gateway: Gateway) -> None:
    """For every refusal, and answers for a service that is down, at each of its ports; and its redirects."""
    large = requests.post(f"{gateway.url}/r/x", data=b"x" * 300_000, timeout=10)
    long = gateway.ask("GET", "/r/" + "x" * 9_000, "198.51.100.7")
    elsewhere = requests.get(f"{gateway.operations}/nothing", timeout=10)
    away = requests.get(f"{gateway.operations}/-/events/desk/readyz", timeout=10)
    homes = [requests.get(url, timeout=10, allow_redirects=False) for url in (gateway.url, gateway.desk)]
    nowhere = requests.get(f"{gateway.desk}/nothing", timeout=10)
    changing = gateway.ask("POST", "/v1/events", "198.51.100.7")
    asked = [("GET", "/-/registration/readyz"), ("GET", "/nothing"), ("TRACE", "/r/x"), ("GET", "/programme")]
    answers = [gateway.ask(method, path, "198.51.100.7") for method, path in asked] + [
        large,
        long,
        elsewhere,
        away,
        nowhere,
        changing,
        *homes,
    ]
    statuses = [404, 404, 405, 503, 413, 414, 404, 503, 404, 405, 302, 302]
    assert [answer.status_code for answer in answers] == statuses
    assert [home.headers["Location"] for home in homes] == [f"{gateway.url}/programme", f"{gateway.desk}/console"]
    assert [answer.url for answer in answers if not HEADERS.items() <= answer.headers.items()] == []
    for answer in answers[:-2]:
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "accepted", "language", "direction", "title"),
    [
        ("", "fr-CH,fr;q=0.9,en;q=0.5", "fr", "ltr", "Cette page n’existe pas"),
        ("?lang=ar", "fr", "ar", "rtl", "هذه الصفحة غير موجودة"),
        ("?lang=xx", "", "en", "ltr", "There is no such page"),
        ("", "de", "en", "ltr", "There is no such page"),
    ],
)
def test_browser_reads_an_error_of_the_gateway_in_its_language(
    gateway: Gateway, query: str, accepted: str, language: str, direction: str, title: str
) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": accepted}
    answer = requests.get(f"{gateway.url}/nothing{query}", headers=browser, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert f"<h1>{title}</h1>" in answer.text
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert HEADERS.keys() <= answer.headers.keys()


def test_browser_reads_that_the_body_is_too_large_or_the_site_is_away(gateway: Gateway) -> None:
    browser = {"Accept": "text/html"}
    large = requests.post(f"{gateway.url}/r/x", data=b"x" * 300_000, headers=browser, timeout=10)
    away = requests.get(f"{gateway.url}/programme", headers=browser, timeout=10)
    assert [(one.status_code, one.text) for one in (large, away)] == [
        (status, page_html(title, f"<p>{text}</p>", "en", "ltr"))
        for status in (413, 503)
        for title, text in [error_texts(status, "en")]
    ]
    assert away.headers["Retry-After"] == "5"


def test_reading_is_not_limited(gateway: Gateway) -> None:
    assert set(gateway.flood("GET", "/v1/forms/a", ["198.51.100.7"] * MANY)) == {200}


@pytest.mark.parametrize(
    ("inside", "share", "outside"),
    [
        ("2001:db8:a:a0a::{:x}", 1, "2001:db8:a:a0b::1"),
        ("2001:db8:a:a{:02x}::1", 4, "2001:db8:a:b0a::1"),
        ("2001:db8:a:{:x}0a::1", 16, "2001:db8:b:a0a::1"),
    ],
)
def test_ipv6_prefix_has_one_budget_over_all_its_networks(
    gateway: Gateway, inside: str, share: int, outside: str
) -> None:
    """A /64, a /56, a /48. Among the bytes are line feeds, which are bytes like any other. What a smaller prefix was
    refused does not count for the larger one around it."""
    statuses = gateway.flood("POST", SUBMISSIONS, [inside.format(number) for number in range(256)])
    assert share * BURST <= statuses.count(200) < 256
    assert set(statuses) == {200, 429}
    assert gateway.ask("POST", SUBMISSIONS, outside).status_code == 200


def test_ipv4_address_written_as_ipv6_counts_as_ipv4(gateway: Gateway) -> None:
    """A proxy that listens on both may write it so; all of IPv4 must not be one network then."""
    one = ["::ffff:198.51.100.7"] * MANY + ["198.51.100.7"] * BURST
    assert 429 in gateway.flood("POST", SUBMISSIONS, one)[MANY:]
    others = [f"::ffff:198.51.{third}.{last}" for third in range(100, 130) for last in (8, 9)]
    assert set(gateway.flood("POST", SUBMISSIONS, others)) == {200}


def test_twenty_networks_cannot_shut_a_form_for_others(gateway: Gateway) -> None:
    """Each of them sends until it is refused; everyone else is let in, a hundred of them at once."""
    networks = [[f"198.51.100.{number}"] * 4 * BURST for number in range(10)]
    networks += [[f"2001:db8:{number:x}::{host:x}" for host in range(4 * BURST)] for number in range(10)]
    for addresses in networks:
        assert 429 in gateway.flood("POST", SUBMISSIONS, addresses)
    newcomers = [address for n in range(50) for address in (f"203.0.113.{n}", f"2001:db8:f{n:02x}::1")]
    assert set(gateway.flood("POST", SUBMISSIONS, newcomers)) == {200}


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_no_token_leaks_by_a_referrer(gateway: Gateway, path: str) -> None:
    """For any header of the service; and for the gateway's own refusals, also on the coordinators' host."""
    for more in ("", "?Referrer-Policy=unsafe-url"):
        answer = gateway.ask("GET", f"{path}{TOKEN}{more}", "198.51.100.7")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    refused = gateway.ask("GET", f"{path}{TOKEN}{'x' * 9_000}", "198.51.100.7")
    assert (refused.status_code, refused.headers["Referrer-Policy"]) == (414, "no-referrer")
    elsewhere = requests.get(f"{gateway.desk}{path}{TOKEN}", timeout=10)
    assert elsewhere.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/embed/a", "/embed/troika.js"])
def test_public_pages_are_kept_each_for_itself(gateway: Gateway, path: str) -> None:
    """Another partner, theme or language is another page, and requests with a key do not get cached ones."""

    def text(query: str, **headers: str) -> str:
        given = {"Accept-Language": "en", **headers}
        return requests.get(f"{gateway.url}{path}?{KEPT}{query}", headers=given, timeout=10).text

    pages = [("", {}), ("&partner=a", {}), ("&partner=b", {}), ("&theme=dark", {}), ("", {"Accept-Language": "fr"})]
    first = [text(query, **headers) for query, headers in pages]
    assert len(set(first)) == len(pages)
    assert [text(query, **headers) for query, headers in pages] == first
    assert text("", Authorization="Bearer a") not in first
    assert text("") == first[0]


@pytest.mark.parametrize(
    ("path", "headers_given"),
    [
        ("/embed/a", "Cache-Control=no-store"),
        ("/embed/a", "Cache-Control=private,+max-age=60"),
        ("/embed/a", "Cache-Control=no-cache&ETag=%22a%22"),
        ("/embed/a", "Cache-Control=public,+max-age=60&Set-Cookie=a=b"),
        ("/embed/a", "X-Says=nothing+of+caches"),
        ("/r/token", "Cache-Control=public,+max-age=60"),
        ("/c/token", "Cache-Control=public,+max-age=60"),
        ("/receipts/a", "Cache-Control=public,+max-age=60"),
        ("/v1/receipts/a", "Cache-Control=public,+max-age=60"),
        ("/v1/forms/a", "Cache-Control=public,+max-age=60"),
        ("/console/registrations", "Cache-Control=public,+max-age=60"),
    ],
)
def test_nothing_else_is_kept(gateway: Gateway, path: str, headers_given: str) -> None:
    address = f"{gateway.desk if path.startswith('/console') else gateway.url}{path}?{headers_given}"
    assert requests.get(address, timeout=10).text != requests.get(address, timeout=10).text


def test_log_names_neither_who_came_nor_what_they_asked_for(gateway: Gateway) -> None:
    """Limited, too large, malformed, too long, to a service that is down: all errors of nginx itself."""
    person = "198.51.100.77"
    statuses = set(gateway.flood("POST", f"/r/{TOKEN}", [person] * MANY))
    statuses |= {gateway.ask("GET", path + TOKEN, person).status_code for path in TOKEN_PATHS}
    statuses.add(gateway.ask("GET", f"/v1/events?q={TOKEN}", person).status_code)
    statuses |= {requests.get(f"{gateway.desk}{path}{TOKEN}", timeout=10).status_code for path in TOKEN_PATHS}
    large = requests.post(
        f"{gateway.url}/r/{TOKEN}", data=b"x" * 300_000, headers={"X-Forwarded-For": "198.51.100.78"}, timeout=10
    )
    statuses |= {large.status_code, gateway.ask("GET", "/r/" + TOKEN + "x" * 9_000, person).status_code}
    statuses |= {_raw(gateway, f"GET /r/{TOKEN} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")}
    statuses |= {_raw(gateway, f"GET /r/{TOKEN} nonsense\r\n\r\n")}
    assert statuses == {200, 400, 404, 413, 414, 429, 503}
    log_text = gateway.log.read_text()
    assert [word for word in (TOKEN, person, "198.51.100.78", "client:", "127.0.0.1") if word in log_text] == []


def _raw(gateway: Gateway, request: str) -> int:
    """Status of the answer to ``request``, sent as it is."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.connect()
    assert connection.sock is not None
    connection.sock.sendall(request.encode())
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    connection.close()
    return answer.status
