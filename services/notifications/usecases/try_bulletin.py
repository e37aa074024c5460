"""Sends a bulletin to the coordinator who writes it, marked as a test, in each language that it has."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.notifications.mail.mailbox import UnusableAddress, mailbox
from services.notifications.store.bulletin_testers import TrialCopy, add_copy, closed_address, count_test
from services.notifications.store.bulletins import Bulletin, read_bulletin
from services.notifications.usecases.write_bulletin import found
from shared.core.clock import Clock
from shared.core.context import correlation_id
from shared.core.errors import DomainError
from shared.core.ids import new_id
from shared.core.sealing import Unsealable, Vault
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

MAX_TESTS = 5
"""Of one coordinator in an hour, each in up to six languages."""


@dataclass(frozen=True, slots=True)
class TrialDesk:
    """Attributes:
    work: on the service's database.
    clock: of the project.
    vault: closes addresses.
    mail_domain: what Message-IDs end with.
    """

    work: UnitOfWork
    clock: Clock
    vault: Vault
    mail_domain: str


def send_test(desk: TrialDesk, who: str, bulletin_id: str, address: str) -> int:
    """Queue test copies of a bulletin; returns how many: one for each of its languages.

    The address is kept encrypted, to be offered to ``who`` again; that of the copies goes with them.

    Raises:
        DomainError: ``not-found``; ``bulletin-invalid``: not an address; ``too-many-tests``.
        Unavailable: the database is away; nothing is queued.
    """
    try:
        usable = mailbox(address.strip())
    except UnusableAddress:
        raise DomainError("bulletin-invalid", "this is no address that mail can be sent to") from None
    with desk.work.transaction() as connection:
        now, bulletin = desk.clock(), found(read_bulletin(connection, bulletin_id))
        closed = desk.vault.close({"address": usable}, row=who)
        if count_test(connection, who, closed, now) > MAX_TESTS:
            raise DomainError("too-many-tests", f"{MAX_TESTS} tests within an hour are the most")
        for language in bulletin.texts:
            _queue(connection, desk, bulletin, language, usable, now)
        detail = {"number": bulletin.number, "languages": len(bulletin.texts)}
        note_deed(connection, Deed(who, "bulletin-tested", "bulletin", bulletin_id, detail), now)
    return len(bulletin.texts)


def remembered_address(desk: TrialDesk, who: str) -> str:
    """The address that ``who`` last had a test sent to; empty if there is none, or its key is gone.

    Raises:
        Unavailable: the database is away.
    """
    with desk.work.transaction() as connection:
        closed = closed_address(connection, who)
    try:
        return "" if closed is None else str(desk.vault.open(closed, row=who)["address"])
    except Unsealable:
        return ""


def _queue(
    connection: Connection, desk: TrialDesk, bulletin: Bulletin, language: str, address: str, now: datetime
) -> None:
    subject, mail_id = new_id(), new_id()
    copy = TrialCopy(
        id=mail_id,
        subject=subject,
        number=bulletin.number,
        language=language,
        closed=desk.vault.close({"address": address}, row=subject),
        message_id=f"<{mail_id}@{desk.mail_domain}>",
        correlation_id=correlation_id(),
    )
    add_copy(connection, copy, now)
