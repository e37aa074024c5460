"""Note that a mail went out, and that the person and the working group of its registration have been written to."""

from sqlalchemy import Connection

from services.events.store import contacts, roster
from services.events.store.contacts import MailContact
from services.events.store.locks import lock_read_side


def note_contact(connection: Connection, contact: MailContact) -> None:
    """Take over ``contact`` in the caller's transaction.

    If the registration is not known yet its person and group are noted when it comes, by ``note_registration``.
    """
    lock_read_side(connection)
    contacts.add(connection, contact)
    whose = roster.whose(connection, contact.registration_id)
    if whose is None:
        return
    contacts.note_person(connection, whose.person_ref, contact.registration_id)
    if whose.working_group is not None:
        contacts.note_group(connection, whose.working_group, contact.registration_id)
