"""The size `full`: each web process runs twice; a crash of one, or a restart of all, costs no one an answer."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests

from deploy.compose.containers import FULL, containers
from deploy.local.installation import SAMPLE, WEBINAR
from tests.deploy.engine import docker
from tests.deploy.installation import Compose
from tests.support.clients import SUBMISSIONS, answers

REQUESTS, PER_SECOND, CLIENTS = 1000, 50, 8
MAX_FAILED = 1
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def full(images: None) -> Iterator[Compose]:
    """With the sample's forms and programme."""
    compose = Compose("troika-full", size=FULL, settings={"TROIKA_LIMITS_EXEMPT": "172.16.0.0/12"})
    compose.remove()
    try:
        compose.up()
        compose.tool("events", "load", str(SAMPLE), "--move-to-next", WEBINAR)
        compose.tool("registration", "load", str(SAMPLE))
        yield compose
    finally:
        print(compose.run("ps", "--all", check=False).stdout)
        compose.remove()


@pytest.fixture(scope="module")
def line(full: Compose, tmp_path_factory: pytest.TempPathFactory) -> requests.Session:
    """Trusts the gateway."""
    return full.session(tmp_path_factory.mktemp("authority"))


def visit(full: Compose, line: requests.Session) -> str:
    """A page, or a submission: its status, or what went wrong."""
    number = next(NUMBERS)
    try:
        if number % 4:
            path = ("/programme", f"/embed/{WEBINAR}", "/v1/events")[number % 3]
            return str(line.get(full.url() + path, timeout=30).status_code)
        sent = line.post(full.url() + SUBMISSIONS, json=answers(number), timeout=30)
        return "200" if sent.status_code == 202 else str(sent.status_code)
    except requests.RequestException as error:
        return type(error).__name__


def visits(full: Compose, line: requests.Session, count: int, until: Callable[[], bool]) -> Counter[str]:
    """So many at a steady rate, and on until something is over; how often each answer came."""
    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as people:
        asked: list[Future[str]] = []
        while len(asked) < count or not until():
            asked.append(people.submit(visit, full, line))
            time.sleep(max(0.0, started + len(asked) / PER_SECOND - time.monotonic()))
        return Counter(one.result() for one in asked)


def container(full: Compose, service: str) -> str:
    """The name of the container of a service."""
    (name,) = (one["Name"] for one in full.containers() if one["Service"] == service)
    return str(name)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("away", ["stopped", "killed", "unreachable"])
def test_one_of_two_web_containers_may_be_away(full: Compose, line: requests.Session, away: str) -> None:
    """At most one request of a thousand fails, while it goes, is down and comes back."""
    names = [container(full, f"{name}-1") for name in ("registration-forms", "events-public")]
    front = f"{full.project}_front"
    ended = threading.Event()

    def break_and_mend() -> None:
        time.sleep(3.0)  # while people come
        for name in names:
            docker(
                *{"stopped": ["stop", name], "killed": ["kill", name]}.get(away, ["network", "disconnect", front, name])
            )
        time.sleep(10.0)
        for name, service in zip(names, ("registration-forms-1", "events-public-1"), strict=True):
            again = (
                ["network", "connect", "--alias", service, front, name] if away == "unreachable" else ["start", name]
            )
            docker(*again)
        ended.set()

    thread = threading.Thread(target=break_and_mend)
    thread.start()
    found = visits(full, line, REQUESTS, ended.is_set)
    thread.join()
    full.wait_until_well()
    failed = {answer: times for answer, times in found.items() if answer != "200"}
    print(f"\none of two web containers {away}: {sum(found.values())} requests, failed: {failed or 0}")
    assert sum(failed.values()) <= MAX_FAILED * sum(found.values()) / 1000


@pytest.mark.timeout(1200)
def test_no_one_notices_a_rolling_restart_of_everything(full: Compose, line: requests.Session) -> None:
    """One container after the other, each well before the next."""
    ended = threading.Event()
    wrong: list[str] = []

    def restart() -> None:
        try:
            for one in containers(FULL):
                docker("restart", container(full, one.name))
                full.wait_until_well()
        except AssertionError as error:
            wrong.append(str(error))
        ended.set()

    thread = threading.Thread(target=restart)
    thread.start()
    found = visits(full, line, REQUESTS, ended.is_set)
    thread.join()
    print(f"\nrolling restart of {len(containers(FULL))} containers: {dict(found)}")
    assert wrong == []
    assert set(found) == {"200"}
