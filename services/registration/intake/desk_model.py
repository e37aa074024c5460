"""Commands of coordinators that the decider decides: a correction, somebody entered by hand, two registrations merged.

Values only. Who may send them is decided by the desk; that nobody else can, by the right to write the column
``submission.entered_by``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.intake.contents import Content
from services.registration.people.model import AddressRefs


@dataclass(frozen=True, slots=True)
class DeskCommand:
    """A command of a coordinator.

    Attributes:
        kind: one of ``desk_reading.DESK_KINDS``.
        by: name of the coordinator's key.
        language: of the registration, unless an answer names another.
        values: what else the decider needs to know, the reason among it.
    """

    kind: str
    by: str
    language: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeskAct:
    """Attributes:
    by: name of the coordinator's key.
    reason: for the history; one of a closed list, so that it can name nobody.
    mailed: whether the person gets a mail about it.
    """

    by: str
    reason: str
    mailed: bool = True


@dataclass(frozen=True, slots=True)
class NamedRegistration:
    """A registration that a command of the desk names.

    Attributes:
        id: UUID text.
        revision: of it, that the coordinator has seen.
        address: hash of its address now, 32 bytes; None if it is gone.
    """

    id: str
    revision: int
    address: bytes | None


@dataclass(frozen=True, slots=True)
class Correct:
    """A coordinator changes what somebody told us.

    Attributes:
        target: the registration.
        given: the answers; its address is the one that the registration is to have.
        fields: names of the clear answers that ``given`` replaces; all others stay.
        address: of ``given``.
    """

    number: int
    received_at: datetime
    target: NamedRegistration
    given: Content
    fields: frozenset[str]
    address: AddressRefs
    act: DeskAct


@dataclass(frozen=True, slots=True)
class Enter:
    """A coordinator enters somebody on a form: a seat, or a place on the waiting list, without a verified address.

    Attributes:
        person: what stands for address and name.
    """

    number: int
    form: str
    received_at: datetime
    content: Content
    address: AddressRefs
    person: bytes
    act: DeskAct


@dataclass(frozen=True, slots=True)
class Merge:
    """A coordinator makes one of two registrations of a person on a form.

    Attributes:
        kept: the one that stays, with its place.
        other: the one that ends.
        given: the answers that stay, with the address.
        fields: names of the clear answers that ``given`` replaces.
        address: of ``given``.
        sealed_of_other: of the sealed answers to one question those of ``other`` count.
    """

    number: int
    received_at: datetime
    kept: NamedRegistration
    other: NamedRegistration
    given: Content
    fields: frozenset[str]
    address: AddressRefs
    sealed_of_other: bool
    act: DeskAct


DeskItem = Correct | Enter | Merge
