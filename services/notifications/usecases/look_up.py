"""Shows mails to coordinators and operators: what, when and why, and the person only by reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.notifications.store.mails import AttemptRow, MailRow, list_attempts, list_mails
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MailHistory:
    """A mail with every time that a sender had it in hand."""

    mail: MailRow
    attempts: list[AttemptRow]


def look_up_mails(work: UnitOfWork, wanted: Mapping[str, Any], limit: int) -> list[MailRow]:
    """Up to ``limit`` + 1 mails, newest first: the extra one tells that there are more.

    Args:
        work: on the service's database.
        wanted: filters, see :func:`services.notifications.store.mails.list_mails`.
        limit: rows of a page.
    """
    with work.transaction() as connection:
        return list_mails(connection, wanted, limit + 1)


def look_up_mail(work: UnitOfWork, wanted: Mapping[str, Any]) -> MailHistory:
    """One mail with its attempts; ``wanted`` names its ``id`` and may limit it to ``forms``.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        found = list_mails(connection, wanted, 1)
        if not found:
            raise DomainError("not-found", "there is no such mail")
        return MailHistory(found[0], list_attempts(connection, found[0].id))
