"""The HTTP client of webhooks, with its SSRF guard: the only code that connects to a host that others chose.

The SSRF guard restricts the URL and the IP addresses. The client resolves a name once for a call, checks every address,
and connects to a checked one: a second lookup could return another address (DNS rebinding). It uses TLS with the name
    of
the host, has a timeout for the whole call, follows no redirect, uses no proxy from the environment, and reads only the
head of the answer.

Signatures follow Standard Webhooks:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import http.client
import re
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from standardwebhooks.webhooks import Webhook

from services.notifications.webhooks.model import CallResult

PORTS = frozenset({443, 8443})
MAX_URL_LENGTH = 1000
MAX_HOST_LENGTH = 253

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[Address]]
"""Return all addresses of a host; raises OSError if it has none."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_LAST_LABEL = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
"""No number, decimal or ``0x``: address parsers take a host with such a last label for IPv4."""

_GLOBAL_V6 = ip_network("2000::/3")
"""Global unicast. IPv4 addresses that are mapped into or reached through IPv6 are elsewhere."""

_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            # beside what Python's ``is_global`` knows, which differs from version to version: ways into IPv4, relays
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2002::/16",
            "3fff::/20",  # for documentation (RFC 9637)
            "100.64.0.0/10",
            "198.18.0.0/15",
            "240.0.0.0/4",
        ),
    )
)


class ForbiddenAddress(ValueError):
    """The SSRF guard refuses this URL or address. The message states the reason without the URL or address."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a webhook: ``host`` (lower case), ``port``, and ``target`` (path and query)."""

    host: str
    port: int
    target: str


def parse_endpoint(url: str) -> Endpoint:
    """Return the endpoint of ``url``.

    Raises:
        NotAllowed: not ``https://name.example.org/…`` on one of ``PORTS``.
    """
    if len(url) > MAX_URL_LENGTH or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ForbiddenAddress("a URL of at most 1,000 printable ASCII characters is required")
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise ForbiddenAddress("this is not a URL") from None
    if parts.scheme != "https":
        raise ForbiddenAddress("https:// is required")
    if "@" in parts.netloc or parts.fragment:
        raise ForbiddenAddress("a user or a fragment is not allowed")
    host = parts.hostname or ""
    if len(host) > MAX_HOST_LENGTH or not _HOST.fullmatch(host) or not _LAST_LABEL.fullmatch(host.rpartition(".")[2]):
        raise ForbiddenAddress("a full host name is required, not an IP address")
    if port not in PORTS:
        raise ForbiddenAddress("the port has to be 443 or 8443")
    return Endpoint(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def is_public(address: Address) -> bool:
    """Whether an address is public: not private, local or reserved, also not in a mapped form."""
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def resolve_public_address(place: Endpoint, resolve: Resolve) -> Address:
    """Resolve the host of an endpoint once and return a checked address to connect to.

    Args:
        place: the endpoint to call.
        resolve: returns all addresses of a host.

    Raises:
        NotAllowed: one of its addresses may not be called; so is none of the others then.
        OSError: the host has no address.
    """
    addresses = resolve(place.host, place.port)
    if not addresses:
        raise OSError("no address")
    if not all(map(is_public, addresses)):
        raise ForbiddenAddress("the host has an address that is not public")
    return addresses[0]


def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """Return all addresses of a host, from the resolver of the system.

    Raises:
        OSError: it has none, or the resolver does not answer.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification requires 24 to 64."""


def new_secret() -> str:
    """Return a new secret in the format of receivers' libraries."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, at: datetime, body: bytes, signing: Sequence[str]) -> dict[str, str]:
    """Return the headers of a call.

    Args:
        delivery_id: the same for each attempt, so that a receiver can detect a repetition.
        at: the time of this attempt (aware).
        body: the body, byte by byte as it is sent.
        signing: secrets, newest first; one signature each, so that a receiver can use either.
    """
    signed_at = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(delivery_id, signed_at, body.decode()) for secret in signing]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Troika-Webhooks",
        "Connection": "close",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


CONNECT_TIMEOUT_S = 5.0
CALL_TIMEOUT_S = 15.0
"""Timeout of a whole call after the connection, also for a slow receiver (Standard Webhooks: 15 to 30 s)."""

Connect = Callable[[Address, int, float], socket.socket]

REFUSED = "this address must not be called"
NO_ANSWER = "no answer in time"
NO_CONNECTION = "no connection"
NO_TLS = "no valid certificate for this name"
NO_HTTP = "no HTTP response"


def connect_to(address: Address, port: int, timeout_s: float) -> socket.socket:
    """Connect to this address. It is numeric, so no name is resolved."""
    return socket.create_connection((str(address), port), timeout=timeout_s)


class WebhookClient:
    """Calls webhooks.

    Args:
        context: the TLS context; None for the system's certificate authorities, with host name check.
        resolve: returns the addresses of a host.
        connect: connects to an address and port, with a timeout in seconds.
        timeout_s: seconds for a whole call after the connection.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        resolve: Resolve = resolve_by_system,
        connect: Connect = connect_to,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:
        self._context = context or ssl.create_default_context()
        self._resolve, self._connect, self._timeout_s = resolve, connect, timeout_s

    def call(self, url: str, headers: Mapping[str, str], body: bytes) -> CallResult:
        """POST ``body`` to ``url``; never raises because of a receiver."""
        try:
            place = parse_endpoint(url)
            address = resolve_public_address(place, self._resolve)
            return CallResult(answer=self._post(place, address, headers, body))
        except ForbiddenAddress:
            return CallResult(fault=REFUSED)
        except ssl.SSLCertVerificationError:
            return CallResult(fault=NO_TLS)
        except TimeoutError:
            return CallResult(fault=NO_ANSWER)
        except http.client.HTTPException:
            return CallResult(fault=NO_HTTP)
        except OSError:
            return CallResult(fault=NO_CONNECTION)

    def _post(self, place: Endpoint, address: Address, headers: Mapping[str, str], body: bytes) -> int:
        with self._connected(place, address) as connection:
            connection.request("POST", place.target, body, dict(headers))
            return connection.getresponse().status

    @contextmanager
    def _connected(self, place: Endpoint, address: Address) -> Iterator[http.client.HTTPConnection]:
        """A connection to ``address`` that is shut down after the timeout, during any operation."""
        connection = http.client.HTTPSConnection(place.host, place.port, context=self._context)
        plain = self._connect(address, place.port, min(CONNECT_TIMEOUT_S, self._timeout_s))
        over = threading.Event()
        with plain:
            tls = self._context.wrap_socket(plain, server_hostname=place.host, do_handshake_on_connect=False)
        tls.settimeout(self._timeout_s)
        timer = threading.Timer(self._timeout_s, _cut, [tls, over])
        timer.start()
        try:
            tls.do_handshake()
            connection.sock = tls
            yield connection
        except (OSError, http.client.HTTPException):
            if over.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            tls.close()


def _cut(tls: ssl.SSLSocket, over: threading.Event) -> None:
    over.set()
    with suppress(OSError):
        socket.socket.shutdown(tls, socket.SHUT_RDWR)
