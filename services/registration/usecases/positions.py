"""Where a registration stands in a listing, as text for a cursor, and back. What comes back is from outside."""

from collections.abc import Sequence
from uuid import UUID

from services.registration.store.registrations import Person


def registration_position(person: Person) -> tuple[str]:
    """Where a registration stands: by its id, which is in order of arrival."""
    return (person.registration.id,)


def read_registration_position(parts: Sequence[str]) -> str:
    """The one part of a position.

    Raises:
        ValueError: it is none.
    """
    (registration_id,) = parts
    return str(UUID(registration_id))
