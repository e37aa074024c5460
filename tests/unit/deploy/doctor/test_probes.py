"""The doctor's real probes of certificates, names, commands and disks; the test of `make up` covers servers."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.operations.doctor.asking import (
    clock_synchronised,
    connect_relay,
    disk_space,
    fetch,
    resolve,
    run,
    shown_certificate,
)
from deploy.operations.doctor.probes import TlsEndpoint
from shared.runtime.errors import Unavailable

ENDS_AT = datetime(2035, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that no authority has signed, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ENDS_AT - timedelta(days=9999))
        .not_valid_after(ENDS_AT)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def server(answer: Callable[[socket.socket], None], times: int = 2) -> Iterator[int]:
    """A port of this machine on which ``answer`` serves each client."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            for _ in range(times):
                try:
                    client, _address = listening.accept()
                except OSError:
                    return
                with client:
                    try:
                        answer(client)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.close()
            thread.join()


def tls(certificate: Path, *, before: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """A server that presents ``certificate`` after the protocol's messages before TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(client: socket.socket) -> None:
        before(client)
        with context.wrap_socket(client, server_side=True) as encrypted:
            encrypted.recv(1)

    return answer


def _postgresql(client: socket.socket) -> None:
    assert client.recv(8) == bytes.fromhex("0000000804d2162f")
    client.sendall(b"S")


def _smtp(client: socket.socket) -> None:
    client.sendall(b"220 relay\r\n")
    assert client.recv(100).startswith(b"ehlo")
    client.sendall(b"250 STARTTLS\r\n")
    assert client.recv(100) == b"STARTTLS\r\n"
    client.sendall(b"220 go on\r\n")


@pytest.mark.parametrize(
    ("protocol", "before"), [("", lambda _client: None), ("postgresql", _postgresql), ("smtp", _smtp)]
)
def test_certificate_is_read_and_judged(
    certificate: Path, protocol: str, before: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(tls(certificate, before=before)) as port:
        found = shown_certificate(TlsEndpoint("localhost", port, protocol))
    assert (found.ends_at, "self-signed" in found.fault) == (ENDS_AT, True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server(tls(certificate, before=before), times=1) as port:
        assert shown_certificate(TlsEndpoint("localhost", port, protocol)).fault == ""


def test_server_without_tls_shows_no_certificate() -> None:
    with server(lambda client: client.sendall(b"N"), times=1) as port, pytest.raises(Unavailable):
        shown_certificate(TlsEndpoint("localhost", port, "postgresql"))
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        shown_certificate(TlsEndpoint("127.0.0.1", 1))


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver with a TXT record of two strings, an MX record, and no other name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
        names.bind(("127.0.0.1", 0))
        names.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    asked, client = names.recvfrom(4096)
                except OSError:
                    return
                query = dns.message.from_wire(asked)
                answer, (question,) = dns.message.make_response(query), query.question
                kind = dns.rdatatype.to_text(question.rdtype)
                known = {"TXT": '"v=spf1 " "-all"', "MX": "10 mx.example.org."}.get(kind)
                if question.name.to_text() != "example.org.":
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                elif known:
                    answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, known))
                names.sendto(answer.to_wire(), client)
                if question.name.to_text() == "end.":
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], names.getsockname()[1]
        monkeypatch.setattr(dns.resolver, "Resolver", lambda: made)
        yield
        assert resolve("end.", "A") == []
        thread.join()


@pytest.mark.usefixtures("resolver")
def test_names() -> None:
    assert resolve("example.org", "TXT") == ["v=spf1 -all"]
    assert resolve("example.org", "MX") == ["10 mx.example.org."]
    assert resolve("example.org", "AAAA") == []
    assert resolve("nothing.example.org", "TXT") == []


def test_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dns.resolver.Resolver(configure=False)
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: made)
    with pytest.raises(Unavailable, match="no resolver answers"):
        resolve("example.org", "TXT")


def test_page() -> None:
    def answer(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-Kind: a\r\nContent-Length: 2\r\n\r\nab")

    with server(answer, times=1) as port:
        found = fetch(f"http://127.0.0.1:{port}/")
    assert (found.status, found.headers["x-kind"], found.body) == (302, "a", "ab")
    with pytest.raises(Unavailable, match="ConnectionError"):
        fetch("http://127.0.0.1:1/")


def test_page_and_relay_of_an_own_authority_are_trusted_as_the_system_trusts_it(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the list that ``requests`` brings; without the authority the certificate is named as the reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as encrypted:
            encrypted.recv(4096)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with server(answer, times=2) as port:
        with pytest.raises(Unavailable, match="its certificate is refused: self-signed certificate"):
            fetch(f"https://localhost:{port}/")
        with pytest.raises(Unavailable, match="its certificate is refused: self-signed certificate"):
            connect_relay(f"smtps://localhost:{port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server(answer, times=1) as port:
        assert fetch(f"https://localhost:{port}/").body == "ok"


def test_relay_that_is_away() -> None:
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        connect_relay("smtp://127.0.0.1:1")


def test_machine(tmp_path: Path) -> None:
    assert run(["echo", "a"]) == "a\n"
    for words in (["no-such-program"], ["false"]):
        with pytest.raises(Unavailable):
            run(words)
    assert 0 <= disk_space(str(tmp_path)).free <= 1
    with pytest.raises(Unavailable):
        disk_space(str(tmp_path / "away"))
    assert clock_synchronised() in (True, False)
