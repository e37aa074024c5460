"""The log lines of a broker outage: one when the connection is lost, one a minute meanwhile, one when it is back.

The client libraries would write up to ten lines and a traceback for each attempt to connect.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

REPEAT_EVERY_S = 60.0


class OutageLog:
    """The log lines of one connection to the broker.

    Args:
        connection: whose connection, shown in each line: ``events-relay``.
        monotonic: seconds that no change of the machine's time touches.
    """

    def __init__(self, connection: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._monotonic = connection, monotonic
        self._lost_at_s: float | None = None
        self._logged_at_s = 0.0

    def lost(self, reason: str) -> None:
        """The connection ended, or could not be opened: log it once, and then once a minute."""
        now_s, name = self._monotonic(), self._connection
        if self._lost_at_s is None:
            self._lost_at_s = self._logged_at_s = now_s
            log.warning("broker connection lost", extra={"connection": name, "reason": reason})
        elif now_s - self._logged_at_s >= REPEAT_EVERY_S:
            self._logged_at_s = now_s
            log.warning("broker still unreachable", extra={"connection": name, "reason": reason})

    def restored(self) -> None:
        """The connection is usable: log it if it was lost before."""
        if self._lost_at_s is None:
            return
        away_s = round(self._monotonic() - self._lost_at_s, 1)
        self._lost_at_s = None
        log.info("broker connection restored", extra={"connection": self._connection, "away_s": away_s})
