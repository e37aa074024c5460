"""Erase: a registration has nobody on it any more. Nothing that has not gone goes to them.

Where the same person has another registration, an announcement that waits goes by that one, as when the first is
cancelled. Who wanted no bulletins stays suppressed: a keyed hash of the address, without which their wish would end
with their data.
"""

from sqlalchemy import Connection

from services.notifications.domain.kinds import ANNOUNCED_KINDS
from services.notifications.domain.mail import ERASED
from services.notifications.store.erasing import Tombstone, carry_over, upsert_tombstone, whose
from services.notifications.store.personal_tables import TABLES
from services.notifications.store.recipients import lock_standing
from services.notifications.store.withdrawing import call_off_all
from services.notifications.usecases.addressing import readdress
from shared.core.clock import Clock
from shared.core.metrics import mails_total
from shared.store.personal_tables import erase_rows


def erase_subject(connection: Connection, clock: Clock, tombstone: Tombstone) -> None:
    """Leave a tombstone in place of its subject; doing it again changes nothing.

    Args:
        connection: of the message's own transaction.
        clock: of the project.
        tombstone: what may remain.
    """
    now = clock()
    known = lock_standing(connection, tombstone.subject)
    if known is not None and known.erased:
        return
    person_ref = whose(connection, tombstone.subject)
    carry_over(connection, tombstone.subject)
    upsert_tombstone(connection, tombstone, now)
    if person_ref is not None and tombstone.about == "registration":
        readdress(connection, clock, tombstone.subject, person_ref, ANNOUNCED_KINDS)
    for kind in call_off_all(connection, tombstone.subject, ERASED, now):
        mails_total.labels(kind, "called_off").inc()
    erase_rows(connection, TABLES, {"subject": tombstone.subject, "reason": ERASED})
