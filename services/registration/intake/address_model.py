"""Changes of the mail address of a registration: commands, pending changes, and what an undo needs.

Values only: ``address_deciding`` decides about them, ``address_store`` reads and writes them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.intake.desk_model import DeskAct
from services.registration.people.model import AddressRefs

MAX_ADDRESSES_ASKED = 5
"""How many addresses one registration may request within ``REQUESTS_COUNTED``: it limits the mail to strangers."""

REQUESTS_COUNTED = timedelta(days=14)
"""From the first request: as long as a change can wait for its confirmation."""

UNDO_FOR = timedelta(days=7)
"""How long the owner of the former address can take the change back; the address is kept as long."""


@dataclass(frozen=True, slots=True)
class AddressRequests:
    """How many addresses a registration has requested since ``since``; None: none yet."""

    count: int = 0
    since: datetime | None = None

    def with_one_at(self, at: datetime) -> "AddressRequests":
        """Return the requests with one more at ``at``; the count starts anew when the first is long ago."""
        if self.since is None or at >= self.since + REQUESTS_COUNTED:
            return AddressRequests(1, at)
        return AddressRequests(self.count + 1, self.since)


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Somebody wants their registration to use another address, by their managing link.

    Attributes:
        registration: that the link opens; None if it opens nothing any more.
        email: the new address, as it was typed.
        code: of the command, which both pages show.
        network: keyed hash of the client network, 32 bytes; None if it is not known.
    """

    number: int
    registration: str | None
    email: str
    address: AddressRefs
    code: str
    received_at: datetime
    network: bytes | None = None


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
    """

    id: str
    registration: str
    form: str
    email: str
    address: AddressRefs
    code: str
    received_at: datetime


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
        email, address, person: after the change.
        revision: after the change.
        former: id of the row that stores the previous address.
        restored: by an undo.
        act: of the coordinator who changed it; None for the owner of the address.
    """

    id: str
    form: str
    status: str
    revision: int
    email: str
    address: AddressRefs
    person: bytes
    former: str
    restored: bool
    act: DeskAct | None = None
