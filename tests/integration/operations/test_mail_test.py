"""`troika mail test`: one mail, with the login and the settings of the sender."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.operations.mail import SUBJECT, main
from tests.support.smtp_relay import Relay

SIGNING_IN: dict[str, str | list[str]] = {"EHLO": "250-relay\r\n250 AUTH PLAIN", "AUTH": "235 2.7.0 accepted"}
ADDRESS = "operator@example.org"


def send(relay: Relay, folder: Path) -> Result:
    """As an operator types it on a machine with the settings of all processes in ``folder``."""
    place = folder / "notifications-send" / "send"
    place.mkdir(parents=True)
    (place / "SMTP_URL").write_text(f"smtp://troika:of-a-test@127.0.0.1:{relay.port}\n")
    environment = {"TROIKA_DOCTOR_SETTINGS": str(folder), "TROIKA_MAIL_FROM": "upr@example.org", "SMTP_URL": None}
    return CliRunner().invoke(main, ["test", ADDRESS], env=environment)


def test_relay_accepts_the_mail_after_the_login(tmp_path: Path) -> None:
    with Relay(SIGNING_IN) as relay:
        done = send(relay, tmp_path)
        assert (done.exit_code, done.output.count("\n")) == (0, 1), done.output
        assert "(none, signed in as troika) has accepted the mail" in done.output
        (content,) = relay.mails
        assert SUBJECT.encode() in content
        assert any(line.startswith("AUTH PLAIN") for line in relay.commands)


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ({"AUTH": "535 5.7.8 wrong"}, "SMTPAuthenticationError"),
        ({"RCPT": "550 5.1.1 no such mailbox"}, "the relay answered 550 to RCPT: 5.1.1 no such mailbox"),
    ],
)
def test_refusal_is_one_line_without_the_password(refusal: dict[str, str], reason: str, tmp_path: Path) -> None:
    with Relay({**SIGNING_IN, **refusal}) as relay:
        done = send(relay, tmp_path)
    assert (done.exit_code, reason in done.output, "of-a-test" in done.output) == (1, True, False), done.output


def test_settings_of_the_sender_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TROIKA_DOCTOR_SETTINGS", "TROIKA_SETTINGS", "SMTP_URL", "TROIKA_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(main, ["test", ADDRESS])
    assert (done.exit_code, "SMTP_URL (the mail relay): is required" in done.output) == (2, True), done.output
