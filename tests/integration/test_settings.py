"""A process with bad settings does not start, and says everything that is wrong at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.secrets import make_secrets
from services.events.settings import read_settings as events_settings
from services.notifications.settings import read_settings as notifications_settings
from services.registration.settings import read_settings as registration_settings
from tests.support.processes import ProcessGroup

ENVIRONMENTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "registration": (
        {
            "REGISTRATION_DATABASE_URL": "mysql://nowhere",
            "TROIKA_BUS_DATABASE_URL": "postgresql://localhost/bus",
            "TROIKA_METRICS_PORT": "99999",
            "TROIKA_PUBLIC_URL": "not an address",
            "TROIKA_PERSON_KEY_FILE": "/does/not/exist",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY": "secret-that-must-not-be-shown",
            "TROIKA_FORM_KEYS": "/does/not/exist",
        },
        {
            "REGISTRATION_DATABASE_URL",
            "TROIKA_METRICS_PORT",
            "TROIKA_PUBLIC_URL",
            "TROIKA_ACCESS_FILE",
            "TROIKA_SIGNING_KEY_FILE",
            "TROIKA_PERSON_KEY_FILE",
            "TROIKA_MASTER_KEY_FILE",
            "TROIKA_FORM_KEYS",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
        },
    ),
    "events": (
        {"TROIKA_BROKER_URL": "http://not-a-broker", "EVENTS_DATABASE_URL": "postgresql://localhost/events"},
        {
            "TROIKA_BROKER_URL",
            "TROIKA_ACCESS_FILE",
            "TROIKA_SIGNING_KEY_FILE",
            "TROIKA_PROPOSAL_KEY_FILE",
            "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
        },
    ),
    "notifications": (
        {"SMTP_URL": "gopher://x", "NOTIFICATIONS_DATABASE_URL": "postgresql://localhost/n"},
        {
            "SMTP_URL",
            "TROIKA_ACCESS_FILE",
            "TROIKA_SIGNING_KEY_FILE",
            "TROIKA_MAIL_FROM",
            "TROIKA_NOTIFICATIONS_KEY_FILE",
            "TROIKA_NOTIFICATIONS_VAULT_FILE",
        },
    ),
}


@pytest.mark.parametrize("service", ENVIRONMENTS)
@pytest.mark.parametrize("role", ["web", "relay"])
def test_bad_settings_all_named(processes: ProcessGroup, service: str, role: str, tmp_path: Path) -> None:
    """Exit code 2, one line a fault, no value of a setting, and no database started on the way."""
    environment, wanted = ENVIRONMENTS[service]
    data = tmp_path / "data"
    program = processes.start("program", f"services.{service} {role}", env={**environment, "TROIKA_DATA": str(data)})
    assert program.wait() == 2
    lines = program.log_text().splitlines()
    assert lines[0] == "The settings cannot be used:"
    assert {line.split(":")[0].strip() for line in lines[1:]} == wanted
    assert "secret-that-must-not-be-shown" not in program.log_text()
    assert not data.exists()


READERS: dict[str, Callable[[], object]] = {
    "registration": registration_settings,
    "events": events_settings,
    "notifications": notifications_settings,
}


@pytest.mark.parametrize("service", READERS)
def test_no_secret_in_the_representation(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is what an error page, a debugger or a log line would show of them."""
    made = make_secrets(tmp_path)
    own = {"registration": made.registration, "events": made.events, "notifications": made.notifications}[service]()
    servers = {
        f"{service.upper()}_DATABASE_URL": "postgresql+psycopg://somebody:word-at-the-database@127.0.0.1/one",
        "TROIKA_BROKER_URL": "amqp://somebody:word-at-the-broker@127.0.0.1/",
        "SMTP_URL": "smtps://somebody:word-at-the-relay@mail.example.org",
        "TROIKA_MAIL_FROM": "upr@example.org",
    }
    for name, value in {**own, **servers}.items():
        monkeypatch.setenv(name, value)
    shown = repr(READERS[service]())
    files = [Path(value) for name, value in own.items() if name.endswith(("KEY_FILE", "VAULT_FILE"))]
    keys = [line for file in files for line in file.read_text().split()]
    assert len(keys) > 1
    secrets = [*keys, *(repr(bytes.fromhex(key))[2:-1] for key in keys)]
    assert [secret for secret in secrets if secret in shown] == []
    assert "word-at" not in shown
