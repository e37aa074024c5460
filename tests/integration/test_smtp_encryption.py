"""The relay's certificate must be trusted and its own; nothing is sent in clear if that is forbidden."""

import ssl
from pathlib import Path

import pytest

from deploy.up.services import authorities
from services.notifications.sending.smtp import NotReached
from tests.support.certificate import make_certificate
from tests.support.smtp_relay import CONTENT, Relay, hand_over, transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "relay.pem", "127.0.0.1")


def serving(certificate: Path) -> ssl.SSLContext:
    """The relay's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_encrypted_relay_is_used_when_its_certificate_is_trusted(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Relay({}, serving(certificate)) as relay:
        with transport(relay, "smtps://127.0.0.1:{port}", trusting).connect() as session:
            hand_over(session)
        assert relay.mails == [CONTENT]


def test_certificate_in_ssl_cert_file_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the reference of settings, which also holds for what `make up` starts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert authorities()["SSL_CERT_FILE"] == str(certificate)
    with Relay({}, serving(certificate)) as relay:
        with transport(relay, "smtps://127.0.0.1:{port}").connect() as session:
            hand_over(session)
        assert relay.mails == [CONTENT]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_unverified_certificate_is_not_reached(certificate: Path, host: str) -> None:
    tls = ssl.create_default_context(cafile=str(certificate)) if host == "localhost" else None  # trusted, other name
    with Relay({}, serving(certificate)) as relay:
        with pytest.raises(NotReached):
            transport(relay, f"smtps://{host}:{{port}}", tls).connect()
        assert relay.commands == []


def test_relay_without_starttls_is_not_talked_to_in_clear() -> None:
    with Relay({}) as relay:
        with pytest.raises(NotReached):
            transport(relay, "smtp://127.0.0.1:{port}?starttls=required").connect()
        assert [line.split()[0] for line in relay.commands] == ["ehlo", "STARTTLS"]
