"""Where a request comes from: believed of trusted gateways alone, and as coarse as its sender can change it.

What a client says of itself counts for nothing: ``X-Forwarded-For`` is read from its end, as far as it was written by
gateways that we know.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from shared.core.proxies import TrustedProxies

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PREFIXES = (64, 56, 48)
"""Lengths of the IPv6 prefixes that one customer may have: a subnet, a home, a site (RFC 6177)."""

Address = IPv4Address | IPv6Address


def client_address(environ: "WSGIEnvironment", proxies: TrustedProxies) -> Address | None:
    """Return the client network of a request: its IPv4 address, or the first address of its IPv6 /64 prefix.

    Args:
        environ: of the request.
        proxies: gateways that are believed.

    Returns:
        None where none can be made out.
    """
    nearest = environ.get("REMOTE_ADDR", "")
    if not proxies.trust(nearest):
        return _network_of(nearest)
    for named in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        named = named.strip()
        if not named or not proxies.trust(named):
            return _network_of(named or nearest)
    return _network_of(nearest)


def networks_around(address: Address) -> tuple[str, ...]:
    """Return the client networks that ``address`` belongs to, the smallest first, as texts that can be compared."""
    if isinstance(address, IPv4Address):
        return (str(address),)
    return tuple(str(IPv6Network((address, prefix), strict=False)) for prefix in PREFIXES)


def _network_of(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Network((address, PREFIXES[0]), strict=False).network_address
