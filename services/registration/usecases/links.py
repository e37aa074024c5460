"""Find what a link opens: its token is known by hash, for the link's purpose alone, and only while it lasts."""

from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.links import USE_SHOWN, own_link_ends_at
from services.registration.store.forms import StoredForm
from services.registration.store.registrations import Person, find_by_own, find_by_verify, last_changed_at
from shared.core.errors import DomainError
from shared.core.links import OWN, VERIFY, sent_hash


def own_person(connection: Connection, token: str) -> Person:
    """Whom their own link ``token`` opens; see to it by :func:`refuse_ended` that it still lasts.

    Raises:
        DomainError: ``not-found`` if it opens nothing.
    """
    token_hash = sent_hash(token, OWN)
    return _found(find_by_own(connection, token_hash) if token_hash else None)


def person_to_verify(connection: Connection, token: str, now: datetime) -> Person:
    """Whose address the link ``token`` confirms, or has confirmed a moment ago.

    Raises:
        DomainError: ``not-found`` if it opens nothing: it never did, is used up, or its time is over.
    """
    verify_hash = sent_hash(token, VERIFY)
    person = _found(find_by_verify(connection, verify_hash, now - USE_SHOWN) if verify_hash else None)
    return _found(None if person.registration.is_overdue(now) else person)


def refuse_ended(connection: Connection, person: Person, form: StoredForm | None, now: datetime) -> StoredForm:
    """The form of a person whose own link still lasts.

    Raises:
        DomainError: ``not-found`` if it does not, or there is no form.
    """
    if form is None:
        raise DomainError("not-found")
    registration = person.registration
    changed_at = last_changed_at(connection, registration.id)
    ends_at = own_link_ends_at(form.opening, registration.status, form.kept, changed_at)
    if ends_at is not None and ends_at <= now:
        raise DomainError("not-found")
    return form


def _found(person: Person | None) -> Person:
    if person is None:
        raise DomainError("not-found")
    return person
