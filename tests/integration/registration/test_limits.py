"""Rate limits with two workers behind a gateway: what is counted together, and the responses."""

import pytest
from flask.testing import FlaskClient

from services.registration.settings import RATES
from tests.support.clients import SUBMISSIONS, all_at_once, answers, rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port, is_listening
from tests.support.processes import ProcessGroup
from tests.support.registration_service import RegistrationService
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb, start_web

MOST = 30
SENT = 60
TIMES = 3
ALONE = "counts for itself"


@pytest.fixture
def redis(processes: ProcessGroup) -> str:
    """URL of a server that speaks the protocol of Redis, used by this test alone."""
    port = free_port()
    processes.start("redis", f"tests.support.redis_server {port}")
    poll_until(lambda: is_listening(port), 20, what="the server of limits listens")
    return f"redis://127.0.0.1:{port}/0"


def start(processes: ProcessGroup, installation: TestInstallation, name: str = "", **others: str) -> RunningWeb:
    """Two workers that limit everyone, of whom each can hold half of the clients at most."""
    limits = {"TROIKA_LIMITS_EXEMPT": "", "TROIKA_LIMIT_INTAKE": f"{MOST} per hour", **others}
    return start_web(processes, installation, workers=2, connections=4, others=limits, name=name)


def send(web: RunningWeb, first: int, came_from: str) -> list[int]:
    """The answers to ``SENT`` submissions through the gateway; each claims to come from elsewhere."""
    made = [
        (answers(first + number), {"X-Forwarded-For": f"198.51.100.{number}, {came_from}"}) for number in range(SENT)
    ]
    return [answer.status for answer in all_at_once(web.url, made, clients=6)]


def test_limit_is_exact_over_two_workers_that_count_in_one_place(
    installation: TestInstallation, processes: ProcessGroup, redis: str
) -> None:
    """Regardless of the forwarding headers of a request; and of IPv6, a client network is one client.

    A machine that is busy for half a second makes the workers count each for itself, as they should: then again.
    """
    for once in range(TIMES):
        web = start(processes, installation, f"web-{once}", TROIKA_LIMITS_URL=redis)
        clients = (f"203.0.113.{once}", f"2001:db8:0:{once}::1", f"2001:db8:0:{once}::2")
        given = [send(web, 1000 * (3 * once + number), client) for number, client in enumerate(clients)]
        log = web.program.log_text()
        if ALONE not in log:
            break
    assert ALONE not in log
    assert [(each.count(202), each.count(429)) for each in given[:2]] == [(MOST, SENT - MOST)] * 2
    assert given[2].count(202) == 0
    assert "203.0.113" not in log
    assert "2001:db8" not in log


def test_limit_is_exact_over_the_workers_of_one_host_without_any_storage(
    installation: TestInstallation, processes: ProcessGroup
) -> None:
    web = start(processes, installation)
    given = [send(web, 1000 * number, client) for number, client in enumerate(("203.0.113.1", "2001:db8::1"))]
    assert [(each.count(202), each.count(429)) for each in given] == [(MOST, SENT - MOST)] * 2


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three from one address."""
    monkeypatch.setenv("TROIKA_LIMIT_INTAKE", "3 per minute")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_refused_client_gets_a_retry_after(client: FlaskClient, installation: TestInstallation, accept: str) -> None:
    """Nothing of theirs is read or stored; a coordinator's key makes no difference, since no one needs one here."""
    headers = {"X-Forwarded-For": "203.0.113.1", "Accept": accept}
    given = [client.post(SUBMISSIONS, json=answers(number), headers=headers).status_code for number in range(3)]
    refused = client.post(SUBMISSIONS, data=b"{", content_type="application/json", headers=headers)
    assert given == [202] * 3
    assert (refused.status_code, refused.mimetype) == (
        (429, "text/html") if accept == "text/html" else (429, "application/problem+json")
    )
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert client.get("/r/nobodys-token", headers=headers).status_code == 404
    assert rows(installation.urls["registration"], "SELECT count(*) FROM submission") == [(3,)]


@pytest.fixture
def few_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two from one address."""
    monkeypatch.setattr("services.registration.web.RATES", {**RATES, "command": "2 per minute"})


@pytest.mark.usefixtures("few_commands")
def test_commands_by_link_are_counted_apart_from_pages(service: RegistrationService) -> None:
    """From pages and from programs together."""
    service.register(1)
    token, headers = service.own_token(1), {"X-Forwarded-For": "203.0.113.1"}
    [(identity,)] = rows(service.url, "SELECT id::text FROM registration")
    path, program = f"/v1/registrations/{identity}", {**headers, "Authorization": f"Bearer {token}"}
    pages = [service.client.post(f"/r/{token}", data={"action": "none"}, headers=headers) for _ in range(3)]
    assert [page.status_code for page in pages] == [400, 400, 429]
    assert service.client.delete(path, headers=program).status_code == 429
    assert service.client.get(path, headers=program).status_code == 200
    assert service.client.get(f"/r/{token}", headers=headers).status_code == 200
