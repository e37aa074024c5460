"""Cancel: somebody gives their place back by their link; the next in line gets it at once."""

from dataclasses import replace

from sqlalchemy import Connection

from services.registration.domain.deciding import check_cancelling
from services.registration.domain.seats import give_back
from services.registration.outgoing import CANCELLED, registration_message
from services.registration.store.registrations import Person, store_cancelled, store_change
from services.registration.usecases.locking import Locked, lock_own
from services.registration.usecases.promote import promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

BY_LINK = "cancelled by link"


def cancel(work: UnitOfWork, clock: Clock, token: str) -> Person:
    """Cancel the registration that ``token`` opens; doing it again, or after the start, changes nothing.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
    """
    with work.transaction() as connection:
        locked = lock_own(connection, clock, token)
        return take_back(connection, locked, BY_LINK) if locked.can_be_given_back else locked.person


def cancel_seen(work: UnitOfWork, clock: Clock, token: str, revision: int) -> Person:
    """Cancel the registration that ``token`` opens if it is still as it was seen; for programs, which are told why not.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: ``not-found`` if the token opens nothing; ``changed-meanwhile``; or what :func:`check_cancelling`
            says.
    """
    with work.transaction() as connection:
        locked = lock_own(connection, clock, token)
        if locked.registration.revision != revision:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        check_cancelling(locked.form.opening, locked.registration, locked.now)
        return take_back(connection, locked, BY_LINK)


def take_back(connection: Connection, locked: Locked, reason: str, by: str | None = None) -> Person:
    """Cancel what ``can_be_given_back`` and promote the next: a step inside a transaction.

    Args:
        reason: for the audit trail.
        by: name of a coordinator's key; None for the person themselves.

    Returns:
        the registration as it is afterwards.
    """
    before, now = locked.registration, locked.now
    cancelled = replace(before, status="cancelled", revision=before.revision + 1)
    store_cancelled(connection, cancelled, now)
    store_change(connection, cancelled, reason, now, by=by)
    outbox.add(connection, [registration_message(CANCELLED, cancelled, now)])
    promote_waiting(connection, locked.form, give_back(locked.form.seats, before.status), now, "a seat was given back")
    return replace(locked.person, registration=cancelled)
