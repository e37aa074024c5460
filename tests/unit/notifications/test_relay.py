"""The form of ``SMTP_URL``: what is accepted and refused, and that a password is never shown."""

import pytest

from services.notifications.sending.smtp import SmtpRelay, parse_relay


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://relay.example.org", SmtpRelay("relay.example.org", 25, "none")),
        ("smtp://127.0.0.1:1025", SmtpRelay("127.0.0.1", 1025, "none")),
        ("smtp://relay.example.org?starttls=required", SmtpRelay("relay.example.org", 587, "starttls")),
        (
            "smtp://u:p%40ss@relay.example.org:2525/?starttls=required",
            SmtpRelay("relay.example.org", 2525, "starttls", "u", "p@ss"),
        ),
        ("smtp://u:p@localhost", SmtpRelay("localhost", 587, "none", "u", "p")),
        ("smtps://u:p@relay.example.org", SmtpRelay("relay.example.org", 465, "tls", "u", "p")),
        ("smtp://[::1]:1025", SmtpRelay("::1", 1025, "none")),
    ],
)
def test_url_is_read(url: str, relay: SmtpRelay) -> None:
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example.org",
        "http://relay.example.org",
        "smtp://",
        "smtp://u:secret@relay.example.org",
        "smtp://u@localhost",
        "smtp://relay.example.org?starttls=maybe",
        "smtp://relay.example.org?starttls",
        "smtp://relay.example.org?other=1",
        "smtps://relay.example.org?starttls=required",
        "smtp://u:secret@relay.example.org:99999?starttls=required",
    ],
)
def test_other_forms_are_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_relay(url)
    assert "secret" not in str(caught.value)


def test_password_is_not_in_the_representation() -> None:
    assert "secret" not in repr(parse_relay("smtps://u:secret@relay.example.org"))
