"""Malformed requests at the service and at the gateway before it: refused, or read alike; logs reveal nothing."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from shared.http.headers import refusal_headers
from tests.integration.routes.test_failures import REVEALING
from tests.integration.smuggling.corpus import CORPUS, HIDDEN, HIDDEN_FORM, ONE, TWO
from tests.integration.smuggling.wire import AT_ONCE, RawResponses, Recorder, exchange, recorder
from tests.support.gateway import gateway
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.web import RunningWeb, load_webinar, start_web

TOKEN = "kP3xq9vN-secret-of-a-link"
HEADERS = [f"{name}: {value}".lower() for name, value in refusal_headers(https=False)]
NAME = re.compile(rb"[A-Za-z0-9-]+")
REPLACED = {b"x-forwarded-for": b"127.0.0.1", b"x-forwarded-proto": b"http"}
TAKEN_AWAY = {
    b"transfer-encoding",
    b"upgrade",
    b"forwarded",
    b"proxy",
    b"via",
    b"x-real-ip",
    b"x-forwarded-host",
    b"te",
}
FORWARDED = tuple(number for number, case in enumerate(CORPUS) if case.gateway in (ONE, TWO))


@dataclass(frozen=True, slots=True)
class Answers:
    """Attributes:
    service, gateway: the response of each of them to each case, by its name.
    forwarded: what arrived behind the gateway of the cases that it forwards, sent to the recorder instead.
    lookups: how often the service has searched for the hidden form, by the recipient.
    web: the service.
    url: of the gateway.
    log: all that service and gateway have logged.
    """

    service: dict[str, RawResponses]
    gateway: dict[str, RawResponses]
    forwarded: list[bytes]
    lookups: dict[str, float]
    web: RunningWeb
    url: str
    log: str


@pytest.fixture(scope="module")
def answers(
    postgres: PostgresServer, run_folder: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Answers]:
    """The whole corpus, sent to the service, to the gateway before it, and through the gateway to the recorder."""
    processes = ProcessGroup(run_folder)
    installation = make_installation(postgres, Path(tmp_path_factory.mktemp("smuggling")))
    load_webinar(installation, capacity=None)
    try:
        web = start_web(processes, installation, workers=1)
        with recorder() as behind:
            webs = {"registration": web, "notifications": web, "events": RunningWeb(behind.url, web.program)}
            with gateway(run_folder, webs) as url:
                made = _asked(web, url, behind)
                for odd in (f"GET /r/{TOKEN}?q=\xe9", f"GET /r/{TOKEN} x", f"POST /r/{TOKEN} HTTP/9"):
                    for place in (web.url, url):
                        assert TOKEN not in exchange(place, f"{odd}\r\nHost: a\r\n\r\n".encode()).content.decode()
                log = "".join(file.read_text() for file in run_folder.path.glob("gateway-*/gateway.log"))
                log += processes.log_text()
                yield Answers(*made, web, url, log)
    finally:
        processes.end()


def _asked(
    web: RunningWeb, url: str, behind: Recorder
) -> tuple[dict[str, RawResponses], dict[str, RawResponses], list[bytes], dict[str, float]]:
    found: dict[str, dict[str, RawResponses]] = {}
    lookups = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, place in {"service": web.url, "gateway": url}.items():
            before = _lookups(web)
            responses = pool.map(lambda case, place=place: exchange(place, case.raw), CORPUS)
            found[name] = {case.name: response for case, response in zip(CORPUS, responses, strict=True)}
            lookups[name] = _lookups(web) - before
        list(pool.map(lambda number: exchange(url, _elsewhere(number)), FORWARDED))
    return found["service"], found["gateway"], list(behind.requests), lookups


def _lookups(web: RunningWeb) -> float:
    page = requests.get(f"{web.url}/-/registration/metrics", timeout=10).text
    [figure] = re.findall(r'troika_intake_requests_total\{outcome="unknown"\} (\S+)', page) or ["0"]
    return float(figure)


def _elsewhere(number: int) -> bytes:
    """The case with this number, to what the gateway sends to events; the number goes along."""
    raw = CORPUS[number].raw
    return raw.replace(b"/v1/forms/", b"/programme/").replace(b" HTTP/1.", b"?case=%d HTTP/1." % number, 1)


def _is_kept(expected: str, responses: RawResponses) -> bool:
    """Whether the response is the expected one."""
    if expected == TWO:
        return len(responses.statuses) == 2
    if expected == ONE:
        return len(responses.statuses) == 1 and responses.statuses[0] not in (101, 400)
    return len(responses.statuses) <= 1 and all(status >= 400 for status in responses.statuses)


def test_service_reads_every_request_to_one_end(answers: Answers) -> None:
    wrong = {c.name: answers.service[c.name] for c in CORPUS if not _is_kept(c.service, answers.service[c.name])}
    assert wrong == {}
    assert answers.lookups["service"] == 0


def test_gateway_reads_every_request_to_one_end(answers: Answers) -> None:
    wrong = {c.name: answers.gateway[c.name] for c in CORPUS if not _is_kept(c.gateway, answers.gateway[c.name])}
    assert wrong == {}
    assert answers.lookups["gateway"] == len([case for case in CORPUS if case.gateway == TWO])


def test_hidden_request_would_be_seen(answers: Answers) -> None:
    """Negative control: sent openly, after another, it is answered and counted."""
    for place in (answers.web.url, answers.url):
        before = _lookups(answers.web)
        assert exchange(place, HIDDEN + HIDDEN).statuses == (404, 404)
        assert _lookups(answers.web) == before + 2


def test_behind_the_gateway_arrives_one_plain_request(answers: Answers) -> None:
    """With one host and one length, and of the client's forwarding headers only what we see."""
    numbers = [re.findall(rb"\?case=(\d+) ", request) for request in answers.forwarded]
    assert sorted(int(found[0]) for found in numbers if found) == list(FORWARDED)
    assert numbers.count([]) == len([case for case in CORPUS if case.gateway == TWO])
    for request in answers.forwarded:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *headers = head.split(b"\r\n")
        assert re.fullmatch(rb"(GET|POST) /[!-~]* HTTP/1\.1", line), request
        assert b"\n" not in b"".join(headers), request
        pairs = [header.split(b": ", 1) for header in headers]
        names = [pair[0].lower() for pair in pairs]
        assert all(NAME.fullmatch(one) for one in names), request
        assert (names.count(b"host"), len(set(names)), TAKEN_AWAY & set(names)) == (1, len(names), set()), request
        response = dict(zip(names, (pair[1] for pair in pairs), strict=True))
        assert {one: response.get(one) for one in REPLACED} == REPLACED, request
        assert len(body) == int(response.get(b"content-length", b"0")), request


def test_refusals_reveal_nothing_and_repeat_nothing(answers: Answers) -> None:
    """Of the service and of nginx: a problem in JSON, with no name of the software."""
    for who in (answers.service, answers.gateway):
        for name, responses in who.items():
            if len(responses.statuses) == 1 and responses.statuses[0] >= 400:
                head, _, body = responses.content.partition(b"\r\n\r\n")
                assert b"application/problem+json" in head, name
                assert (REVEALING.findall(body.decode()), HIDDEN_FORM in body.decode()) == ([], False), name
                sent = head.decode().lower().split("\r\n")
                assert [one for one in HEADERS if one not in sent] == [], name


def test_log_holds_nothing_of_what_was_refused(answers: Answers) -> None:
    """Neither the sender nor the line that could not be read: it may contain a link's token."""
    assert answers.log.count("request refused: ") > 40
    response = [
        line for line in answers.log.splitlines() if re.search(rf"{TOKEN}|{HIDDEN_FORM}|127\.0\.0\.1|ip=|GET ", line)
    ]
    assert response == []
