"""The one entry that a person has in their calendar for an event, however many forms they are registered on for it.

Calendars tell entries apart by UID and changes by SEQUENCE (RFC 5546, 2.1.4). Both follow from what is known of the
event and of the person's registrations alone, so mails and downloaded files agree, in whatever order they arrive.
"""

from hashlib import sha256
from urllib.parse import urlsplit


def personal_key(person_ref: str, event: str) -> str:
    """Return the UID's part before the ``@``: always the same for this person and event, revealing neither.

    Args:
        person_ref: keyed hash of the address, 64 hex digits: without the key nobody gets from here to an address.
        event: slug.
    """
    return sha256(f"{person_ref} {event}".encode()).hexdigest()[:32]


def personal_uid(key: str, public_url: str) -> str:
    """Return the UID of a person's entry.

    Args:
        key: see :func:`personal_key`.
        public_url: address of the whole system. A change of its host orphans the entries in people's calendars.
    """
    return f"{key}@{_host(public_url)}"


def public_uid(event_id: str, public_url: str) -> str:
    """Return the UID of an event in every public calendar: it never changes, so that a new date moves the entry."""
    return f"event-{event_id}@{_host(public_url)}"


def sequence_of(event_revision: int, changes: int) -> int:
    """Return the SEQUENCE of a person's entry: 0 at first, larger with each change of the event or a registration.

    Args:
        event_revision: from 1.
        changes: sum of the revisions of all the person's registrations for the event, ended ones too. Revisions never
            fall and registrations only become more, so neither does the sum.
    """
    return event_revision + changes - 2


def _host(public_url: str) -> str:
    return urlsplit(public_url).hostname or "localhost"
