"""Calls to receivers by TLS: only to the address that was checked, bounded in time, without redirects."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from services.notifications.webhooks.http_client import (
    NO_ANSWER,
    NO_CONNECTION,
    NO_HTTP,
    NO_TLS,
    REFUSED,
    new_secret,
    signed_headers,
)
from services.notifications.webhooks.model import CallResult
from shared.runtime.clock import system_clock
from tests.support.receiver import HOST, OUTSIDE, Receiver, answering, make_certificate
from tests.support.waiting import poll_until

URL = f"https://{HOST}/hook?for=us"
BODY = b'{"type":"registration.confirmed"}'
WITHIN_S = 1.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the receiver, for its name."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def dripping(connection: ssl.SSLSocket) -> None:
    """Sends one sign of its answer after the other, each well within any bound of a single wait."""
    for sign in "HTTP/1.1 200 OK\r\nX-Long: " + "x" * 1000:
        connection.sendall(sign.encode())
        time.sleep(WITHIN_S / 10)


def endless_body(connection: ssl.SSLSocket) -> None:
    """Sends a head, and then for as long as anyone listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def never_answers(connection: ssl.SSLSocket) -> None:
    """Never answers."""
    connection.recv(1)


def test_call_arrives_whole_and_signed_at_the_address_that_was_checked(certificate: Path) -> None:
    secret = new_secret()
    with Receiver(certificate, answering(204)) as receiver:
        headers = signed_headers("an-id", system_clock(), BODY, [secret])
        assert receiver.caller().call(URL, headers, BODY) == CallResult(answer=204)
    [request] = receiver.requests
    assert (request.line, request.headers["host"], request.body) == ("POST /hook?for=us HTTP/1.1", HOST, BODY)
    assert Webhook(secret).verify(request.body, request.headers) == {"type": "registration.confirmed"}
    assert (receiver.resolved, receiver.connected) == ([HOST], [(OUTSIDE, 443)])


def test_dns_rebinding_gains_nothing(certificate: Path) -> None:
    """DNS rebinding: public when it is checked, ours when it would be connected to. It is asked for once a call."""
    with Receiver(certificate, answering(200)) as receiver:
        caller = receiver.caller([OUTSIDE], ["127.0.0.1"])
        assert caller.call(URL, {}, BODY) == CallResult(answer=200)
        assert (receiver.resolved, receiver.connected) == ([HOST], [(OUTSIDE, 443)])
        assert caller.call(URL, {}, BODY) == CallResult(fault=REFUSED)
        assert (receiver.resolved, receiver.connected) == ([HOST] * 2, [(OUTSIDE, 443)])


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        [OUTSIDE, "10.1.2.3"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["2002:7f00:1::"],
    ],
)
def test_host_with_an_address_inside_is_not_connected_to(certificate: Path, addresses: list[str]) -> None:
    with Receiver(certificate, answering(200)) as receiver:
        assert receiver.caller(addresses).call(URL, {}, BODY) == CallResult(fault=REFUSED)
    assert receiver.connected == []


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://0x7f.1/", f"http://{HOST}/", f"https://a@{HOST}/"])
def test_forbidden_url_is_not_resolved(certificate: Path, url: str) -> None:
    """However it came into the table."""
    with Receiver(certificate, answering(200)) as receiver:
        assert receiver.caller().call(url, {}, BODY) == CallResult(fault=REFUSED)
    assert (receiver.resolved, receiver.connected) == ([], [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_is_not_followed(certificate: Path, status: int) -> None:
    with Receiver(certificate, answering(status, "Location: http://127.0.0.1/")) as receiver:
        assert receiver.caller().call(URL, {}, BODY) == CallResult(answer=status)
    assert (len(receiver.requests), receiver.connected) == (1, [(OUTSIDE, 443)])


@pytest.mark.parametrize("behave", [dripping, never_answers])
def test_receiver_that_takes_its_time_is_cut_off(certificate: Path, behave: Callable[[ssl.SSLSocket], None]) -> None:
    with Receiver(certificate, behave) as receiver:
        began_s = time.monotonic()
        assert receiver.caller(within_s=WITHIN_S).call(URL, {}, BODY) == CallResult(fault=NO_ANSWER)
        assert time.monotonic() - began_s < 20 * WITHIN_S
    assert len(receiver.requests) == 1


def test_body_of_an_answer_is_not_read(certificate: Path) -> None:
    with Receiver(certificate, endless_body) as receiver:
        assert receiver.caller().call(URL, {}, BODY) == CallResult(answer=200)


@pytest.mark.parametrize(
    ("raw_answer", "fault"),
    [(b"nonsense\r\n\r\n", NO_HTTP), (b"", NO_HTTP), (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", NO_HTTP)],
)
def test_answer_that_is_none_is_a_fault(certificate: Path, raw_answer: bytes, fault: str) -> None:
    with Receiver(certificate, lambda connection: connection.sendall(raw_answer)) as receiver:
        assert receiver.caller().call(URL, {}, BODY) == CallResult(fault=fault)


def test_receiver_without_a_valid_certificate_gets_no_request(certificate: Path) -> None:
    with Receiver(certificate, answering(200)) as receiver:
        assert receiver.caller(trusting=False).call(URL, {}, BODY) == CallResult(fault=NO_TLS)
        other = f"https://other.{HOST}/"
        assert receiver.caller().call(other, {}, BODY) == CallResult(fault=NO_TLS)
    poll_until(lambda: len(receiver.connected) == 2, within_s=5)
    assert receiver.requests == []


def test_receiver_that_is_away_is_a_fault(certificate: Path) -> None:
    receiver = Receiver(certificate, answering(200))
    receiver.close()
    assert receiver.caller().call(URL, {}, BODY) == CallResult(fault=NO_CONNECTION)
