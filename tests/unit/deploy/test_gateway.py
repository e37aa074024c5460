"""The gateway routes each path by the tables of paths."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.compose.caddy import caddyfile
from deploy.compose.containers import CLUSTER, SIZES
from deploy.shape import (
    DESK_ROUTES,
    PROCESSES,
    PUBLIC_ROUTES,
    TOKEN_PATHS,
    WEB_PROCESSES,
    service_for,
    worker_name,
)
from deploy.up.gateway import gateway_configuration, proxies_in_front
from deploy.up.ports import InstallationPorts
from deploy.up.watching import targets
from services.notifications.web import LARGEST_BODY
from services.registration.desk import LARGEST_DRAFT, LARGEST_IMPORT
from services.registration.web import FILLED_FORMS
from shared.http.admission import BODY_WITHIN_S, SLOWEST_BYTES_S
from shared.http.app import MAX_BODY_BYTES, MAX_FORM_BYTES

NAMES = ["public", "desk", "operations", "rabbitmq-metrics", "canary", "audit"]
NAMES += [worker_name(*process) for process in PROCESSES]
PORTS = InstallationPorts({name: 20_000 + number for number, name in enumerate(NAMES)})
CONFIGURATION = gateway_configuration(Path("/var/lib/troika"), PORTS)
BEGINNINGS = [path for route in (*PUBLIC_ROUTES, *DESK_ROUTES) for path in route.beginnings]


def _servers() -> Iterator[dict[str, str]]:
    """Upstream by prefix of path: of the public server, the coordinators' and the operators'."""
    for server in CONFIGURATION.split("  server {")[1:]:
        yield dict(re.findall(r"location \^~ (\S+) \{\s+proxy_pass http://([^;]+);", server))


PUBLIC, DESK, OPERATIONS = _servers()


def _as_nginx(path: str, locations: dict[str, str]) -> str:
    """The longest beginning wins."""
    fitting = [beginning for beginning in locations if path.startswith(beginning)]
    return locations[max(fitting, key=len)] if fitting else ""


@given(st.sampled_from(BEGINNINGS), st.text("abcdefgr/-", max_size=12))
def test_both_hosts_agree_with_the_local_front(beginning: str, rest: str) -> None:
    path = beginning + rest
    found = {_as_nginx(path, host).partition("-")[0] for host in (PUBLIC, DESK)}
    assert found - {""} == {service_for(path)}


def test_operators_paths_are_at_their_port_alone() -> None:
    assert [path for path in (*PUBLIC, *DESK) if path.startswith("/-/")] == []
    assert OPERATIONS == {
        "/-/registration/forms/": "registration-forms/-/registration/",
        "/-/registration/own/": "registration-own/-/registration/",
        "/-/registration/desk/": "registration-desk/-/registration/",
        "/-/events/public/": "events-public/-/events/",
        "/-/events/desk/": "events-desk/-/events/",
        "/-/notifications/public/": "notifications-public/-/notifications/",
        "/-/notifications/desk/": "notifications-desk/-/notifications/",
    }


def test_every_sign_is_filled_in() -> None:
    assert re.findall(r"@(?!nowhere|too_large|too_many|busy|media)\w+@?", CONFIGURATION) == []


def test_filled_forms_and_what_coordinators_write_alone_may_be_as_large_as_the_service_takes() -> None:
    sizes = re.findall(r"location \^~ (\S+) \{\s+proxy_pass \S+\s+client_max_body_size (\w+);", CONFIGURATION)
    assert sizes == [
        *[(path, "256k") for path in FILLED_FORMS],
        ("/v1/form-drafts", "1m"),
        ("/v1/imports", "21m"),
        ("/console/registrations/imports", "21m"),
        ("/v1/bulletins", "1m"),
        ("/console/mail", "1m"),
    ]
    assert LARGEST_BODY == LARGEST_DRAFT == 1024 * 1024
    assert LARGEST_IMPORT == 21 * 1024 * 1024
    assert re.findall(r"^  client_max_body_size (\w+);", CONFIGURATION, re.MULTILINE) == ["64k"]
    assert (MAX_BODY_BYTES, MAX_FORM_BYTES) == (64 * 1024, 256 * 1024)


@pytest.mark.parametrize("size", [*SIZES, CLUSTER])
def test_caddy_gives_a_body_as_much_time_as_the_application(size: str) -> None:
    """And an export of 100,000 people (50 MB) as much as 1 Mbit/s takes."""
    (body_s,) = re.findall(r"read_body (\d+)s\n", caddyfile(size))
    assert int(body_s) >= BODY_WITHIN_S + LARGEST_IMPORT / SLOWEST_BYTES_S
    (answer_min,) = re.findall(r"\twrite (\d+)m\n", caddyfile(size))
    assert int(answer_min) * 60 * 125_000 >= 50_000_000


def test_caddy_keeps_idle_connections_longer_than_the_proxy_in_front_of_it() -> None:
    """Traefik keeps them for 90 s, ingress-nginx for 60 s; a submission on a closed connection is answered 502."""
    assert "\t\t\tidle 2m\n" in caddyfile(CLUSTER)
    assert all("\t\t\tidle 30s\n" in caddyfile(size) for size in SIZES)


def test_larger_prefixes_may_send_more_and_nothing_else_is_limited() -> None:
    rates = re.findall(r"limit_req_zone \$(\w+) zone=(\w+):10m rate=(\d+)r/s;", CONFIGURATION)
    assert rates == [
        ("changing_network", "changing_network", "50"),
        ("changing_56", "changing_56", "200"),
        ("changing_48", "changing_48", "800"),
    ]
    bursts = re.findall(r"limit_req zone=(\w+) burst=(\d+) nodelay;", CONFIGURATION)
    assert bursts == 2 * [("changing_network", "200"), ("changing_56", "800"), ("changing_48", "3200")]


def test_twenty_networks_cannot_hold_every_connection() -> None:
    most = max(int(number) for number in re.findall(r"limit_conn \w+ (\d+);", CONFIGURATION))
    [workers], [each] = (
        re.findall(rf"{name} (\d+);", CONFIGURATION) for name in ("worker_processes", "worker_connections")
    )
    assert 20 * most < int(workers) * int(each)


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_paths_with_a_token_are_no_referrer(path: str) -> None:
    """Each of them is a separate location: else the header would be missing there."""
    [location] = re.findall(rf"location \^~ {path} \{{(.*?)\}}", CONFIGURATION, re.DOTALL)
    assert "proxy_hide_header Referrer-Policy;" in location
    assert "add_header Referrer-Policy no-referrer always;" in location


@pytest.mark.parametrize(
    ("path", "process"),
    [
        ("/v1/forms/a/submissions", "registration-forms"),
        ("/v1/receipts/r", "registration-forms"),
        ("/receipts/r", "registration-forms"),
        ("/c/token", "registration-own"),
        ("/r/token", "registration-own"),
        ("/v/token", "registration-own"),
        ("/j/token", "registration-own"),
        ("/x/token", ""),
    ],
)
def test_paths_of_the_intake_lead_to_its_processes(path: str, process: str) -> None:
    assert _as_nginx(path, PUBLIC) == process


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"])
def test_forwarding_headers_of_a_client_are_replaced(header: str) -> None:
    [value] = re.findall(rf"proxy_set_header {header} (\S+);", CONFIGURATION)
    assert value == ("$remote_addr" if header == "X-Forwarded-For" else '""')


def test_prometheus_scrapes_every_process() -> None:
    processes = {*PROCESSES, ("operations", "canary")}
    groups = {audited: targets(PORTS, audited=audited)["troika"] for audited in (True, False)}
    assert {
        audited: {(each["labels"]["service"], each["labels"]["process"]) for each in group}
        for audited, group in groups.items()
    } == {True: processes | {("operations", "audit")}, False: processes}


def test_idle_connections_are_closed_by_the_gateway_before_the_service_does() -> None:
    """Else a request is sent into a connection that is just being closed, and fails."""
    [keepalive] = re.findall(r"^keepalive = (\d+)$", Path("deploy/gunicorn.conf.py").read_text(), re.MULTILINE)
    kept_s = [int(seconds) for seconds in re.findall(r"^    keepalive_timeout (\d+)s;", CONFIGURATION, re.MULTILINE)]
    assert kept_s == [3] * len(WEB_PROCESSES)
    assert max(kept_s) < int(keepalive)


def test_service_gets_the_arrival_time_of_a_request() -> None:
    assert re.findall(r'proxy_set_header X-Request-Start "(.+)";', CONFIGURATION) == ["t=$msec"]


@pytest.mark.parametrize(
    ("environment", "networks"),
    [
        ({}, ""),
        ({"TROIKA_PUBLIC_URL": "http://127.0.0.1:8000"}, ""),
        ({"TROIKA_PUBLIC_URL": "https://upr.example.org"}, "127.0.0.1/32,::1/128"),
        ({"TROIKA_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7"}, "10.0.0.0/8,192.0.2.7/32"),
    ],
)
def test_tls_proxy_in_front_is_named_or_on_this_machine(
    environment: dict[str, str], networks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TROIKA_PUBLIC_URL", "TROIKA_TRUSTED_PROXIES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxies = proxies_in_front()
    assert str(proxies) == networks
    written = re.findall(r"set_real_ip_from (\S+);", gateway_configuration(Path("/var/lib/troika"), PORTS, proxies))
    assert ",".join(written) == networks
