"""The relay is believed only with a certificate that is trusted and its own; nothing goes in clear if it must not."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.notifications.mail.transport import NotReached
from tests.support.smtp_relay import CONTENT, Relay, hand_over, transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_unverified_certificate_is_not_reached(certificate: Path, host: str) -> None:
    tls = ssl.create_default_context(cafile=str(certificate)) if host == "localhost" else None  # trusted, other name
    with Relay({}, serving(certificate)) as relay:
        with pytest.raises(NotReached):
            transport(relay, f"smtps://{host}:{{port}}", tls).connect()
        assert relay.heard == []


def test_relay_without_starttls_is_not_talked_to_in_clear() -> None:
    with Relay({}) as relay:
        with pytest.raises(NotReached):
            transport(relay, "smtp://127.0.0.1:{port}?starttls=required").connect()
        assert [line.split()[0] for line in relay.heard] == ["ehlo", "STARTTLS"]
