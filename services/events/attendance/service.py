"""Handle messages about registrations and mails to them, erase people, and list who attends an event.

Messages may arrive in any order and repeatedly; the numbers end the same: only the newest revision of each
registration counts, and a count moves by the difference between the earlier and the new state.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from sqlalchemy import Connection

from services.events.attendance.model import LIVE
from services.events.attendance.numbers import (
    MailContact,
    TallyKey,
    insert_contact,
    recompute_group_contact,
    recompute_person_contact,
    shift_tallies,
    tally_less,
    tally_more,
    upsert_group_contact,
    upsert_people_contacts,
    upsert_person_contact,
)
from services.events.attendance.store import (
    Registered,
    RosterQuery,
    count_registration_rows,
    count_roster_groups,
    insert_registration,
    insert_registrations,
    is_registration_erased,
    live_registrations_of,
    lock_read_side,
    lock_registration,
    owner_of,
    replace_registration,
    select_registrations,
    store_tombstone,
    working_groups_of,
)
from services.events.cleanup import PERSONAL_TABLES
from services.events.event.model import Event, Readers
from services.events.event.service import find_event
from services.events.event.store import count_more, count_one_less
from services.events.tables import CountedGroup
from shared.db.cleanup import erase_rows
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.ids import made_at_of
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.vocabulary.form_kinds import FORM_KINDS

NO_PERSON: Mapping[str, Any] = {
    "person_ref": "",
    "organisation_id": None,
    "mode": None,
    "language": "und",
    "position": None,
    "attend": None,
}
"""Fields that identify a person, or help to."""

COUNTED_BY: Mapping[str, Any] = {"working_group": None, "representative": False, "country": None, "partner": None}
"""Fields that the numbers count by; they stay as long as the registration counts."""

NEVER_CONFIRMED = "expired"
"""Status of those who never confirmed their address: no message about them was published, so none can arrive late."""


def handle_registration(connection: Connection, registered: Registered) -> None:
    """Store ``registered`` unless an equal or newer revision of it is known, or it was erased.

    In the caller's transaction.
    """
    lock_read_side(connection)
    old = None
    if not insert_registration(connection, registered):
        old = lock_registration(connection, registered.registration_id)
        if old is None or old.revision >= registered.revision:
            return
        replace_registration(connection, registered)
    move_count(connection, old, registered)
    move_tallies(connection, old, registered)
    _move_contact(connection, old, registered)


def handle_registrations(connection: Connection, registered: Sequence[Registered]) -> None:
    """Do the same as ``handle_registration`` for each, in order: new ones in one statement, the others one by one.

    During a peak most registrations are new, and one statement for all costs hardly more than a statement for one.
    """
    lock_read_side(connection)
    first = {registration.registration_id: registration for registration in reversed(registered)}
    new = insert_registrations(
        connection, [registration for registration in registered if first[registration.registration_id] is registration]
    )
    added = [
        registration
        for registration in registered
        if registration.registration_id in new and first[registration.registration_id] is registration
    ]
    _count_new(connection, added)
    upsert_people_contacts(connection, [registration.registration_id for registration in added])
    for registration in added:
        if registration.working_group is not None:
            upsert_group_contact(connection, registration.working_group, registration.registration_id)
    for registration in registered:
        if registration.registration_id not in new or first[registration.registration_id] is not registration:
            handle_registration(connection, registration)


def _count_new(connection: Connection, added: Sequence[Registered]) -> None:
    """Counts and tallies of registrations that are new."""
    count_more(connection, Counter(key for registration in added if (key := _counted(registration)) is not None))
    for event_id in sorted({registration.event_id for registration in added}, key=str):
        of_event = [registration for registration in added if registration.event_id == event_id]
        tally_more(connection, Counter(entry for registration in of_event for entry in tallied(registration)), event_id)


def move_count(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Move the count; only attendance is counted, not interest in an event or membership of a group."""
    before, after = _counted(old), _counted(new)
    if before == after:
        return
    if before is not None:
        count_one_less(connection, *before)
    if after is not None:
        count_more(connection, {after: 1})


def _counted(known: Registered | None) -> tuple[str, str] | None:
    """Event and status under which a registration counts."""
    if known is None or known.event_id is None or not FORM_KINDS[known.form_kind].attends:
        return None
    return known.event_id, known.status


def move_tallies(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Move the tallies by the difference between the earlier and the new state."""
    before, after = tallied(old), tallied(new)
    old_event = old.event_id if old is not None else None
    unchanged = before & after if old_event == new.event_id else frozenset()
    tally_less(connection, sorted(before - unchanged), old_event)
    tally_more(connection, Counter(after - unchanged), new.event_id)


def tallied(known: Registered | None) -> frozenset[TallyKey]:
    """Keys under which a live registration is tallied; ``day`` is the day of registering, in UTC."""
    if known is None or known.status not in LIVE:
        return frozenset()
    made_at = made_at_of(known.registration_id) or known.occurred_at
    day = made_at.astimezone(UTC).date().isoformat()
    entries = (("form_kind", known.form_kind), ("partner", known.partner), ("country", known.country), ("day", day))
    return frozenset((dimension, name) for dimension, name in entries if name is not None)


def _move_contact(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Count mails that arrived before their registration, or before it changed its group, for the current group."""
    if old is None or old.person_ref != new.person_ref:
        upsert_person_contact(connection, new.person_ref, new.registration_id)
    if old is not None and old.person_ref != new.person_ref:
        recompute_person_contact(connection, old.person_ref)
    left = old.working_group if old is not None else None
    if left == new.working_group:
        return
    if new.working_group is not None:
        upsert_group_contact(connection, new.working_group, new.registration_id)
    if left is not None:
        recompute_group_contact(connection, left)


def handle_contact(connection: Connection, contact: MailContact) -> bool:
    """Store ``contact`` in the caller's transaction; returns whether it was not known.

    If the registration is not known yet, its person and group are updated when it arrives.
    """
    lock_read_side(connection)
    is_new = insert_contact(connection, contact)
    owner = owner_of(connection, contact.registration_id)
    if owner is None:
        return is_new
    upsert_person_contact(connection, owner.person_ref, contact.registration_id)
    if owner.working_group is not None:
        upsert_group_contact(connection, owner.working_group, contact.registration_id)
    return is_new


def erase_registration(connection: Connection, tombstone: Registered) -> None:
    """Replace a registration by a tombstone; repeating it changes nothing. In the caller's transaction.

    Args:
        connection: the connection of the message's own transaction.
        tombstone: the registration as the message describes it, without personal data.
    """
    lock_read_side(connection)
    if is_registration_erased(connection, tombstone.registration_id):
        return
    old = lock_registration(connection, tombstone.registration_id)
    if old is None and tombstone.status == NEVER_CONFIRMED:
        return
    new = tombstone if old is None else _as_tombstone(old, tombstone)
    move_count(connection, old, new)
    move_tallies(connection, old, new)
    store_tombstone(connection, new)
    if old is not None:
        erase_rows(connection, PERSONAL_TABLES, {"person_ref": old.person_ref})


def _as_tombstone(old: Registered, tombstone: Registered) -> Registered:
    emptied = NO_PERSON if tombstone.status in LIVE else {**NO_PERSON, **COUNTED_BY}
    return replace(
        old, status=tombstone.status, revision=tombstone.revision, occurred_at=tombstone.occurred_at, **emptied
    )


def move_numbers(connection: Connection, old: Event | None, new: Event) -> None:
    """Count the registrations of ``new`` where they belong now. In the caller's transaction, after it stored ``new``.

    Registrations may arrive before their event: without an ``old`` event they counted as those of an event that is
    not internal.
    """
    if new.internal == (old is not None and old.internal):
        return
    lock_read_side(connection)
    numbers = Counter(entry for known in live_registrations_of(connection, new.id) for entry in tallied(known))
    shift_tallies(connection, numbers, internal=new.internal)
    for group in working_groups_of(connection, new.id):
        recompute_group_contact(connection, group)


def list_roster(work: UnitOfWork, wanted: RosterQuery) -> list[Registered]:
    """At most ``wanted.limit`` registrations of an event, in order of arrival.

    Args:
        work: the unit of work on the database of events.
        wanted: the event, the status, and the registration after which the list continues.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Readers.COORDINATORS)
        return select_registrations(connection, wanted)


def count_roster(work: UnitOfWork, wanted: RosterQuery) -> int:
    """How many registrations of an event fit, on all pages.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_registration_rows(connection, wanted)


def group_roster(work: UnitOfWork, wanted: RosterQuery, names: Sequence[str], at_least: int) -> list[CountedGroup]:
    """How many registrations of an event have the same values of ``names``, the largest groups first.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        find_event(connection, wanted.event_id, Readers.COORDINATORS)
        return count_roster_groups(connection, wanted, names, at_least)


def record_roster_taken(work: UnitOfWork, clock: Clock, who: str, event_id: str) -> None:
    """Record in the audit log that ``who`` downloads an event's roster as a file.

    Raises:
        Unavailable: the database is down; the file is not sent.
    """
    with work.transaction() as connection:
        add_audit_record(connection, AuditRecord(who, "file-taken", "event", event_id), clock())
