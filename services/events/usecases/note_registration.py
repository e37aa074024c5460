"""Note what a message said of a registration or of a mail to it: roster, counts, tallies and the contact of its group.

In whatever order the messages come, and however often, the numbers end the same: only the newest revision of each
registration counts, and a count moves by the difference between what was known and what is known now.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import Connection

from services.events.domain.attendance import LIVE, attends
from services.events.store import contacts, counts, roster, tallies
from services.events.store.contacts import MailContact
from services.events.store.locks import lock_read_side
from services.events.store.roster import Registered
from shared.core.ids import made_at_of


def note_registration(connection: Connection, registered: Registered) -> None:
    """Take over ``registered`` unless an equal or newer revision of it is known, or it was erased.

    In the caller's transaction.
    """
    lock_read_side(connection)
    old = None
    if not roster.add(connection, registered):
        old = roster.find_for_change(connection, registered.registration_id)
        if old is None or old.revision >= registered.revision:
            return
        roster.replace(connection, registered)
    move_count(connection, old, registered)
    move_tallies(connection, old, registered)
    _move_contact(connection, old, registered)


def note_registrations(connection: Connection, registered: Sequence[Registered]) -> None:
    """As ``note_registration`` for each in order: those that nobody has heard of all at once, the others one by one.

    A rush is new registrations, and a statement for all of them costs hardly more than one for each.
    """
    lock_read_side(connection)
    first = {one.registration_id: one for one in reversed(registered)}
    new = roster.add_many(connection, [one for one in registered if first[one.registration_id] is one])
    added = [one for one in registered if one.registration_id in new and first[one.registration_id] is one]
    _count_new(connection, added)
    contacts.note_people(connection, [one.registration_id for one in added])
    for one in added:
        if one.working_group is not None:
            contacts.note_group(connection, one.working_group, one.registration_id)
    for one in registered:
        if one.registration_id not in new or first[one.registration_id] is not one:
            note_registration(connection, one)


def _count_new(connection: Connection, added: Sequence[Registered]) -> None:
    """Counts and tallies of registrations that are new."""
    counts.more(connection, Counter(key for one in added if (key := _counted(one)) is not None))
    for event_id in sorted({one.event_id for one in added}, key=str):
        of_event = [one for one in added if one.event_id == event_id]
        tallies.more_of(connection, Counter(entry for one in of_event for entry in tallied(one)), event_id)


def move_count(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Only attendance is counted: interest in an event or membership of a group is none."""
    before, after = _counted(old), _counted(new)
    if before == after:
        return
    if before is not None:
        counts.one_less(connection, *before)
    if after is not None:
        counts.one_more(connection, *after)


def _counted(known: Registered | None) -> tuple[str, str] | None:
    """Event and status under which a registration counts."""
    if known is None or known.event_id is None or not attends(known.form_kind):
        return None
    return known.event_id, known.status


def move_tallies(connection: Connection, old: Registered | None, new: Registered) -> None:
    """What is tallied moves by the difference between what was known and what is known now."""
    before, after = tallied(old), tallied(new)
    old_event = old.event_id if old is not None else None
    kept = before & after if old_event == new.event_id else frozenset()
    tallies.less(connection, sorted(before - kept), old_event)
    tallies.more(connection, sorted(after - kept), new.event_id)


def tallied(known: Registered | None) -> frozenset[tallies.Entry]:
    """Where a live registration is tallied; ``day`` is that on which somebody registered, in UTC."""
    if known is None or known.status not in LIVE:
        return frozenset()
    made_at = made_at_of(known.registration_id) or known.occurred_at
    day = made_at.astimezone(UTC).date().isoformat()
    entries = (("form_kind", known.form_kind), ("partner", known.partner), ("country", known.country), ("day", day))
    return frozenset((dimension, name) for dimension, name in entries if name is not None)


def _move_contact(connection: Connection, old: Registered | None, new: Registered) -> None:
    """Mails that were noted before their registration was, or before it changed its group, count for the group now."""
    if old is None or old.person_ref != new.person_ref:
        contacts.note_person(connection, new.person_ref, new.registration_id)
    if old is not None and old.person_ref != new.person_ref:
        contacts.reckon_person(connection, old.person_ref)
    left = old.working_group if old is not None else None
    if left == new.working_group:
        return
    if new.working_group is not None:
        contacts.note_group(connection, new.working_group, new.registration_id)
    if left is not None:
        contacts.reckon_group(connection, left)


def note_contact(connection: Connection, contact: MailContact) -> None:
    """Take over ``contact`` in the caller's transaction.

    If the registration is not known yet its person and group are noted when it comes.
    """
    lock_read_side(connection)
    contacts.add(connection, contact)
    whose = roster.whose(connection, contact.registration_id)
    if whose is None:
        return
    contacts.note_person(connection, whose.person_ref, contact.registration_id)
    if whose.working_group is not None:
        contacts.note_group(connection, whose.working_group, contact.registration_id)
