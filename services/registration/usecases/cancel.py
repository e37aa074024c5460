"""Cancel: a place is given back; the next in line gets it at once. A step inside a coordinator's transaction."""

from dataclasses import replace

from sqlalchemy import Connection

from services.registration.domain.seats import give_back
from services.registration.people.messages import CANCELLED, RegistrationMessages, fact_about
from services.registration.store.registrations import Person, store_cancelled, store_change
from services.registration.usecases.locking import Locked
from services.registration.usecases.promote import promote_waiting


def cancel_registration(
    connection: Connection, messages: RegistrationMessages, locked: Locked, reason: str, by: str | None = None
) -> Person:
    """Cancel what ``can_be_given_back`` and promote the next.

    Args:
        connection: of a transaction that holds the locks.
        messages: of the service.
        locked: the registration and its form.
        reason: for the history.
        by: name of a coordinator's key; None for the person themselves.

    Returns:
        the registration as it is afterwards.
    """
    before, now = locked.registration, locked.now
    fact = fact_about(CANCELLED, locked.person, status="cancelled", revision=before.revision + 1)
    store_cancelled(connection, fact.registration, now)
    store_change(connection, fact.registration, reason, now, by=by)
    messages.add(connection, [fact], now)
    seats = give_back(locked.form.seats, before.status)
    promote_waiting(connection, messages, locked.form, seats, now, "a seat was given back")
    return replace(locked.person, registration=fact.registration)
