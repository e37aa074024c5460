"""An installation by Compose: it starts, registers, loses nothing when a container is killed, and is isolated."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from deploy.compose.containers import SMALL, containers
from deploy.local.installation import SAMPLE, WEBINAR, days_later
from tests.deploy.conftest import IMAGE, SOLVER_IMAGE
from tests.deploy.engine import BASE, docker, inspected
from tests.deploy.installation import DESK_HOST, PUBLIC_HOST, Compose, InboxLinks
from tests.support.participants import Participant
from tests.support.ports import free_port
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

NOT_OURS = ("postgres", "rabbitmq", "gateway")
NOT_COUNTED = ("postgres", "rabbitmq", "sink", "audit")
MAX_MIB = 600
"""Of our containers in the size ``small``."""


@pytest.fixture(scope="module")
def started(images: None) -> Iterator[Compose]:
    """With the sample programme."""
    compose = Compose("troika-test")
    compose.remove()
    try:
        compose.up()
        compose.tool("events", "load", str(SAMPLE), "--move-to-next", WEBINAR)
        compose.tool("registration", "load", str(SAMPLE), "--days-later", str(days_later(SAMPLE)))
        yield compose
    finally:
        print(compose.run("ps", "--all", check=False).stdout)
        compose.remove()


@pytest.fixture(scope="module")
def line(started: Compose, tmp_path_factory: pytest.TempPathFactory) -> requests.Session:
    """Trusts the gateway."""
    return started.session(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def links(started: Compose) -> InboxLinks:
    """Of all mails."""
    return InboxLinks(started.inbox)


def register(started: Compose, line: requests.Session, links: InboxLinks, number: int) -> None:
    """From the form to the second mail."""
    person = Participant(started.url(), links, number, line=line)
    poll_until(
        lambda: person.submit(f"key-of-person-{number:05}").status == 202, 60, every_s=0.5, what="it is accepted"
    )
    poll_until(person.confirm, 120, every_s=0.5, what="the mail has come and nothing waits behind its link")
    poll_until(
        lambda: links.newest(person.address, "r"), 120, every_s=0.5, what="the confirmation of the registration came"
    )


def audited(started: Compose) -> None:
    """The audit, when everything can be decided, finds no difference."""
    done = started.run("exec", "audit", "troika", "audit", "--wait", "120", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_someone_registers_through_tls(started: Compose, line: requests.Session, links: InboxLinks) -> None:
    assert line.get(started.url() + "/programme", timeout=30).status_code == 200
    register(started, line, links, 1)
    audited(started)


def test_coordinator_signs_in_with_a_key_that_an_operator_has_made(started: Compose, line: requests.Session) -> None:
    key = started.tool("access", "add", "a coordinator", "--role", "coordinator", "--role", "viewer").strip()
    headers = {"Authorization": f"Bearer {key}"}
    path = f"/v1/registrations?form={WEBINAR}"
    listed = line.get(started.url(DESK_HOST) + path, headers=headers, timeout=30)
    assert (listed.status_code, len(listed.json()["items"])) == (200, 1)
    assert line.get(started.url(DESK_HOST) + path, timeout=30).status_code == 401
    assert line.get(started.url() + path, headers=headers, timeout=30).status_code == 404


def test_nothing_of_ours_is_root_or_writes_or_may_do_anything(started: Compose) -> None:
    ours = [one for one in started.containers() if one["Service"] not in NOT_OURS]
    assert len(ours) >= len(containers(started.size))
    for one in ours:
        found = inspected("container", one["Name"])
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"], one["Service"]
        assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False), one["Service"]
        assert "no-new-privileges:true" in host["SecurityOpt"], one["Service"]
        assert docker("exec", one["Name"], "id", "-u").strip() == "61184", one["Service"]


def test_each_container_sees_its_own_settings_alone(started: Compose) -> None:
    """The web process of the public has no key that opens anything, and no container the keys of all."""
    seen = started.run("exec", "events-work", "find", "/run/troika", "-type", "f").stdout.split()
    assert "/run/troika/relay/TROIKA_BROKER_URL" in seen
    assert [path for path in seen if "registration" in path.lower().replace("troika_registration", "")] == []
    assert started.run("exec", "events-work", "test", "-e", "/settings/prepare", check=False).returncode == 1


def test_it_needs_little_memory(started: Compose) -> None:
    lines = docker("stats", "--no-stream", "--format", "{{json .}}").splitlines()
    used = {row["Name"]: _mib(row["MemUsage"].split("/")[0]) for row in map(json.loads, lines)}
    names = {one["Name"] for one in started.containers() if one["Service"] not in NOT_COUNTED}
    ours = {name: mib for name, mib in used.items() if name in names}
    print(
        {name: round(mib) for name, mib in sorted(used.items())}, f"ours and the gateway: {sum(ours.values()):.0f} MiB"
    )
    assert sum(ours.values()) <= MAX_MIB


def test_each_container_may_be_killed(started: Compose, line: requests.Session, links: InboxLinks) -> None:
    """Docker restarts it, people who register during or after that are registered once, and the audit is clean."""
    services = [one["Service"] for one in started.containers() if one["Service"] != "sink"]
    for number, service in enumerate(sorted(services), start=100):
        (name,) = (one["Name"] for one in started.containers() if one["Service"] == service)
        docker(
            "exec", "--user", "0", name, "sh", "-c", "kill -9 1", check=False
        )  # the engine starts what ends by itself
        pid = inspected("container", name)["State"]["Pid"]
        docker("kill", "--signal", "KILL", name, check=False)
        docker("start", name)
        register(started, line, links, number)
        started.wait_until_well()
        print(f"{service} killed (process {pid}): registered and mailed")
    audited(started)


def test_prometheus_reads_the_figures_of_every_process(started: Compose) -> None:
    """Those of web processes too, which no client of the gateway may read."""

    def states() -> list[str]:
        query = ("promtool", "query", "instant", "http://127.0.0.1:9090", 'up{job="troika"}')
        done = started.run("exec", "prometheus", *query, check=False)
        return [line.partition("=> ")[2].partition(" ")[0] for line in done.stdout.splitlines()]

    started.run("up", "--detach", "--no-deps", "prometheus")
    processes = [*containers(SMALL), "the audit"]
    poll_until(lambda: states() == ["1"] * len(processes), 90, every_s=2.0, what="Prometheus has read them all")
    started.run("rm", "--stop", "--force", "prometheus")


def test_gateway_answers_during_an_upgrade(started: Compose, line: requests.Session) -> None:
    """All other containers are replaced; no connection is refused, and browsers are shown the gateway's page."""
    seen: list[requests.Response] = []
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            seen.append(line.get(started.url() + "/programme", headers={"Accept": "text/html"}, timeout=30))
            time.sleep(0.2)

    docker("tag", IMAGE, "troika:next")
    docker("tag", SOLVER_IMAGE, "troika-solver:next")
    started.settings["TROIKA_VERSION"] = "next"
    with ThreadPoolExecutor(1) as pool:
        visits = pool.submit(visit)
        started.up()
        over.set()
        visits.result(60)
    found = Counter(answer.status_code for answer in seen)
    print(f"\nduring the upgrade: {dict(found)}")
    assert set(found) <= {200, 503}
    assert all("<html" in answer.text for answer in seen)
    poll_until(lambda: line.get(started.url() + "/programme", timeout=30).ok, 60, every_s=0.5, what="it is back")


def test_http_leads_to_the_published_port_of_https(started: Compose) -> None:
    plain = f"http://{PUBLIC_HOST}:{started.settings['TROIKA_HTTP_PORT']}/programme?lang=es"
    answer = requests.get(plain, allow_redirects=False, timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{started.url()}/programme?lang=es")


def test_extra_that_cannot_start_does_not_stop_the_site(images: None, tmp_path: Path) -> None:
    """The node exporter cannot, as where ``/`` is no shared mount: here its image lacks the program."""
    others = dict.fromkeys(("POSTGRES_EXPORTER_IMAGE", "GRAFANA_IMAGE"), "prom/alertmanager:v0.28.1")
    profiles = {"COMPOSE_PROFILES": "trial,monitoring", "TROIKA_GRAFANA_PORT": str(free_port())}
    compose = Compose("troika-extras", settings={**profiles, **others, "NODE_EXPORTER_IMAGE": BASE})
    try:
        assert compose.run("up", "--detach", check=False).returncode != 0
        poll_until(
            lambda: len([one for one in compose.containers() if one["Health"] == "healthy"]) >= len(containers(SMALL)),
            120,
            every_s=1.0,
            what="all processes are ready",
        )
        assert compose.session(tmp_path).get(compose.url() + "/programme", timeout=30).status_code == 200
    finally:
        compose.remove()


def test_wrong_settings_are_all_named_before_anything_starts(images: None) -> None:
    compose = Compose("troika-wrong", settings={"TROIKA_HOST": "", "TROIKA_TRIAL": "", "TROIKA_MAIL_FROM": "nobody"})
    try:
        assert compose.run("up", "--detach", "--wait", check=False).returncode != 0
        output = compose.run("logs", "prepare").stdout
        for name in ("TROIKA_HOST (the public host): is required", "TROIKA_MAIL_FROM", "SMTP_URL: is required"):
            assert name in output, output
        assert [one["Service"] for one in compose.containers()] == ["gateway"]
    finally:
        compose.remove()


def test_second_installation_with_the_same_volume_is_refused(started: Compose) -> None:
    done = started.run("run", "--rm", "-e", "COMPOSE_PROJECT_NAME=another", "prepare", check=False)
    assert done.returncode == 2
    assert "belongs to the installation 'troika-test'" in done.stdout + done.stderr


def test_image_is_small_and_labelled(images: None) -> None:
    sizes = {name: inspected("image", name)["Size"] / 1e6 for name in (IMAGE, SOLVER_IMAGE)}
    print({name: f"{size:.0f} MB" for name, size in sizes.items()})
    assert sizes[IMAGE] <= 250
    found = inspected("image", IMAGE)["Config"]
    assert found["User"] == "61184:61184"
    assert found["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    words = ["run", "--rm", "--entrypoint", "cat", IMAGE, "/opt/troika/sbom.json"]
    listed = {one["name"].lower() for one in json.loads(docker(*words))["components"]}
    assert {"flask", "kombu", "pika", "marshmallow", "gunicorn", "prometheus-client"} <= {
        name.replace("_", "-") for name in listed
    }
    assert docker("run", "--rm", "--read-only", IMAGE, "nonsense", check=False).startswith(
        "troika: There is no program"
    )


def test_configuration_of_alertmanager_is_valid(images: None) -> None:
    mounted = f"{PROJECT / 'deploy' / 'prometheus' / 'alertmanager.yml'}:/alertmanager.yml:ro"
    words = ["run", "--rm", "--entrypoint", "amtool", "--volume", mounted, "prom/alertmanager:v0.28.1"]
    assert "SUCCESS" in docker(*words, "check-config", "/alertmanager.yml")


def _mib(text: str) -> float:
    units = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    number, unit = text.strip()[:-3], text.strip()[-3:]
    return float(number) * units[unit]


def test_sizes_are_read_right() -> None:
    assert (_mib("56.25MiB "), _mib(" 1.5GiB"), _mib("512KiB")) == (56.25, 1536.0, 0.5)
