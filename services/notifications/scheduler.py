"""The scheduler: sends scheduled bulletins, makes mails from news of events, plans reminders.

Any number can run: each locks what it processes. It stops between two chunks.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.notifications.bulletins.dispatch import send_due
from services.notifications.rules.service import announce_some, decide_news, miss_reminders, plan_reminders
from services.notifications.tracking.service import measure_not_notified
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.runner import Stop

log = logging.getLogger(__name__)

IDLE_S = 0.5
OUTAGE_DELAY_S = 1.0
REMINDERS_EVERY_S = 10.0
NOT_NOTIFIED_EVERY_S = 30.0


@dataclass(slots=True)
class Scheduler:
    """A scheduler.

    Attributes:
        work: the unit of work on the service's database.
        clock: the process's clock, compared with the database's; reminders use a checked time.
        mail_domain: end of Message-IDs.
        monotonic: clock in seconds that time changes do not affect.
    """

    work: UnitOfWork
    clock: CheckedClock
    mail_domain: str
    monotonic: Callable[[], float] = time.monotonic
    _reminders_at_s: float = float("-inf")
    _not_notified_at_s: float = float("-inf")

    def run(self, stop: Stop) -> None:
        """Work until ``stop``."""
        while not stop:
            try:
                busy, pause_s = self.run_once(), IDLE_S
            except Unavailable as error:
                log.warning("scheduler waits", extra={"reason": error.reason})
                busy, pause_s = False, OUTAGE_DELAY_S
            if not busy:
                stop.wait(pause_s)

    def run_once(self) -> bool:
        """Do one part of each kind of work; returns whether there may be more.

        Raises:
            Unavailable: the database is down; nothing is lost.
        """
        due = send_due(self.work, self.clock)
        decided = decide_news(self.work, self.clock)
        people = announce_some(self.work, self.clock, self.mail_domain)
        if self.monotonic() - self._reminders_at_s >= REMINDERS_EVERY_S:
            self._reminders_at_s = self.monotonic()
            self._remind()
        if self.monotonic() - self._not_notified_at_s >= NOT_NOTIFIED_EVERY_S:
            self._not_notified_at_s = self.monotonic()
            measure_not_notified(self.work, self.clock)
        return due or decided or people is not None

    def _remind(self) -> None:
        if (now := self.clock.final_now("missing-reminders")) is not None:
            miss_reminders(self.work, now)
        if (now := self.clock.compared_now("reminders")) is not None:
            plan_reminders(self.work, now, self.mail_domain)
