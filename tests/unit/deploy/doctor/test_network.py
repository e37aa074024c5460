"""Checks from outside."""

import json
from datetime import timedelta

import pytest

from deploy.operations.doctor.grading import Grade, HostBroker, HostDatabase
from deploy.operations.doctor.network import CONSOLE_URL, HEADERS, PROMETHEUS_URL, PROXIES, PUBLIC_URL
from deploy.operations.doctor.probes import Certificate, HttpAnswer, TlsEndpoint
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import NOW, check, host, named, only, pages, probes, url

SITE = named(**{PUBLIC_URL: "https://register.example.org"})
FOUND, MISSING = HttpAnswer(200, {}), HttpAnswer(404, {})
ALL_HEADERS = {**dict.fromkeys(HEADERS, "x"), "strict-transport-security": "max-age=1"}


def test_public_url() -> None:
    assert only("network-public", SITE, probes(fetch=pages({"/programme": FOUND})))[0] == Grade.OK
    assert only("network-public", SITE, probes(fetch=pages({})))[0] == Grade.FAILED
    assert only("network-public", SITE, probes(fetch=pages({"/programme": HttpAnswer(502, {})})))[0] == Grade.FAILED
    trial = named(**{PUBLIC_URL: "https://register.localhost"})
    assert only("network-public", trial, probes(fetch=pages({})))[0] == Grade.NOT_ASKED
    plain = named(**{PUBLIC_URL: "http://register.example.org"})
    assert only("network-public", plain, probes(fetch=pages({"/programme": FOUND}))) == (Grade.FAILED, "plain HTTP")
    local = named(**{PUBLIC_URL: "http://127.0.0.1:8000"})
    assert only("network-public", local, probes(fetch=pages({"/programme": FOUND})))[0] == Grade.OK


def test_console_is_asked_too() -> None:
    both = named(**{PUBLIC_URL: "https://register.example.org", CONSOLE_URL: "https://desk.example.org"})
    results = check("network-public", both, probes(fetch=pages({"/programme": FOUND})))
    assert [result.grade for result in results] == [Grade.OK, Grade.FAILED]


def test_headers() -> None:
    assert only("network-headers", SITE, probes(fetch=lambda _url: HttpAnswer(200, ALL_HEADERS)))[0] == Grade.OK
    without = {name: value for name, value in ALL_HEADERS.items() if name != "strict-transport-security"}
    assert only("network-headers", SITE, probes(fetch=lambda _url: HttpAnswer(200, without))) == (
        Grade.FAILED,
        "without strict-transport-security",
    )


def test_operations() -> None:
    assert only("network-operations", SITE, probes(fetch=lambda _url: MISSING))[0] == Grade.OK
    opened = probes(fetch=lambda asked: FOUND if asked.endswith("/-/events/metrics") else MISSING)
    assert only("network-operations", SITE, opened) == (Grade.FAILED, "open: /-/events/metrics")


@pytest.mark.parametrize(
    ("days", "grade"), [(60, Grade.OK), (10, Grade.WARNING), (1, Grade.FAILED), (-1, Grade.FAILED)]
)
def test_certificates(days: int, grade: Grade) -> None:
    shown = probes(certificate=lambda _endpoint: Certificate(NOW + timedelta(days=days)))
    assert only("network-certificates", SITE, shown) == (grade, f"{days} days left")


def test_certificate_that_is_not_trusted_or_not_shown() -> None:
    def shows_none(_endpoint: TlsEndpoint) -> Certificate:
        raise Unavailable("ConnectionRefusedError")

    wrong = Certificate(NOW + timedelta(days=60), "hostname mismatch")
    assert only("network-certificates", SITE, probes(certificate=lambda _endpoint: wrong))[0] == Grade.FAILED
    assert only("network-certificates", SITE, probes(certificate=shows_none))[0] == Grade.FAILED
    assert only("network-certificates", named(), probes())[0] == Grade.NOT_ASKED


def test_public_page_with_a_refused_certificate_is_not_away() -> None:
    def refuses(_url: str) -> HttpAnswer:
        raise Unavailable("its certificate is refused: self-signed certificate")

    found = check("network-public", SITE, probes(fetch=refuses))
    assert {(each.grade, each.found) for each in found} == {
        (Grade.FAILED, "its certificate is refused: self-signed certificate")
    }


def test_every_server_with_tls_is_asked_for_its_certificate() -> None:
    asked = []

    def certificate(endpoint: TlsEndpoint) -> Certificate:
        asked.append(endpoint)
        return Certificate(NOW + timedelta(days=60))

    graded = host(
        databases=(HostDatabase("events", "web", url("x", "events", "db.example.org", "?sslmode=verify-full")),),
        brokers=(HostBroker("x", ("amqps://x:y@mq-1.example.org/troika", "amqps://x:y@mq-2.example.org:5999/troika")),),
        values={PUBLIC_URL: "https://register.example.org"},
    )
    check("network-certificates", graded, probes(certificate=certificate))
    assert asked == [
        TlsEndpoint("register.example.org", 443),
        TlsEndpoint("mq-1.example.org", 5671),
        TlsEndpoint("mq-2.example.org", 5999),
        TlsEndpoint("db.example.org", 5432, "postgresql"),
    ]


@pytest.mark.parametrize(
    ("networks", "grade"),
    [
        ("", Grade.OK),
        ("10.0.0.0/8, fd00::/8", Grade.OK),
        ("8.8.8.8", Grade.OK),
        ("8.8.0.0/16", Grade.WARNING),
        ("0.0.0.0/0", Grade.FAILED),
        ("gateway", Grade.FAILED),
    ],
)
def test_proxies(networks: str, grade: Grade) -> None:
    assert only("network-proxies", named(**{PROXIES: networks}), probes())[0] == grade


def _prometheus(health: str, *alerts: tuple[str, str]) -> list[Grade]:
    targets = [{"labels": {"job": "troika", "instance": "a"}, "health": health}] if health else []
    firing = [{"metric": {"alertname": name, "severity": severity}} for name, severity in alerts]
    answers = {
        "/targets": HttpAnswer(200, {}, json.dumps({"data": {"activeTargets": targets}})),
        "/query": HttpAnswer(200, {}, json.dumps({"data": {"result": firing}})),
    }
    graded = named(**{PROMETHEUS_URL: "http://127.0.0.1:9090"})
    return [result.grade for result in check("network-prometheus", graded, probes(fetch=pages(answers)))]


def test_prometheus() -> None:
    assert _prometheus("up") == [Grade.OK, Grade.OK]
    assert _prometheus("up", ("TroikaBackupOld", "ticket")) == [Grade.OK, Grade.WARNING]
    assert _prometheus("down", ("TroikaBackupOld", "ticket"), ("TroikaOutage", "page")) == [Grade.FAILED] * 2
    assert _prometheus("") == [Grade.FAILED, Grade.OK]
