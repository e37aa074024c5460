"""Which addresses of partners may be called: what a URL may say, and which IP addresses are out in the world.

A name is resolved once for a call, every address it has is checked, and the connection goes to one that was: whoever
answers for the name can say something else a moment later, and nobody asks (DNS rebinding).
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

PORTS = frozenset({443, 8443})
LONGEST_URL = 1000
LONGEST_HOST = 253

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[Address]]
"""All addresses of a host; raises OSError if it has none."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_LAST_LABEL = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
"""No number, decimal or ``0x``: parsers of addresses take such a host for IPv4, whatever the rest of it is."""

_WORLD_V6 = ip_network("2000::/3")
"""All that is given out for the world; IPv4 addresses written as IPv6, or reached through it, are elsewhere."""

_NOT_OUTSIDE = tuple(
    map(
        ip_network,
        (
            # beside what Python's ``is_global`` knows, which differs from version to version: ways into IPv4, relays
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2002::/16",
            "100.64.0.0/10",
            "198.18.0.0/15",
            "240.0.0.0/4",
        ),
    )
)


class NotAllowed(ValueError):
    """This address may not be called; the text says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook goes: ``host`` (lower case), ``port``, and ``target`` (path and query)."""

    host: str
    port: int
    target: str


def place_of(url: str) -> Place:
    """The place that ``url`` names.

    Raises:
        NotAllowed: not ``https://name.example.org/…`` on one of ``PORTS``.
    """
    if len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise NotAllowed("a URL of printable ASCII signs, at most 1,000, is required")
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError:
        raise NotAllowed("this is no URL") from None
    if parts.scheme != "https":
        raise NotAllowed("https:// is required")
    if "@" in parts.netloc or parts.fragment:
        raise NotAllowed("neither a user nor a fragment may stand in it")
    host = parts.hostname or ""
    if len(host) > LONGEST_HOST or not _HOST.fullmatch(host) or not _LAST_LABEL.fullmatch(host.rpartition(".")[2]):
        raise NotAllowed("the whole name of a host is required, no IP address")
    if port not in PORTS:
        raise NotAllowed("the port has to be 443 or 8443")
    return Place(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def is_outside(address: Address) -> bool:
    """Whether an address is out in the world: no network of ours, of this machine or of a provider, in no disguise."""
    if isinstance(address, IPv6Address) and address not in _WORLD_V6:
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in _NOT_OUTSIDE if network.version == address.version)


def checked_address(place: Place, resolve: Resolve) -> Address:
    """An address of the place's host to connect to; it is asked for once.

    Args:
        place: to be called.
        resolve: tells all addresses of a host.

    Raises:
        NotAllowed: one of its addresses may not be called; so is none of the others then.
        OSError: the host has no address now.
    """
    addresses = resolve(place.host, place.port)
    if not addresses:
        raise OSError("no address")
    if not all(map(is_outside, addresses)):
        raise NotAllowed("the host has an address that is not public")
    return addresses[0]


def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """All addresses of a host, as the machine's resolver says.

    Raises:
        OSError: it has none, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
