"""Where a request comes from, believed of trusted gateways alone, and as coarse as one who comes can change it.

What a client says of itself counts for nothing: ``X-Forwarded-For`` is read from its end, as far as it was written by
gateways that we know.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EVERYBODY = "*"
HOUSEHOLD_BITS = 64
"""Of an IPv6 address: every household has all of the second half (RFC 6177), and could come from each of it in turn."""

_SECOND_HALF = (1 << (128 - HOUSEHOLD_BITS)) - 1

Address = IPv4Address | IPv6Address


def client_address(environ: "WSGIEnvironment", proxies: Collection[str]) -> Address | None:
    """The address of who has sent a request: its first half where it is IPv6; None where none can be made out.

    Args:
        environ: of the request.
        proxies: addresses of gateways that are believed. ``*`` stands for whoever is connected to us, and for nobody
            that those may name.
    """
    nearest = environ.get("REMOTE_ADDR", "")
    if nearest not in proxies and EVERYBODY not in proxies:
        return _household(nearest)
    for named in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        named = named.strip()
        if named not in proxies:
            return _household(named) if named else _household(nearest)
    return _household(nearest)


def _household(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address) & ~_SECOND_HALF)
