"""How often somebody may come: what a deployment may set of that, without the web and without any library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network

MEMORY = "memory://"
_RATE = r"[1-9][0-9]{0,8} per (second|minute|hour|day)"
_RATES = re.compile(rf"{_RATE}(; ?{_RATE})*")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Attributes:
    storage_url: where it is counted; ``memory://`` is the memory of all workers of one start.
    exempt: networks whose clients are not counted: a hall full of people behind one address, a load generator.
    key: under which client addresses are hashed.
    rates: of one client network by kind of request, each a text such as ``120 per minute; 600 per hour``, where it
        differs from what the service states for its kinds.
    """

    storage_url: str = field(default=MEMORY, repr=False)
    exempt: tuple[Network, ...] = ()
    key: bytes = field(default=bytes(32), repr=False)
    rates: Mapping[str, str] = field(default_factory=dict)


def read_rate(text: str) -> str:
    """``text`` if it is one rate, or several with semicolons between.

    Raises:
        ValueError: it is none.
    """
    if not _RATES.fullmatch(text):
        raise ValueError("a rate such as `120 per minute; 600 per hour` is required")
    return text


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks in ``text``, with commas between; a single address is one.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
