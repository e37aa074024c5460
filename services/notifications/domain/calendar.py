"""The entry that a person has in their calendar: one for each event, however many forms they are registered on for it.

Calendars tell entries apart by UID and changes by SEQUENCE (RFC 5546, 2.1.4). Both follow from what is known of the
person's registrations alone, so whichever mails are written, in any order, the newest of them ends with the truth.
"""

from hashlib import sha256

SEATED = "confirmed"
"""The status of a registration that has a seat."""


def uid_of(person_ref: str, event: str) -> str:
    """The part of the UID before the ``@``: the same for ever for this person and event, and telling nothing of either.

    Args:
        person_ref: keyed hash of the address, 64 hex digits: without the key nobody gets from here to an address.
        event: slug.
    """
    return sha256(f"{person_ref} {event}".encode()).hexdigest()[:32]


def sequence_of(event_revision: int, changes: int) -> int:
    """The SEQUENCE of an entry: 0 at first, larger with each change of the event or of any of the registrations.

    Args:
        event_revision: from 1.
        changes: sum of the revisions of all the person's registrations for the event, ended ones too. Revisions never
            fall and registrations only become more, so neither does the sum.
    """
    return event_revision + changes - 2
