"""Values that a process could start with and must not: each is refused at the start, with the setting's name."""

import itertools
import re
from difflib import SequenceMatcher

import pytest

from shared.cli.settings import read_common
from shared.messaging.broker import read_address
from shared.runtime.deployment import WebServer, read_web_server
from shared.runtime.errors import SettingsError
from shared.runtime.settings import MISSPELT, OURS, SettingsEnv
from tests.support.processes import PROJECT

TWICE = "postgresql://u@a.example.org:5432,A.example.org/one?sslmode=verify-full"

WRONG = [
    ("TROIKA_LIMITS_EXEMPT", "0.0.0.0/0"),
    ("TROIKA_LIMITS_EXEMPT", "0.0.0.0/1,128.0.0.0/1"),
    ("TROIKA_LIMITS_EXEMPT", "2000::/3"),
    ("TROIKA_TRUSTED_PROXIES", "0.0.0.0/1"),
    ("TROIKA_METRICS_FROM", "::/0"),
    ("TROIKA_WEB_WORKERS", "0"),
    ("TROIKA_WEB_WORKERS", "-1"),
    ("TROIKA_WEB_WORKERS", "two"),
    ("TROIKA_WEB_WORKERS", "5000"),
    ("TROIKA_WEB_CONNECTIONS", "0"),
    ("TROIKA_BIND", "8000"),
    ("TROIKA_BIND", "127.0.0.1"),
    ("TROIKA_BIND", "127.0.0.1:80000"),
    ("TROIKA_BIND", "::1:8000"),
    ("TROIKA_BIND", "register.example.org:8000"),
    ("TROIKA_WEB_WORKER", "4"),
    ("TROIKA_LIMIT_EXEMPT", "192.0.2.0/24"),
    ("EVENTS_DATABASE_URL", TWICE),
]


def faults(environment: dict[str, str]) -> list[str]:
    """Names of the settings that a web process of the public refuses."""
    env = SettingsEnv(environment=environment)
    read_common(env, "events", "web", serving=(), public=("web",))
    try:
        env.seal()
    except SettingsError as refused:
        return [fault.split()[0].rstrip(":") for fault in refused.problems]
    return []


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_process_refuses_a_wrong_value(name: str, value: str) -> None:
    assert faults({name: value}) == [name]


def test_process_accepts_what_is_right_and_what_others_read() -> None:
    right = {
        "TROIKA_LIMITS_EXEMPT": "192.0.2.0/24, 10.0.0.0/8, 2001:db8::/32",
        "TROIKA_WEB_WORKERS": "4",
        "TROIKA_BIND": "[::1]:8000",
        "TROIKA_MAIL_LEASE_S": "600",
        "TROIKA_OF_ANOTHER_VERSION": "yes",
        "EVENTS_DATABASE_URL": TWICE.replace("A.example", "b.example"),
    }
    assert faults(right) == []


def test_gunicorn_reads_its_settings_as_all_others_are_read() -> None:
    given = {"TROIKA_BIND": "unix:/run/troika.sock", "TROIKA_WEB_WORKERS": "4", "TROIKA_WEB_CONNECTIONS": ""}
    env = SettingsEnv(environment=given)
    found = read_web_server(env)
    env.seal()
    assert found == WebServer("unix:/run/troika.sock", 4, 512, found.proxies)


def test_node_of_the_broker_is_named_once() -> None:
    env = SettingsEnv(environment={"TROIKA_BROKER_URL": "amqps://u:p@mq.example.org,amqps://u:p@mq.example.org"})
    read_address(env, "")
    with pytest.raises(SettingsError, match="TROIKA_BROKER_URL: an address stands there twice"):
        env.seal()


def test_no_two_settings_resemble_each_other_as_a_misspelt_one() -> None:
    """Otherwise a process would refuse a setting of another one."""
    rows = [
        line.split("|")[1] for line in (PROJECT / "docs/reference/settings.md").read_text().splitlines() if "|" in line
    ]
    names = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row) if name.startswith(OURS)}
    assert len(names) > 40
    pairs = itertools.combinations(sorted(names), 2)
    assert [pair for pair in pairs if SequenceMatcher(None, *pair).ratio() >= MISSPELT] == []
