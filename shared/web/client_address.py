"""Where a request comes from, believed of trusted gateways alone, and as coarse as one who comes can change it.

What a client says of itself counts for nothing: ``X-Forwarded-For`` is read from its end, as far as it was written by
gateways that we know.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from shared.core.proxies import TrustedProxies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HOUSEHOLD_BITS = 64
"""Of an IPv6 address: every household has all of the second half (RFC 6177), and could come from each of it in turn."""

_SECOND_HALF = (1 << (128 - HOUSEHOLD_BITS)) - 1

Address = IPv4Address | IPv6Address


def client_address(environ: "WSGIEnvironment", proxies: TrustedProxies) -> Address | None:
    """The address of who has sent a request: its first half where it is IPv6; None where none can be made out.

    Args:
        environ: of the request.
        proxies: gateways that are believed.
    """
    nearest = environ.get("REMOTE_ADDR", "")
    if not proxies.trust(nearest):
        return _household(nearest)
    for named in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        named = named.strip()
        if not named or not proxies.trust(named):
            return _household(named or nearest)
    return _household(nearest)


def _household(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address) & ~_SECOND_HALF)
