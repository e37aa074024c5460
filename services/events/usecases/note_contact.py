"""Note that a mail went out, and that the working group of its registration has been written to."""

from sqlalchemy import Connection

from services.events.store import contacts, roster
from services.events.store.contacts import MailContact
from services.events.store.locks import lock_read_side


def note_contact(connection: Connection, contact: MailContact) -> None:
    """Take over ``contact`` in the caller's transaction.

    If the registration is not known yet its group is noted when it comes, by ``note_registration``.
    """
    lock_read_side(connection)
    contacts.add(connection, contact)
    group = roster.group_of(connection, contact.registration_id)
    if group is not None:
        contacts.note_group(connection, group, contact.registration_id)
