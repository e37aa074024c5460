"""The process ``tend``: what is due by time alone, every few seconds. It publishes nothing and holds no key.

Holds on seats run out, those who wait are promoted, addresses that nobody confirmed expire, and whatever was kept long
enough is deleted. All of it is final, so nothing is done while this process's clock differs from the database's.
"""

import logging
from datetime import datetime, timedelta

from services.registration.store.registrations import forget_keys
from services.registration.store.shadows import forget_shadows
from services.registration.usecases.give_up import give_up
from services.registration.usecases.retain import retaining
from shared.core.errors import Unavailable
from shared.forms.used_challenges import forget_challenges
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.sessions import forget_sessions
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

EVERY_S = 5.0
KEEP_KEYS = timedelta(hours=48)
"""A client that repeats after longer is answered as a new one; the promise is 24 hours."""

MAX_SHADOWS = 5000
"""A thousand a second, since it is done every five: as many as are made in a rush of nothing else."""


class Tending:
    """The loop of one process; any number may run, each leaves alone the rows that another has in hand.

    Args:
        work: on the service's database.
        clock: of this process, compared with the database's before each turn.
    """

    def __init__(self, work: UnitOfWork, clock: CheckedClock) -> None:
        self._work, self._clock = work, clock
        self._retention = retaining()

    def run(self, stop: Stop) -> None:
        """Take a turn every ``EVERY_S`` seconds until ``stop``; while the database is away, wait for it."""
        while not stop:
            try:
                self.turn()
            except Unavailable as error:
                log.warning("tend waits", extra={"reason": error.reason})
            stop.wait(EVERY_S)

    def turn(self) -> None:
        """Do a batch of everything that is due; nothing while the clock is wrong.

        Raises:
            Unavailable: the database is away; the next turn goes on.
        """
        now = self._clock.final_now("tending")
        if now is None:
            return
        self._forget(now)
        give_up(self._work, now)
        self._retention.turn(self._work, now)

    def _forget(self, now: datetime) -> None:
        with self._work.transaction() as connection:
            forget_keys(connection, now - KEEP_KEYS)
            forget_challenges(connection, now)
            forget_sessions(connection, now)
        with self._work.transaction() as connection:
            forget_shadows(connection, MAX_SHADOWS)
