"""Takes a batch of due mails into a sender's hands."""

from datetime import timedelta

from sqlalchemy import Connection

from services.notifications.domain.kinds import ANNOUNCED_KINDS, LANES
from services.notifications.domain.sharing import claim_plan
from services.notifications.domain.truth import is_untrue
from services.notifications.store.handovers import Claim, claim, lanes_due
from services.notifications.usecases.addressing import readdress
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork

LEASE = timedelta(minutes=10)
"""Longer than all time limits of one handover together: announced (two minutes) and handed over (three)."""


def claim_due(work: UnitOfWork, clock: Clock, most: int, lease: timedelta = LEASE) -> list[Claim]:
    """Claim up to ``most`` due mails, urgent lanes first, with a place for every lane that has something due.

    An announcement whose registration has ended, while it was made or handed over, waits again by another one.

    Args:
        work: on the service's database.
        clock: of the project.
        most: mails in the batch.
        lease: how long they are the caller's; after that anybody may have them.

    Raises:
        Unavailable: the database is away. A claim whose commit was not answered ends with its lease.
    """
    claims: list[Claim] = []
    with work.transaction() as connection:
        now = clock()
        empty = set(LANES) - lanes_due(connection, LANES, now)
        for lane, share in claim_plan(most):
            wanted = min(share, most - len(claims))
            if lane in empty or wanted == 0:
                continue
            found = claim(connection, lane, wanted, now, now + lease)
            claims += found
            if len(found) < wanted:
                empty.add(lane)
        moved = _readdress_ended(connection, clock, claims)
    return [claim for claim in claims if claim.mail.id not in moved]


def _readdress_ended(connection: Connection, clock: Clock, claims: list[Claim]) -> set[str]:
    """Ids of the mails that are nobody's any more."""
    moved: set[str] = set()
    for mail, entry in ((one.mail, one.recipient.entry) for one in claims):
        ended = is_untrue(mail.kind, mail.revision, entry.standing)
        if ended and mail.kind in ANNOUNCED_KINDS and mail.id not in moved:
            moved |= readdress(connection, clock, entry.subject, entry.person_ref, [mail.kind])
    return moved
