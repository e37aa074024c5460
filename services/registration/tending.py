"""The process ``tend``: what is due by time alone, every few seconds. It publishes nothing and holds no private key.

Offers expire, reservations end, those who wait are promoted, people are reminded of details that are missing, and
whatever was kept long enough is deleted. All of it is final, so nothing is done while this process's clock differs
from the database's.
"""

import logging

from services.registration.cleanup import RULES
from services.registration.forms.reservations import end_reservations
from services.registration.people.details import remind_of_details
from services.registration.people.kept_counts import fold_counts
from services.registration.people.messages import RegistrationMessages
from services.registration.people.offers import expire_offers
from services.registration.people.waiting_list import count_to_decide, promote_due, promoting
from services.registration.privacy.retention import retaining
from shared.core.errors import Unavailable
from shared.core.metrics import forms_with_seats_to_decide
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.cleanup import Cleanup
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

EVERY_S = 5.0
AGAIN_S = 0.25
"""Where there was more than a batch to delete."""


class Tending:
    """The loop of one process; any number may run, each leaves alone the rows that another has in hand.

    Args:
        work: on the service's database.
        clock: of this process, compared with the database's before each turn.
        messages: of what happens to registrations.
    """

    def __init__(self, work: UnitOfWork, clock: CheckedClock, messages: RegistrationMessages) -> None:
        self._work, self._clock, self._messages = work, clock, messages
        self._cleanup = Cleanup(work, "registration", RULES)
        self._retention = retaining(messages)

    def run(self, stop: Stop) -> None:
        """Take a turn every ``EVERY_S`` seconds until ``stop``; while the database is away, wait for it."""
        while not stop:
            try:
                more = self.turn()
            except Unavailable as error:
                log.warning("tend waits", extra={"reason": error.reason})
                more = False
            stop.wait(AGAIN_S if more else EVERY_S)

    def turn(self) -> bool:
        """Do a batch of everything that is due, nothing while the clock is wrong; returns whether to go on at once.

        Raises:
            Unavailable: the database is away; the next turn goes on.
        """
        now = self._clock.final_now("tending")
        if now is None:
            return False
        more = self._cleanup.turn(now)
        more = fold_counts(self._work) or more
        expire_offers(self._work, self._messages, now)
        end_reservations(self._work, promoting(self._messages), now)
        promote_due(self._work, self._messages, now)
        forms_with_seats_to_decide.set(count_to_decide(self._work, now))
        remind_of_details(self._work, self._messages, now)
        self._retention.turn(self._work, now)
        return more
