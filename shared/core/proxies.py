"""Which gateways are believed about where a request comes from: named networks, and nobody else."""

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from shared.core.rates import Network, read_networks

KEPT_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Networks of the gateways in front of a web process.

    Attributes:
        networks: whose forwarding headers are believed.
    """

    networks: tuple[Network, ...] = field(default=())

    def trust(self, peer: str) -> bool:
        """Whether the headers of ``peer`` are believed.

        Args:
            peer: an IP address as text, or empty for a Unix socket: its file's mode says who may connect.
        """
        return not peer or _contain(self.networks, peer)

    def __str__(self) -> str:
        """The networks, as gunicorn and the setting write them."""
        return ",".join(map(str, self.networks))


def read_proxies(text: str) -> TrustedProxies:
    """The networks in ``text``, with commas between: ``10.0.0.0/8, 192.0.2.7, 2001:db8::/32``.

    Raises:
        ValueError: one of them is no network. ``*`` is none: it would believe every client about its own address.
    """
    try:
        networks = read_networks(text)
    except ValueError:
        raise ValueError("networks are required, such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32") from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("a network of the gateways is required, not all addresses")
    return TrustedProxies(networks)


LOOPBACK = read_proxies("127.0.0.1, ::1")


@lru_cache(maxsize=KEPT_ANSWERS)
def _contain(networks: tuple[Network, ...], peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
