"""The commit before DATA: from here on a crash leaves an outcome that nobody knows, so it is written down first."""

from collections.abc import Sequence
from datetime import timedelta

from services.notifications.domain.mail import ClaimedMail, Verdict
from services.notifications.store.handovers import begin
from services.notifications.usecases.claim_due import LEASE
from services.notifications.usecases.finish import count, settle_all
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork


def begin_handover(
    work: UnitOfWork, clock: Clock, mail: ClaimedMail, before: Sequence[Verdict] = (), lease: timedelta = LEASE
) -> bool:
    """Commit that ``mail`` is being handed over, together with what became of the mails before it.

    Args:
        work: on the service's database.
        clock: of the project.
        mail: claimed by the caller.
        before: verdicts on the mails before, settled in the same commit.
        lease: how long the caller has from now.

    Returns:
        whether it may be handed over; False if its lease ran out, or it was called off meanwhile.

    Raises:
        Unavailable: the database is away; do not send, nothing is known to be stored.
    """
    with work.transaction() as connection:
        now = clock()
        begun = begin(connection, mail, now, now + lease)
        settled = settle_all(connection, before)
    count(settled)
    return begun
