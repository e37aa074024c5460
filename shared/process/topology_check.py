"""Keeps a relay or a consumer waiting while the broker lacks an exchange or a queue of this version.

If the broker does not answer, the process starts nevertheless, and connects as soon as it can.
"""

import logging

from shared.bus import topology
from shared.bus.address import BusAddress
from shared.process.runner import Stop

log = logging.getLogger(__name__)

AGAIN_S = 2.0
MAX_NAMED = 5
"""Names that the reason lists, of some dozens."""


class TopologyCheck:
    """Checks the broker's exchanges and queues when a process starts.

    Args:
        address: of the bus.
    """

    def __init__(self, address: BusAddress) -> None:
        self._address = address
        self._absent: list[str] = []

    def problem(self) -> str:
        """Why the process is not ready: what the last check missed; empty once a check misses nothing."""
        if not self._absent:
            return ""
        named = ", ".join(self._absent[:MAX_NAMED])
        more = f" and {len(self._absent) - MAX_NAMED} more" if len(self._absent) > MAX_NAMED else ""
        return f"topology: the broker lacks {named}{more}; import the definitions of this version"

    def wait(self, stop: Stop) -> None:
        """Return once nothing is missing, or the broker does not answer, or at ``stop``."""
        while not stop and self._missing():
            log.error("the broker lacks exchanges or queues: nothing is done", extra={"missing": len(self._absent)})
            stop.wait(AGAIN_S)

    def _missing(self) -> bool:
        self._absent = topology.missing_as_far_as_known(self._address)
        return self._absent != []
