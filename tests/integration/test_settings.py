"""A process with bad settings does not start, and reports all faults at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from deploy.local.secrets import (
    EVENTS_PUBLIC_KEY,
    PUBLIC_KEY,
    REGISTRATION_PUBLIC_KEY,
    SIGNING_PUBLIC_KEY,
    make_secrets,
)
from deploy.shape import PROCESSES
from services.events.settings import read_settings as events_settings
from services.notifications.settings import read_settings as notifications_settings
from services.registration.settings import read_settings as registration_settings
from shared.cli.settings import ON_THE_BUS, WITHOUT_DATABASE, CommonSettings
from shared.runtime.errors import SettingsError
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup

SIGN_IN = ("TROIKA_ACCESS_FILE", "TROIKA_SIGNING_KEY_FILE")
CONSOLE = ("TROIKA_ACCESS_FILE", SIGNING_PUBLIC_KEY)
VAULT = "TROIKA_NOTIFICATIONS_VAULT_FILE"
WEBHOOKS = "TROIKA_WEBHOOK_KEY_FILE"
UNSUBSCRIBE = "TROIKA_UNSUBSCRIBE_KEY_FILE"
INTAKE = "TROIKA_INTAKE_KEY_FILE"
MAILED = {PUBLIC_KEY, EVENTS_PUBLIC_KEY}
DESK = {"TROIKA_PERSON_KEY_FILE", "TROIKA_MASTER_KEY_FILE", "TROIKA_FORM_KEYS", *MAILED}
"""What coordinators' pages and interfaces of registration need, beside what every console needs."""

ENVIRONMENTS: dict[tuple[str, str], tuple[dict[str, str], set[str]]] = {
    ("registration", "web"): (
        {
            "REGISTRATION_DATABASE_URL": "mysql://nowhere",
            "TROIKA_PUBLIC_URL": "not an address",
            "TROIKA_PERSON_KEY_FILE": "/does/not/exist",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY": "secret-that-must-not-be-shown",
            "TROIKA_FORM_KEYS": "/does/not/exist",
        },
        {
            "REGISTRATION_DATABASE_URL",
            "TROIKA_PUBLIC_URL",
            "TROIKA_ACCESS_FILE",
            "TROIKA_SIGNING_KEY_FILE",
            "TROIKA_INTAKE_KEY_FILE",
            "TROIKA_PERSON_KEY_FILE",
            "TROIKA_MASTER_KEY_FILE",
            "TROIKA_FORM_KEYS",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
            "TROIKA_EVENTS_PUBLIC_KEY",
        },
    ),
    ("registration", "forms"): (
        {"REGISTRATION_DATABASE_URL": "postgresql://localhost/registration", "TROIKA_MASTER_KEY_FILE": "/not/there"},
        {"TROIKA_INTAKE_KEY_FILE"},
    ),
    ("registration", "desk"): (
        {"REGISTRATION_DATABASE_URL": "postgresql://localhost/registration", "TROIKA_INTAKE_KEY_FILE": "/not/there"},
        {
            "TROIKA_ACCESS_FILE",
            "TROIKA_SIGNING_KEY_FILE",
            "TROIKA_PERSON_KEY_FILE",
            "TROIKA_MASTER_KEY_FILE",
            "TROIKA_FORM_KEYS",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
            "TROIKA_EVENTS_PUBLIC_KEY",
        },
    ),
    ("registration", "decide"): (
        {"REGISTRATION_DATABASE_URL": "postgresql://localhost/registration", "TROIKA_DECIDER_KEY_FILE": "/not/there"},
        {"TROIKA_DECIDER_KEY_FILE", "TROIKA_PERSON_KEY_FILE", *MAILED},
    ),
    ("registration", "relay"): (
        {"REGISTRATION_DATABASE_URL": "mysql://nowhere", "TROIKA_METRICS_PORT": "99999"},
        {"REGISTRATION_DATABASE_URL", "TROIKA_METRICS_PORT"},
    ),
    ("events", "web"): (
        {"EVENTS_DATABASE_URL": "postgresql://localhost/events"},
        {
            "TROIKA_ACCESS_FILE",
            SIGNING_PUBLIC_KEY,
            "TROIKA_EVENTS_KEY_FILE",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
            "TROIKA_REGISTRATION_PUBLIC_KEY",
        },
    ),
    ("events", "consume"): (
        {"TROIKA_BROKER_URL": "http://not-a-broker"},
        {"TROIKA_BROKER_URL", "TROIKA_EVENTS_KEY_FILE", "TROIKA_PROPOSAL_KEY_FILE"},
    ),
    ("notifications", "consume"): (
        {"NOTIFICATIONS_DATABASE_URL": "postgresql://localhost/n"},
        {"TROIKA_MAIL_FROM", "TROIKA_NOTIFICATIONS_KEY_FILE", "TROIKA_NOTIFICATIONS_VAULT_FILE"},
    ),
    ("notifications", "send"): (
        {"SMTP_URL": "gopher://x", "NOTIFICATIONS_DATABASE_URL": "postgresql://localhost/n"},
        {"SMTP_URL", "TROIKA_MAIL_FROM", VAULT, UNSUBSCRIBE},
    ),
}


@pytest.mark.parametrize(("service", "role"), ENVIRONMENTS)
def test_bad_settings_all_named(processes: ProcessGroup, service: str, role: str, tmp_path: Path) -> None:
    """Exit code 2, one line a fault, no value of a setting, and no database started on the way."""
    environment, wanted = ENVIRONMENTS[service, role]
    data = tmp_path / "data"
    program = processes.start("program", f"services.{service} {role}", env={**environment, "TROIKA_DATA": str(data)})
    assert program.wait() == 2
    lines = program.log_text().splitlines()
    assert lines[0] == "The settings cannot be used:"
    assert {line.split(":")[0].partition(" (")[0].strip() for line in lines[1:-1]} == wanted
    assert lines[-1] == "  The settings are described in docs/reference/settings.md"
    assert "secret-that-must-not-be-shown" not in program.log_text()
    assert not data.exists()


NEEDED = {
    "registration": {
        "web": {INTAKE, *DESK, *SIGN_IN},
        "forms": {INTAKE},
        "own": {INTAKE},
        "desk": {*DESK, *SIGN_IN},
        "decide": {"TROIKA_DECIDER_KEY_FILE", "TROIKA_PERSON_KEY_FILE", *MAILED},
        "relay": set(),
        "consume": {"TROIKA_REGISTRATION_KEY_FILE"},
        "tend": MAILED,
        "operator": {"TROIKA_MASTER_KEY_FILE", "TROIKA_FORM_KEYS"},
        "migrate": set(),
        "parked": set(),
        "recover": set(),
        "topology": set(),
    },
    "events": {
        "web": {"TROIKA_EVENTS_KEY_FILE", PUBLIC_KEY, REGISTRATION_PUBLIC_KEY, *CONSOLE},
        "public": set(),
        "desk": {"TROIKA_EVENTS_KEY_FILE", PUBLIC_KEY, REGISTRATION_PUBLIC_KEY, *CONSOLE},
        "relay": set(),
        "consume": {"TROIKA_EVENTS_KEY_FILE", "TROIKA_PROPOSAL_KEY_FILE"},
        "solve": set(),
        "operator": set(),
        "rekey": {"TROIKA_EVENTS_KEY_FILE"},
        "migrate": set(),
    },
    "notifications": {
        "web": {VAULT, WEBHOOKS, UNSUBSCRIBE, *CONSOLE},
        "public": {UNSUBSCRIBE},
        "desk": {VAULT, WEBHOOKS, *CONSOLE},
        "relay": set(),
        "consume": {"TROIKA_NOTIFICATIONS_KEY_FILE", VAULT},
        "send": {VAULT, UNSUBSCRIBE, "SMTP_URL"},
        "deliver": {WEBHOOKS},
        "schedule": set(),
        "rekey": {VAULT},
        "migrate": set(),
    },
}
"""Settings that name keys or hold passwords, beside the addresses of database and bus, by service and process."""

BUS = {"TROIKA_BUS_DATABASE_URL"}
PLAIN = {"TROIKA_MAIL_FROM", "TROIKA_ORGANISER", "TROIKA_LIMITS_EXEMPT"}


@pytest.mark.parametrize(("service", "process"), [(s, p) for s, roles in NEEDED.items() for p in roles])
def test_process_is_given_its_own_secrets_and_asks_for_no_others(
    service: str, process: str, whole: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are named too, as missing files: reading them would be an error."""
    given = whole.environment(service, process)
    database = set() if process in WITHOUT_DATABASE else {f"{service.upper()}_DATABASE_URL"}
    bus = BUS if process in ON_THE_BUS else set()
    assert set(given) - PLAIN == NEEDED[service][process] | database | bus
    everything = {name for roles in NEEDED.values() for names in roles.values() for name in names} | BUS
    everything |= {"TROIKA_BROKER_URL", *(f"{each.upper()}_DATABASE_URL" for each in NEEDED)}
    if process in ON_THE_BUS:
        everything.discard("TROIKA_BROKER_URL")  # replaced by the embedded bus here
    for name in everything | set(given):
        monkeypatch.setenv(name, given.get(name, f"/not/there/{name}"))
    assert common_of(READERS[service](process)).process == process
    for name in sorted(NEEDED[service][process]):
        monkeypatch.delenv(name)
        with pytest.raises(SettingsError) as refused:
            READERS[service](process)
        said = [(fault.split()[0].rstrip(":"), fault.rpartition(": ")[2]) for fault in refused.value.problems]
        assert said == [(name, "is required, and not set")]
        monkeypatch.setenv(name, given[name])


def test_every_process_of_the_installation_is_in_the_table() -> None:
    assert {(service, role) for service, roles in NEEDED.items() for role in roles} >= {
        *((service, "web") for service in NEEDED),
        *PROCESSES,
    }


@pytest.mark.parametrize(("service", "process"), [(s, p) for s in NEEDED for p in ("web", "relay", "consume")])
def test_process_uses_its_own_database_login(whole: TestInstallation, service: str, process: str) -> None:
    address = make_url(whole.environment(service, process)[f"{service.upper()}_DATABASE_URL"])
    assert address.username == f"troika_{service}_{process}"
    assert rows(address.render_as_string(hide_password=False), "SELECT session_user::text") == [(address.username,)]


READERS: dict[str, Callable[[str], Any]] = {
    "registration": registration_settings,
    "events": events_settings,
    "notifications": notifications_settings,
}


def common_of(settings: Any) -> CommonSettings:
    """What every service has."""
    found: CommonSettings = settings.common
    return found


@pytest.fixture(scope="module")
def whole(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Databases and secrets; one for the module, no one writes."""
    return make_installation(postgres, tmp_path_factory.mktemp("settings"))


@pytest.mark.parametrize(
    ("service", "process"),
    [
        ("registration", "web"),
        ("registration", "decide"),
        ("registration", "consume"),
        ("events", "web"),
        ("events", "consume"),
        ("notifications", "consume"),
        ("notifications", "send"),
    ],
)
def test_no_secret_in_the_representation(
    service: str, process: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what an error page, a debugger or a log line would show of them."""
    own = make_secrets(tmp_path).of(service, process)
    servers = {
        f"{service.upper()}_DATABASE_URL": "postgresql+psycopg://somebody:word-at-the-database@127.0.0.1/one",
        "TROIKA_BROKER_URL": "amqp://somebody:word-at-the-broker@127.0.0.1/",
        "SMTP_URL": "smtps://somebody:word-at-the-relay@mail.example.org",
        "TROIKA_MAIL_FROM": "upr@example.org",
    }
    for name, value in {**own, **servers}.items():
        monkeypatch.setenv(name, value)
    shown = repr(READERS[service](process))
    files = [Path(value) for name, value in own.items() if name.endswith(("KEY_FILE", "VAULT_FILE"))]
    keys = [line for file in files for line in file.read_text().split()]
    assert len(keys) > 0
    secrets = [*keys, *(repr(bytes.fromhex(key))[2:-1] for key in keys)]
    assert [secret for secret in secrets if secret in shown] == []
    assert "word-at" not in shown
