"""The deliverer's loop: as many calls at once as there are places, none of two to the same address.

So a receiver that takes its time keeps others waiting only when all places are taken by such; any number of deliverers
may run.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from services.notifications.store.deliveries import ClaimedDelivery
from services.notifications.usecases.deliver import DeliveryTools, claim_some, deliver, measure
from shared.core.errors import Unavailable
from shared.process.runner import Stop

log = logging.getLogger(__name__)

PLACES = 16
REST_S = 0.5
REST_IN_OUTAGE_S = 1.0
MEASURE_EVERY_S = 5.0


@dataclass(slots=True)
class Deliverer:
    """One deliverer. Changes with each turn.

    Attributes:
        tools: to work with.
        places: calls at once.
        monotonic: seconds that no change of the machine's time touches.
    """

    tools: DeliveryTools
    places: int = PLACES
    monotonic: Callable[[], float] = time.monotonic
    _running: set[Future[None]] = field(default_factory=set)
    _measured_at_s: float = float("-inf")

    def run(self, stop: Stop) -> None:
        """Work until ``stop``; calls that are on their way end first."""
        with ThreadPoolExecutor(self.places, thread_name_prefix="call") as pool:
            while not stop:
                try:
                    busy = self.turn(pool)
                except Unavailable as error:
                    log.warning("deliverer waits", extra={"reason": error.reason})
                    stop.wait(REST_IN_OUTAGE_S)
                    continue
                if not busy:
                    self._rest(stop)

    def turn(self, pool: ThreadPoolExecutor) -> bool:
        """Give what is due to free places; returns whether there may be more at once.

        Raises:
            Unavailable: the database is away; nothing is lost.
        """
        if self.monotonic() - self._measured_at_s >= MEASURE_EVERY_S:
            self._measured_at_s = self.monotonic()
            measure(self.tools)
        done, self._running = wait(self._running, timeout=0, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        free = self.places - len(self._running)
        claimed = claim_some(self.tools, free) if free else []
        self._running |= {pool.submit(self._deliver, one) for one in claimed}
        return bool(claimed)

    def _rest(self, stop: Stop) -> None:
        """Until the next look, or until a call has ended: its address may have more to be told."""
        if self._running:
            wait(self._running, timeout=REST_S, return_when=FIRST_COMPLETED)
        else:
            stop.wait(REST_S)

    def _deliver(self, claimed: ClaimedDelivery) -> None:
        try:
            deliver(self.tools, claimed)
        except Unavailable as error:
            log.warning("what came of a call is not stored", extra={"reason": error.reason, "delivery": claimed.id})
