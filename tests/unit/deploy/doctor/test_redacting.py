"""No line of the doctor holds a password, for any message of a setting, a server or a library."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from deploy.operations.doctor.__main__ import document, main, written
from deploy.operations.doctor.broker import MANAGEMENT_URL, METRICS_URLS
from deploy.operations.doctor.finding import FOLDER
from deploy.operations.doctor.grading import GradedHost, HostBroker, HostDatabase, failed, ok
from deploy.operations.doctor.probes import Certificate, DiskSpace, HttpAnswer, Probes
from deploy.operations.doctor.redacting import passwords_of, redact
from deploy.operations.doctor.registry import CHECKS, run_checks
from shared.messaging.queue_members import BrokerNode, QueueMembers
from shared.messaging.topology import TOPOLOGY
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import NOW, host

PASSWORD = "s3cr/t @word"
WRITTEN = quote(PASSWORD, safe="@")
"""As an operator may write it: the at sign is not encoded."""

LEAK = f"no route to amqp://somebody:{WRITTEN}@broker:5672/troika ({PASSWORD})"
SETTINGS = ("TROIKA_PUBLIC_URL", "TROIKA_CONSOLE_URL", "TROIKA_DOCTOR_PROMETHEUS_URL", METRICS_URLS)


def address(scheme: str, name: str, path: str = "") -> str:
    """With a login and its password."""
    return f"{scheme}://somebody:{WRITTEN}@{name}.example.net{path}"


@pytest.fixture
def graded() -> GradedHost:
    """A host of which each address holds a password."""
    values = {name: address("https", "public") for name in SETTINGS}
    values[METRICS_URLS] = ",".join(address("http", f"broker-{number}", ":15692") for number in (1, 2))
    values |= {"SMTP_URL": address("smtps", "relay"), "TROIKA_MAIL_FROM": "upr@example.net"}
    values |= {"TROIKA_FORM_KEYS": "/nowhere", "TROIKA_TRUSTED_PROXIES": "10.0.0.0/8"}
    return host(
        values=values,
        databases=tuple(HostDatabase(one, "web", address("postgresql", one, f"/{one}")) for one in ("events", "keys")),
        brokers=tuple(HostBroker(name, (address("amqp", "broker", "/troika"),)) for name in ("somebody", TOPOLOGY)),
        monitor_url=address("postgresql", "monitor", "/postgres"),
        folders={"data": Path("/data")},
    )


def leaking(kind: str) -> Probes:
    """Servers and libraries that repeat the password: as the reason of a failure, or in their answers."""

    def refuse(*_arguments: Any) -> Any:
        raise Unavailable(LEAK)

    names = ("query", "limits", "broker", "cluster", "may_declare", "missing", "certificate", "fetch", "resolve")
    every: dict[str, Any] = dict.fromkeys((*names, "relay", "run", "space", "synchronised"), refuse)
    if kind == "answers":
        every |= {
            "query": lambda _url, statement: refuse() if "clock" in statement else [(LEAK, LEAK, LEAK, LEAK)],
            "limits": lambda _url: [f"{LEAK}: {LEAK}"],
            "broker": lambda _url: {"version": f"4.{LEAK}"},
            "cluster": lambda _urls: ([BrokerNode(LEAK, False)], [QueueMembers(LEAK, (), (), "")]),
            "may_declare": lambda _url: True,
            "missing": lambda _urls: [LEAK],
            "certificate": lambda _endpoint: Certificate(NOW, LEAK),
            "fetch": lambda _url: HttpAnswer(500, {}, LEAK),
            "resolve": lambda _name, _kind: [LEAK],
            "relay": lambda _url: None,
            "run": lambda _words: LEAK,
            "space": lambda _path: DiskSpace(0.01, 0.01, 1),
            "synchronised": lambda: False,
        }
    return Probes(**every, now=lambda: NOW)


def unredacted(graded: GradedHost, probes: Probes) -> Iterator[str]:
    """The texts of checks, and the reasons of those that could not run."""
    for check in CHECKS:
        try:
            yield "".join(map(str, check.run(graded, probes)))
        except Unavailable as error:
            yield error.reason
        except (ValueError, LookupError):
            continue


@pytest.mark.parametrize("kind", ["failures", "answers"])
@pytest.mark.parametrize("managed", [False, True])
def test_no_message_of_any_check_holds_a_password(graded: GradedHost, kind: str, *, managed: bool) -> None:
    if managed:
        graded.values[MANAGEMENT_URL] = address("https", "broker", ":15671")  # type: ignore[index]  # it is a dict
    printed = "\n".join(unredacted(graded, leaking(kind)))
    assert min(printed.count(PASSWORD), printed.count(WRITTEN)) > 3, "the checks would print it"
    lines = list(run_checks(graded, leaking(kind)))
    assert {check for check, _result in lines} == set(CHECKS)
    text = "\n".join(line for check, result in lines for line in written(check, result))
    text += json.dumps(document("a test", lines), ensure_ascii=False)
    assert [part for part in (PASSWORD, WRITTEN, "somebody:", "@word") if part in text] == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("amqp://a:b@c/d", "amqp://c/d"),
        ("http://a:b@c,http://a:b@d", "http://c,http://d"),
        ("amqp://a:b@b@c", "amqp://c"),
        ("amqp://a:b/b@c", "amqp://c"),
        ("https://c/d, upr@example.org", "https://c/d, upr@example.org"),
        ("refused: s3cret-word", "refused: …"),
    ],
)
def test_name_and_password_in_an_address_are_removed(text: str, left: str) -> None:
    result = redact(failed(text, text, text), ["s3cret-word"])
    assert result == failed(left, left, left)


def test_passwords_are_those_of_all_settings(graded: GradedHost) -> None:
    assert passwords_of(graded) == [WRITTEN, PASSWORD]
    assert passwords_of(host(values={"SMTP_URL": "smtp://a:xyz@relay"})) == []


def test_setting_that_is_no_address_is_not_repeated(tmp_path: Path) -> None:
    """The error of Python holds what it could not read."""
    (tmp_path / "relay").mkdir()
    (tmp_path / "relay" / "TROIKA_BROKER_URL").write_text("amqp://somebody:another-word\u2100@[broker/troika")
    done = CliRunner().invoke(main, ["--only", "host"], env={FOLDER: str(tmp_path)})
    assert (done.exit_code, "a settings file is not understood (ValueError)" in done.output) == (2, True)
    assert "another-word" not in done.output


def test_result_without_an_address_is_the_same() -> None:
    result = ok("registration", "schema 0001")
    assert redact(result, ["another"]) == result
