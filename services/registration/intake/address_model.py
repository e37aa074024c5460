"""A registration moves to another mail address: the commands, what waits for the new address, what an undo needs.

Values only: ``address_deciding`` decides about them, ``address_store`` reads and writes them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.people.model import AddressRefs

MAX_ADDRESSES_ASKED = 5
"""How many addresses one registration may ask in a row: nobody can have many strangers written to by one link."""

UNDO_FOR = timedelta(days=7)
"""How long the owner of the former address can take the change back; the address is kept as long."""


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Somebody wants their registration to use another address, by their managing link.

    Attributes:
        registration: that the link opens; None if it opens nothing any more.
        email: the new address, as it was typed.
        code: of the command, which both pages show.
    """

    number: int
    registration: str | None
    email: str
    address: AddressRefs
    code: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class UndoAddress:
    """The owner of a former address takes the change back; ``former`` is None if the link opens nothing any more."""

    number: int
    former: str | None
    form: str = ""


@dataclass(frozen=True, slots=True)
class AddressChange:
    """An address that waits until its owner confirms that a registration may use it.

    Attributes:
        id: UUID text.
        registration: of which there is one change at most.
        asked: addresses that this registration has asked for in a row, this one included.
    """

    id: str
    registration: str
    form: str
    email: str
    address: AddressRefs
    code: str
    received_at: datetime
    asked: int


@dataclass(frozen=True, slots=True)
class FormerAddress:
    """An address that a registration had, kept while its owner can take the change back.

    Attributes:
        id: UUID text.
        revision: of the registration since it has another address.
    """

    id: str
    registration: str
    revision: int
    email: str
    address: AddressRefs


@dataclass(frozen=True, slots=True)
class MovedRegistration:
    """A registration with another address.

    Attributes:
        email, address, person: from now on.
        revision: after the change.
        former: id of the row that keeps the address before; None for an undo, which keeps nothing.
    """

    id: str
    form: str
    status: str
    revision: int
    email: str
    address: AddressRefs
    person: bytes
    former: str | None
