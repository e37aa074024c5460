"""A process with bad settings does not start, and says everything that is wrong at once."""

from pathlib import Path

import pytest

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
