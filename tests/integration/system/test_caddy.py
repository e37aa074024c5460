"""Caddy routes paths by the tables of paths; its own error answers are those of nginx."""

import http.client
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from deploy.shape import DESK_ROUTES, PUBLIC_ROUTES, WEB_PROCESSES, Route, worker_name
from shared.http.error_pages import POLICY, error_texts, page_html
from shared.http.headers import refusal_headers
from shared.i18n.languages import direction
from tests.support.caddy import DESK_HOST, PUBLIC_HOST, caddy
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder

SLOW_PARTS = 12
"""Of a body, one a second."""


class Named(ThreadingHTTPServer):
    """Answers with its name, and with the headers about the client."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name


class _Handler(BaseHTTPRequestHandler):
    server: Named

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Served-By", self.server.name)
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Start", "X-Real-IP", "Forwarded", "Proxy"):
            self.send_header(f"Received-{name}", self.headers.get(name, ""))
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def port(run_folder: RunFolder) -> Iterator[int]:
    """Of Caddy before a server for each web process."""
    servers = {worker_name(*web): Named(worker_name(*web)) for web in WEB_PROCESSES}
    for server in servers.values():
        Thread(target=server.serve_forever, daemon=True).start()
    behind = {name: [f"127.0.0.1:{server.server_port}"] for name, server in servers.items()}
    with caddy(run_folder, behind) as listening:
        yield listening
    for server in servers.values():
        server.shutdown()
        server.server_close()


def ask(port: int, host: str, path: str, method: str = "GET", **more: str) -> requests.Response:
    """One request; where a path leads elsewhere it is not followed."""
    headers = {"Host": host, **{name.replace("_", "-"): value for name, value in more.items()}}
    return requests.request(
        method, f"http://127.0.0.1:{port}{path}", headers=headers, timeout=20, allow_redirects=False
    )


def examples(route: Route) -> list[str]:
    """Paths that lead to a route."""
    return [
        *(f"{beginning}anything/at/all" for beginning in route.beginnings),
        *(path.replace("*", "a-1") for path in route.paths),
    ]


@pytest.mark.parametrize(("host", "routes"), [(PUBLIC_HOST, PUBLIC_ROUTES), (DESK_HOST, DESK_ROUTES)])
def test_each_path_is_routed_by_the_table(port: int, host: str, routes: tuple[Route, ...]) -> None:
    found, expected = {}, {}
    for route in routes:
        for path in examples(route):
            longest = max(
                (len(start), other) for other in routes for start in (*other.beginnings, *other.paths)
                if path.startswith(start.split("*")[0])
            )[1] if not route.paths else route  # fmt: skip
            expected[path] = worker_name(longest.service, longest.process)
            found[path] = ask(port, host, path).headers.get("Served-By")
    assert found == expected


def test_path_on_neither_host_is_a_problem_document(port: int) -> None:
    for host, path in (
        *(
            (host, path)
            for host in (PUBLIC_HOST, DESK_HOST)
            for path in ("/-/registration/metrics", "/x", "/embed/../-/events/readyz")
        ),
        *(
            (PUBLIC_HOST, path)
            for path in ("/console", "/v1/registrations", "/v1/mails", "/v1/events/a/b", "/v1/eventsx")
        ),
        *((DESK_HOST, path) for path in ("/embed/a-form", "/c/token", "/v1/forms-of-nobody/../../programme")),
    ):
        answer = ask(port, host, path)
        assert (answer.status_code, answer.headers.get("Served-By")) == (404, None) or "forms" in path, path
        if answer.status_code == 404:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "not-found"
            for name, value in refusal_headers(https=True):
                assert answer.headers[name] == value, name


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [("", "fr-CH,fr;q=0.9,en;q=0.5", "fr"), ("?lang=ar", "fr", "ar"), ("?lang=xx", "", "en"), ("", "de", "en")],
)
def test_browser_reads_an_error_in_its_language(port: int, query: str, accepted: str, language: str) -> None:
    answer = ask(port, PUBLIC_HOST, f"/nothing{query}", Accept="text/html,*/*;q=0.8", Accept_Language=accepted)
    title, text = error_texts(404, language)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.text == page_html(title, f"<p>{text}</p>", language, direction(language))
    assert answer.headers["Content-Language"] == language
    for name, value in refusal_headers(https=True, policy=POLICY):
        assert answer.headers[name] == value, name


def test_browser_reads_that_a_body_is_too_large(port: int) -> None:
    url, headers = f"http://127.0.0.1:{port}/v1/forms/a/submissions", {"Host": PUBLIC_HOST, "Accept": "text/html"}
    answer = requests.post(url, data=b"x" * 300_000, headers=headers, timeout=20)
    assert (answer.status_code, answer.text.count("<h1>That was too much at once</h1>")) == (413, 1)


def test_browser_reads_that_no_process_answers(run_folder: RunFolder) -> None:
    nothing = {worker_name(*web): [f"127.0.0.1:{free_port()}"] for web in WEB_PROCESSES}
    with caddy(run_folder, nothing) as lone:
        page, problem = (ask(lone, PUBLIC_HOST, "/programme", Accept=accept) for accept in ("text/html", "*/*"))
    assert [page.status_code, problem.status_code, problem.json()["code"]] == [503, 503, "unavailable"]
    assert (page.headers["Retry-After"], "<h1>The site cannot be reached" in page.text) == ("5", True)


def test_reading_part_of_the_api_refuses_other_methods(port: int) -> None:
    answer = ask(port, PUBLIC_HOST, "/v1/events", "POST")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert ask(port, DESK_HOST, "/v1/events", "POST").headers["Served-By"] == "events-desk"


def test_client_is_not_believed_about_itself(port: int) -> None:
    lies = dict.fromkeys(("X_Forwarded_For", "X_Real_IP", "Forwarded", "Proxy"), "203.0.113.9")
    received = ask(port, PUBLIC_HOST, "/programme", **lies, X_Request_Start="t=1").headers
    assert [received[f"Received-{name}"] for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Proxy")] == [
        "127.0.0.1",
        "",
        "",
        "",
    ]
    assert received["Received-X-Request-Start"] not in ("", "t=1")


def test_body_that_is_too_large_is_refused(port: int) -> None:
    def status(host: str, path: str, size: int) -> int:
        url, headers = f"http://127.0.0.1:{port}{path}", {"Host": host}
        return requests.post(url, data=b"x" * size, headers=headers, timeout=20).status_code

    assert status(PUBLIC_HOST, "/v1/forms/a/submissions", 250_000) == 200
    assert status(PUBLIC_HOST, "/v1/forms/a/submissions", 300_000) == 413
    assert status(PUBLIC_HOST, "/v1/receipts/a", 60_000) == 200
    assert status(PUBLIC_HOST, "/v1/receipts/a", 70_000) == 413
    assert status(DESK_HOST, "/v1/bulletins/a", 900_000) == 200


def test_large_body_over_a_slow_line_is_passed_on(port: int) -> None:
    """An import of 10 MB with 5 Mbit/s takes 16 seconds: Caddy's limit is of the whole body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("POST", "/v1/imports", skip_host=True)
    for name, value in (("Host", DESK_HOST), ("Content-Length", str(SLOW_PARTS * 1000))):
        connection.putheader(name, value)
    connection.endheaders()
    for _ in range(SLOW_PARTS):
        time.sleep(1.0)  # a slow line; the number of parts ends it
        connection.send(b"x" * 1000)
    assert connection.getresponse().status == 200
    connection.close()


def test_start_pages(port: int) -> None:
    found = [ask(port, host, "/") for host in (PUBLIC_HOST, DESK_HOST)]
    assert [(one.status_code, one.headers["Location"]) for one in found] == [(302, "/programme"), (302, "/console")]
