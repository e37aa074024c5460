"""Where a web process stands: what its application has to know of that."""

from dataclasses import dataclass, field

from shared.core.places import Bounds
from shared.core.proxies import TrustedProxies
from shared.core.rates import LimitSettings


@dataclass(frozen=True, slots=True)
class Deployment:
    """Attributes:
    https: whether its public address is HTTPS.
    bounds: how much it works on at once.
    proxies: networks of the gateways in front of it.
    limits: how often somebody may come.
    """

    https: bool
    bounds: Bounds = field(default_factory=Bounds)
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    limits: LimitSettings = field(default_factory=LimitSettings)
