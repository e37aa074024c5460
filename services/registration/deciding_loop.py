"""The process ``decide``: runs the decider until it is asked to stop."""

import logging
import time
from datetime import datetime

from services.registration.importing.running import ImportRun
from services.registration.importing.store import make_vault
from services.registration.intake.decider import Decider
from services.registration.intake.mailboxes import overdue_mails
from services.registration.intake.queue import backlog, publish_key
from services.registration.intake.reading import DeciderKeys
from services.registration.people.messages import RegistrationMessages
from services.registration.people.references import References
from services.registration.settings import RegistrationSettings
from shared.core.errors import Unavailable
from shared.core.metrics import (
    confirmation_mail_oldest_overdue_age_seconds,
    confirmation_mails_overdue,
    submission_oldest_undecided_age_seconds,
    submissions_parked,
    submissions_undecided,
)
from shared.process.runner import Stop
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

REST_S = (0.025, 0.05, 0.1, 0.2)
"""Pauses while there is nothing to do, seconds; the last one repeats."""

REST_IN_OUTAGE_S = 1.0

LOOK_AROUND_EVERY_S = 1.0
"""How often, while there is nothing to do, mails that become due and imports are looked for, seconds. Submissions, for
which a person waits, are looked for at each turn; asking for all three each time takes three times the processor."""

GAUGES_EVERY_S = 10.0
"""How often the backlog is read for the metrics, seconds."""


def make_decider(settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock) -> Decider:
    """Return the decider of this process; its public key is published before this returns.

    Raises:
        SettingsError: the newest key does not open what is sealed to it.
        Unavailable: the database is away.
    """
    publish_key(work, settings.decider_keys, clock())
    keys = DeciderKeys(settings.decider_keys, References(settings.person_keys[0]))
    return Decider(work, clock, keys, RegistrationMessages(settings.notifications_key, settings.events_key))


def make_import_run(
    settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock, decider: Decider
) -> ImportRun:
    """Return what imports people between the batches of ``decider``."""
    person_key = settings.person_keys[0]
    return ImportRun(work, clock, decider, References(person_key), make_vault(person_key))


def run_decider(settings: RegistrationSettings, work: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
    """Decide until ``stop``; while the database is away, wait for it."""
    decider: Decider | None = None
    imports: ImportRun | None = None
    idle, gauges_at, around_at = 0, 0.0, 0.0
    while not stop:
        try:
            if time.monotonic() >= gauges_at:  # before deciding: what ends the process must not hide the backlog
                set_intake_gauges(work, clock())
                gauges_at = time.monotonic() + GAUGES_EVERY_S
            decider = decider or make_decider(settings, work, clock)
            imports = imports or make_import_run(settings, work, clock, decider)
            around = time.monotonic() >= around_at
            done = decider.run_once(mails=around) + (imports.run_once() if around else 0)
            if done or around:
                around_at = 0.0 if done else time.monotonic() + LOOK_AROUND_EVERY_S
            idle = 0 if done else idle + 1
            pause_s = REST_S[min(idle, len(REST_S)) - 1] if idle else 0.0
        except Unavailable as error:
            log.warning("decide waits", extra={"reason": error.reason})
            pause_s = REST_IN_OUTAGE_S
        if pause_s:
            stop.wait(pause_s)


def set_intake_gauges(work: UnitOfWork, now: datetime) -> None:
    """Read the backlog of the intake and set its metrics.

    Every decider does so, also one that stands by: the age has to grow while the one that leads is stuck.

    Raises:
        Unavailable: the database is away; the metrics keep their values.
    """
    with work.transaction() as connection:
        undecided, oldest, parked = backlog(connection)
        overdue, due_since = overdue_mails(connection, now)
    submissions_undecided.set(undecided)
    submission_oldest_undecided_age_seconds.set(_age_s(oldest, now))
    submissions_parked.set(parked)
    confirmation_mails_overdue.set(overdue)
    confirmation_mail_oldest_overdue_age_seconds.set(_age_s(due_since, now))


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
