"""The settings of the notifications service: one error names all faults, and never a value."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from services.notifications.settings import read_settings
from shared.runtime.errors import SettingsError


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """All that is required, with ``changes``."""
    key, access = folder / "some.key", folder / "access.json"
    key.write_text("ab" * 32 + "\n")
    access.write_text("[]")
    return {
        "NOTIFICATIONS_DATABASE_URL": "postgresql://127.0.0.1/notifications",
        "TROIKA_BUS_DATABASE_URL": "postgresql://127.0.0.1/bus",
        "TROIKA_ACCESS_FILE": str(access),
        "SMTP_URL": "smtps://user:a-secret@relay.example.org",
        "TROIKA_MAIL_FROM": "UPR <upr@Mail.Example.org>",
        "TROIKA_NOTIFICATIONS_KEY_FILE": str(key),
        "TROIKA_NOTIFICATIONS_VAULT_FILE": str(key),
        "TROIKA_UNSUBSCRIBE_KEY_FILE": str(key),
    } | changes


def test_settings_are_read_and_secrets_are_not_shown(tmp_path: Path) -> None:
    sending, consuming = (read_settings(process, environment(tmp_path)) for process in ("send", "consume"))
    assert sending.mail_from == "upr@Mail.Example.org"
    assert sending.mail_domain == "mail.example.org"
    assert (sending.private_keys, sending.vault_keys) == ((), (bytes.fromhex("ab" * 32),))
    assert (consuming.private_keys, consuming.smtp_url) == ((bytes.fromhex("ab" * 32),), "")
    assert sending.unknown_after.total_seconds() == 900
    assert "a-secret" not in repr(sending)
    assert repr(bytes.fromhex("ab" * 32)) not in repr(sending) + repr(consuming)


@pytest.mark.parametrize(
    ("relay", "lease_s", "accepted"),
    [
        ("smtps://relay.example.org", "1", False),
        ("smtps://relay.example.org", "209", False),
        ("smtps://relay.example.org", "210", True),
        ("smtp://127.0.0.1", "1", True),
    ],
)
def test_lease_is_longer_than_any_handover(tmp_path: Path, relay: str, lease_s: str, accepted: bool) -> None:
    """A shorter one lets a second sender send a mail again whose handover takes long."""
    given = environment(tmp_path, SMTP_URL=relay, TROIKA_MAIL_LEASE_S=lease_s)
    with nullcontext() if accepted else pytest.raises(SettingsError, match="TROIKA_MAIL_LEASE_S"):
        read_settings("send", given)


def test_one_error_names_all_that_is_wrong(tmp_path: Path) -> None:
    wrong = environment(
        tmp_path,
        SMTP_URL="smtp://user:a-secret@relay.example.org",
        TROIKA_MAIL_FROM="nobody",
        TROIKA_NOTIFICATIONS_VAULT_FILE="",
        TROIKA_MAIL_UNKNOWN_AFTER_S="0",
    )
    with pytest.raises(SettingsError) as caught:
        read_settings("send", wrong)
    assert [problem.split()[0].rstrip(":") for problem in caught.value.problems] == [
        "SMTP_URL",
        "TROIKA_MAIL_UNKNOWN_AFTER_S",
        "TROIKA_MAIL_FROM",
        "TROIKA_NOTIFICATIONS_VAULT_FILE",
    ]
    assert "a-secret" not in str(caught.value)
