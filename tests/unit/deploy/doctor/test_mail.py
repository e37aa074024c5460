"""Checks of mail."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from deploy.operations.doctor.grading import Grade
from deploy.operations.doctor.mail import MAIL_FROM, SELECTOR, SMTP_URL
from deploy.operations.doctor.probes import Certificate
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import NOW, named, only, probes, records

DOMAIN = "network.org"
SENDER = named(**{MAIL_FROM: f"upr@{DOMAIN}"})
Records = Mapping[tuple[str, str], Sequence[str]]


def graded(name: str, found: Records) -> Grade:
    """Grade of a check whose resolver has ``found``."""
    host = named(**{MAIL_FROM: f"upr@{DOMAIN}", SELECTOR: "relay"})
    return only(name, host, probes(resolve=records(found)))[0]


def _takes(_url: str) -> None:
    pass


def _refuses(_url: str) -> None:
    raise Unavailable("no session with the relay: ConnectionRefusedError")


@pytest.mark.parametrize(("days", "grade"), [(60, Grade.OK), (9, Grade.WARNING), (1, Grade.FAILED)])
def test_relay_with_tls(days: int, grade: Grade) -> None:
    relay = named(**{SMTP_URL: "smtps://mail.example.org"})
    shown = probes(relay=_takes, certificate=lambda _endpoint: Certificate(NOW + timedelta(days=days)))
    assert only("mail-relay", relay, shown)[0] == grade


def test_relay() -> None:
    for address, grade in (("smtp://127.0.0.1:25", Grade.OK), ("smtp://mail.example.org", Grade.WARNING)):
        assert only("mail-relay", named(**{SMTP_URL: address}), probes(relay=_takes))[0] == grade
    assert only("mail-relay", named(**{SMTP_URL: "smtp://127.0.0.1"}), probes(relay=_refuses))[0] == Grade.FAILED
    assert only("mail-relay", named(), probes())[0] == Grade.NOT_ASKED


@pytest.mark.parametrize(
    ("found", "grade"),
    [
        ({(DOMAIN, "MX"): ["10 mx."]}, Grade.OK),
        ({(DOMAIN, "AAAA"): ["2001:db8::1"]}, Grade.WARNING),
        ({}, Grade.FAILED),
    ],
)
def test_mx(found: Records, grade: Grade) -> None:
    assert graded("mail-mx", found) == grade


@pytest.mark.parametrize(
    ("texts", "grade"),
    [
        (["v=spf1 ip4:192.0.2.7 -all", "something else"], Grade.OK),
        (["v=spf1 a ?all"], Grade.WARNING),
        (["v=spf1 +all"], Grade.FAILED),
        (["v=spf1 -all", "v=spf1 a -all"], Grade.FAILED),
        (["v=spf10 -all"], Grade.FAILED),
    ],
)
def test_spf(texts: list[str], grade: Grade) -> None:
    assert graded("mail-spf", {(DOMAIN, "TXT"): texts}) == grade


@pytest.mark.parametrize(
    ("texts", "grade"),
    [(["v=DKIM1; k=rsa; p=MIIB"], Grade.OK), (["v=DKIM1; p="], Grade.FAILED), ([], Grade.FAILED)],
)
def test_dkim(texts: list[str], grade: Grade) -> None:
    assert graded("mail-dkim", {(f"relay._domainkey.{DOMAIN}", "TXT"): texts}) == grade


def test_dkim_without_a_selector_is_not_asked() -> None:
    assert only("mail-dkim", SENDER, probes(resolve=records({})))[0] == Grade.NOT_ASKED


@pytest.mark.parametrize(
    ("texts", "grade"),
    [
        (["v=DMARC1; p=reject; rua=mailto:a@example.org"], Grade.OK),
        (["v=DMARC1; p=none"], Grade.WARNING),
        (["v=DMARC1; rua=mailto:a@example.org"], Grade.FAILED),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], Grade.FAILED),
        ([], Grade.FAILED),
    ],
)
def test_dmarc(texts: list[str], grade: Grade) -> None:
    assert graded("mail-dmarc", {(f"_dmarc.{DOMAIN}", "TXT"): texts}) == grade


def test_dmarc_of_the_domain_above_counts() -> None:
    host = named(**{MAIL_FROM: f"upr@mail.{DOMAIN}"})
    found = records({(f"_dmarc.{DOMAIN}", "TXT"): ["v=DMARC1; p=reject"]})
    assert only("mail-dmarc", host, probes(resolve=found))[0] == Grade.OK


def test_dns_is_not_asked_about_examples_or_without_a_resolver() -> None:
    examples = named(**{MAIL_FROM: "upr@example.org"})
    assert only("mail-spf", examples, probes()) == (Grade.NOT_ASKED, "no answer (example.org is for examples)")
    assert only("mail-spf", SENDER, probes(resolve=lambda _name, _kind: [])) == (
        Grade.NOT_ASKED,
        "no answer (the resolver does not resolve public names)",
    )
