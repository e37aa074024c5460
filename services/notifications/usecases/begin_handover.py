"""The commit before DATA: from here on a crash leaves an outcome that nobody knows, so it is written down first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from services.notifications.domain.allowance import Unasked
from services.notifications.domain.mail import ClaimedMail, Verdict
from services.notifications.store.allowance import take_allowance
from services.notifications.store.handovers import begin
from services.notifications.usecases.claim_due import LEASE
from services.notifications.usecases.finish import count, settle_all
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork


class Begun(StrEnum):
    """Whether a mail may be handed over."""

    YES = "yes"
    LOST = "lost"
    """Its lease ran out, or it was called off meanwhile."""
    ENOUGH = "enough"
    """Its address has had as many today as anybody may cause."""


def begin_handover(
    work: UnitOfWork,
    clock: Clock,
    mail: ClaimedMail,
    before: Sequence[Verdict] = (),
    lease: timedelta = LEASE,
    unasked: Unasked | None = None,
) -> Begun:
    """Commit that ``mail`` is being handed over, together with what became of the mails before it.

    Args:
        work: on the service's database.
        clock: of the project.
        mail: claimed by the caller.
        before: verdicts on the mails before, settled in the same commit.
        lease: how long the caller has from now.
        unasked: of a mail that anybody could cause; it is counted in the same commit.

    Raises:
        Unavailable: the database is away; do not send, nothing is known to be stored.
    """
    with work.transaction() as connection:
        now = clock()
        begun = _begin(connection, mail, now, lease, unasked)
        settled = settle_all(connection, before)
    count(settled)
    return begun


def _begin(
    connection: Connection, mail: ClaimedMail, now: datetime, lease: timedelta, unasked: Unasked | None
) -> Begun:
    """The address's lock before the mail's row: nobody who holds a row waits for an address."""
    if unasked is not None and not take_allowance(connection, mail.id, unasked, now):
        return Begun.ENOUGH
    return Begun.YES if begin(connection, mail, now, now + lease) else Begun.LOST
