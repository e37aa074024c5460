"""A registration has another address: what has not gone goes to the new one, and nothing goes to the old one any more.

What carries a managing link is called off: all links end with the address, and the mail about the change has a new one.
An announcement or a reminder that waits stays with the old address if that has another registration which fits, and is
called off if the new one has it by another registration: nobody gets it twice. The wish to get no bulletins follows.
"""

from sqlalchemy import Connection

from services.notifications.domain.kinds import ANNOUNCED_KINDS, REMINDER_KINDS
from services.notifications.store.bulletins import suppress_as
from services.notifications.store.erasing import carry_over, whose
from services.notifications.store.mails import give_mails
from services.notifications.store.withdrawing import call_off_doubles, call_off_linked, take_back_all
from services.notifications.usecases.addressing import readdress
from shared.core.clock import Clock
from shared.core.metrics import mails_total

LINK_ENDED = "its link has ended with a change of address"
KNOWN_OTHERWISE = "it is told by another registration"


def leave_address(connection: Connection, subject: str) -> None:
    """Prepare a registration for another address: its entry is locked, so that nobody makes a mail for it meanwhile.

    The old address may have another registration for the event: with it goes the count of changes, since the number of
    their one calendar entry must not fall.
    """
    whose(connection, subject)
    carry_over(connection, subject)


def follow_address(connection: Connection, clock: Clock, subject: str, before: str, after: str) -> None:
    """Let everything of a registration that has not gone go to its new address.

    Args:
        connection: of the message's own transaction, in which the new address is stored.
        clock: of the project.
        subject: id of the registration.
        before, after: references of the two addresses.
    """
    now = clock()
    take_back_all(connection, subject, now)
    readdress(connection, clock, subject, before, ANNOUNCED_KINDS)
    for kind in call_off_linked(connection, subject, LINK_ENDED, now):
        mails_total.labels(kind, "called_off").inc()
    once = (*ANNOUNCED_KINDS, *REMINDER_KINDS)
    for kind in call_off_doubles(connection, subject, after, once, KNOWN_OTHERWISE, now):
        mails_total.labels(kind, "called_off").inc()
    give_mails(connection, subject, before, after)
    suppress_as(connection, before, after, now)
