"""Erasure of a person: each of their registrations becomes a tombstone that only counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.forms.seats import give_back
from services.registration.forms.store import all_forms
from services.registration.people.listing_store import RegistrationChange, history_of
from services.registration.people.messages import RegistrationMessages, erased_message
from services.registration.people.model import LIVE, Registration
from services.registration.people.store import Locked, find_person, lock_known, pause_decider, store_change
from services.registration.people.waiting_list import promote_waiting
from services.registration.privacy.erasure_store import (
    TABLES,
    StoredTombstone,
    erase_pending,
    find_tombstone,
    forget_calendar,
    forget_organisation,
    former_addresses,
    others_of_the_same,
)
from shared.calendar.entries import personal_key
from shared.db.cleanup import erase_rows
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.security.audit_log import AuditRecord, add_audit_record

REASONS = {
    "asked": "erased: the person asked for it",
    "not-theirs": "erased: the address was registered by another person",
    "mistake": "erased: it was created by mistake",
    "no-longer-needed": "erased: it is no longer needed",
}
"""Why a coordinator may erase a person, in the words of the history. A closed list: a free text could name the erased
person."""

BY_LINK = "erased by link"
KEPT_LONG_ENOUGH = "erased: its retention period has ended"

_TOOK_PLACE = OPEN_EVENT_STATUSES | {"held"}


def erased(registration: Registration, opening: Opening, now: datetime) -> Registration:
    """The registration in its next revision, with the status under which it is still counted.

    A person who had a seat at an event that has begun stays counted; every other place is released.
    """
    status = _status(registration.status, opening, now)
    return replace(registration, status=status, revision=registration.revision + 1)


def _status(before: str, opening: Opening, now: datetime) -> str:
    if before == "confirmed" and is_over(opening, now) and opening.event_status in _TOOK_PLACE:
        return "confirmed"
    return "cancelled" if before in ("confirmed", "waitlisted") else before


HERE, EVERYWHERE = "registration", "address"
"""How much is erased: the one registration, or all of its address."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that a coordinator orders.

    Attributes:
        registration_id: the id of the registration, UUID text.
        reason: one of ``REASONS``.
        by: the name of the coordinator's key.
        scope: ``registration`` or ``address``.
        may_touch: whether the coordinator's key is good for a form.
    """

    registration_id: str
    reason: str
    by: str
    scope: str
    may_touch: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class ErasureCause:
    """Why a person is erased.

    Attributes:
        reason: the reason for the history.
        by: the name of the coordinator's key; None if no coordinator erases.
        whole_address: whether changes of address that wait to move other registrations to the address are erased too.
    """

    reason: str
    by: str | None = None
    whole_address: bool = True


@dataclass(frozen=True, slots=True)
class TombstoneView:
    """A tombstone with what happened to it."""

    tombstone: StoredTombstone
    history: list[RegistrationChange]


def erase_by_link(
    connection: Connection, messages: RegistrationMessages, registration_id: str, now: datetime, number: int
) -> None:
    """Erase the registration that a managing link opened; does nothing if it no longer exists. For the decider.

    Args:
        connection: the connection of the transaction that decides the command.
        messages: the writer of registration messages to the outbox.
        registration_id: the id of the registration, UUID text.
        now: the time of a checked clock.
        number: the number of the command: what was received after it is not erased.
    """
    outbox.blank(connection, registration_id, now)
    try:
        locked = lock_known(connection, lambda: now, registration_id)
    except DomainError:
        return
    _erase_pending(connection, locked.registration, now, number)
    _erase(connection, messages, locked, ErasureCause(BY_LINK))


def erase_known(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, erasure: Erasure) -> int:
    """Erase a registration, or all of its address on forms that the coordinator's key is good for.

    First it deletes what waits for the owner of the address on the same forms, while the decider is paused: so nothing
    that was received before becomes a registration during the erasure. Then it erases each registration in a separate
    transaction, since each locks the seats of its form; the named one is last, so that an interrupted erasure can be
    requested again. Erasing what is erased changes nothing.

    Returns:
        how many were erased.

    Raises:
        DomainError: ``not-found``: there is no such registration, and no tombstone.
    """
    with work.transaction() as connection:
        if find_tombstone(connection, erasure.registration_id) is not None:
            return 0
        pause_decider(connection)
        found = find_person(connection, erasure.registration_id)
        if found is None:
            raise DomainError("not-found")
        forms = _forms_of(connection, erasure, found.registration)
        _erase_pending(connection, found.registration, clock(), forms=forms)
        others = others_of_the_same(connection, erasure.registration_id) if erasure.scope == EVERYWHERE else []
    named = [identity for identity, form in others if erasure.may_touch(form)]
    everything = [*named, erasure.registration_id]
    cause = ErasureCause(REASONS[erasure.reason], erasure.by, whole_address=forms is None)
    return sum([erase_one(work, clock, messages, identity, cause, erasure) for identity in everything])


def erase_kept(work: UnitOfWork, messages: RegistrationMessages, now: datetime, registration_id: str) -> bool:
    """Erase a registration whose time is over; returns whether there was anyone left to erase."""
    cause = ErasureCause(KEPT_LONG_ENOUGH, whole_address=False)
    return erase_one(work, lambda: now, messages, registration_id, cause)


def show_tombstone(work: UnitOfWork, registration_id: str) -> TombstoneView:
    """What is left of an erased registration.

    Raises:
        DomainError: ``not-found``: it was not erased, or never was.
    """
    with work.transaction() as connection:
        tombstone = find_tombstone(connection, registration_id)
        if tombstone is None:
            raise DomainError("not-found")
        return TombstoneView(tombstone, list(history_of(connection, registration_id)))


def form_of(work: UnitOfWork, registration_id: str) -> str:
    """The form of a registration, or of what is left of it.

    Raises:
        DomainError: ``not-found``.
    """
    with work.transaction() as connection:
        found = find_person(connection, registration_id)
        tombstone = find_tombstone(connection, registration_id) if found is None else None
    if found is not None:
        return found.registration.form
    if tombstone is None:
        raise DomainError("not-found")
    return tombstone.form


def erase_one(
    work: UnitOfWork,
    clock: Clock,
    messages: RegistrationMessages,
    registration_id: str,
    cause: ErasureCause,
    erasure: Erasure | None = None,
) -> bool:
    """Erase one registration; returns whether it was not erased already.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        messages: the writer of registration messages to the outbox.
        registration_id: the id of the registration, UUID text.
        cause: the cause for the history.
        erasure: the order of a coordinator, recorded in the audit log; None for an automatic erasure.

    Raises:
        DomainError: ``not-found``, for an erasure by a coordinator.
    """
    with work.transaction() as connection:
        outbox.blank(connection, registration_id, clock())
        try:
            locked = lock_known(connection, clock, registration_id)
        except DomainError:
            if erasure is not None and find_tombstone(connection, registration_id) is None:
                raise
            return False
        _erase(connection, messages, locked, cause)
        if erasure is not None:
            detail = {"reason": erasure.reason, "scope": erasure.scope}
            record = AuditRecord(erasure.by, "person-erased", "registration", registration_id, detail)
            add_audit_record(connection, record, locked.now)
        return True


def _forms_of(connection: Connection, erasure: Erasure, registration: Registration) -> list[str] | None:
    """The forms on which what waits for the address is erased too; None for all. No key reaches beyond its forms."""
    if erasure.scope == HERE:
        return [registration.form]
    slugs = [form.slug for form in all_forms(connection)]
    touched = [slug for slug in slugs if erasure.may_touch(slug)]
    return None if touched == slugs else touched


def _erase_pending(
    connection: Connection,
    registration: Registration,
    now: datetime,
    until: int | None = None,
    forms: Sequence[str] | None = None,
) -> None:
    """See :func:`erase_pending`; the confirmation mails that are not with the relay yet are called back."""
    for link in erase_pending(connection, registration, now, until, forms):
        outbox.blank(connection, link, now)


def _erase(connection: Connection, messages: RegistrationMessages, locked: Locked, cause: ErasureCause) -> None:
    """The messages were blanked once before anything was locked: a relay that is publishing them may be slow, and no
    one should wait for seats during that time. What was added since is blanked now."""
    before, now = locked.registration, locked.now
    after = erased(before, locked.form.opening, now)
    former = former_addresses(connection, before.id)
    subjects = [identity for identity, _ in former]
    values = {"id": after.id, "status": after.status, "revision": after.revision, "now": now}
    address = bytes.fromhex(before.person_ref) if cause.whole_address else None
    erase_rows(connection, TABLES, {**values, "ref": address, "subjects": [after.id, *subjects]})
    store_change(connection, after, cause.reason, now, by=cause.by)
    if before.event_id is not None:
        for ref in {before.person_ref, *(ref for _, ref in former)}:
            forget_calendar(connection, personal_key(ref, before.event_id))
    outbox.add(connection, [erased_message(after, now, subjects)])
    if before.status in LIVE and after.status == "cancelled":
        seats = give_back(locked.form.seats, before.status, before.who, before.hold)
        promote_waiting(connection, messages, locked.form, seats, now, "a seat was given back")
    if before.organisation_id is not None:
        forget_organisation(connection, before.organisation_id)
