"""Applies a change of address: unsent mails of the registration go to the new address, and none to the former one.

Mails with a managing link are called off: the change ends all links, and the mail about it contains a new one. A queued
announcement or reminder stays with the former address if that has another registration in the audience, and is called
off if the new address gets it by another registration. A suppression of bulletins is copied to the new address.
"""

from sqlalchemy import Connection

from services.notifications.domain.kinds import ANNOUNCED_KINDS, REMINDER_KINDS
from services.notifications.store.erasing import carry_over, whose
from services.notifications.store.mails import give_mails
from services.notifications.store.suppressions import suppress_as
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
