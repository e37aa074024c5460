"""Measures how many mails wait, and how long the oldest of each lane has waited."""

from services.notifications.domain.kinds import LANES
from services.notifications.store.leases import due
from shared.core.clock import Clock
from shared.core.metrics import mail_oldest_pending_age_seconds, mails_due
from shared.store.unit_of_work import UnitOfWork


def measure(work: UnitOfWork, clock: Clock) -> dict[str, float]:
    """Set the gauges and return the age of the longest due mail by lane, seconds; 0 if none is due.

    Raises:
        Unavailable: the database is away; the gauges stay as they were.
    """
    with work.transaction() as connection:
        now = clock()
        waiting = {lane: due(connection, lane, now) for lane in LANES}
    ages_s = {lane: (now - oldest).total_seconds() if oldest else 0.0 for lane, (_, oldest) in waiting.items()}
    for lane, (count, _) in waiting.items():
        mails_due.labels(lane).set(count)
        mail_oldest_pending_age_seconds.labels(lane).set(ages_s[lane])
    return ages_s
