"""Where a worker, the canary and the audit answer probes and Prometheus: a port, on loopback unless said otherwise."""

from dataclasses import dataclass
from ipaddress import ip_address

from shared.core.settings import Reader


@dataclass(frozen=True, slots=True)
class ProbeAddress:
    """Where a worker answers ``/metrics``, ``/livez`` and ``/readyz``.

    Attributes:
        port: 0 for nowhere.
        host: IP address to bind; ``0.0.0.0`` or ``::`` for all, in a container.
    """

    port: int = 0
    host: str = "127.0.0.1"


def read_probe_address(reader: Reader) -> ProbeAddress:
    """The address from ``TROIKA_METRICS_PORT`` and ``TROIKA_METRICS_HOST``."""
    port = reader.integer("TROIKA_METRICS_PORT", 0, 0, 65535)
    host = reader.take("TROIKA_METRICS_HOST", lambda text: str(ip_address(text)), "127.0.0.1")
    return ProbeAddress(port, host)
