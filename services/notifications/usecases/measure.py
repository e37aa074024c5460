"""Says how long mails wait: by the oldest of each lane, never by counting."""

from services.notifications.domain.kinds import LANES
from services.notifications.store.leases import oldest_due
from shared.core.clock import Clock
from shared.core.metrics import mail_oldest_pending_age_seconds
from shared.store.unit_of_work import UnitOfWork


def measure(work: UnitOfWork, clock: Clock) -> dict[str, float]:
    """Set the gauge and return the age of the longest due mail by lane, seconds; 0 if none is due.

    Raises:
        Unavailable: the database is away; the gauge stays as it was.
    """
    with work.transaction() as connection:
        now = clock()
        oldest = {lane: oldest_due(connection, lane, now) for lane in LANES}
    ages_s = {lane: (now - moment).total_seconds() if moment else 0.0 for lane, moment in oldest.items()}
    for lane, age_s in ages_s.items():
        mail_oldest_pending_age_seconds.labels(lane).set(age_s)
    return ages_s
