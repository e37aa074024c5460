"""Registrations that a plan makes, and those that it changes."""

from dataclasses import dataclass
from datetime import datetime

from services.registration.intake.contents import Content
from services.registration.intake.desk_model import DeskAct
from services.registration.people.model import AddressRefs


@dataclass(frozen=True, slots=True)
class NewRegistration:
    """A registration that the plan makes.

    Attributes:
        position: how many have waited on this form, with this one; None with a seat.
        capacity: by which the seat was given; None without a seat, or without a limit.
        verified: the owner of the address has confirmed it.
        act: of the coordinator who entered it; None if nobody did.
    """

    id: str
    form: str
    number: int
    status: str
    position: int | None
    capacity: int | None
    content: Content
    address: AddressRefs
    person: bytes
    received_at: datetime
    verified: bool
    act: DeskAct | None = None


@dataclass(frozen=True, slots=True)
class ChangedRegistration:
    """A live registration with new content; its place stays.

    Attributes:
        fields: names of the answers that differ.
        sealed_given: sealed answers came with it.
        details_given: it is what was asked after the confirmation.
        act: of the coordinator who changed it; None for its owner.
        offered: a seat is held for them.
    """

    id: str
    form: str
    status: str
    revision: int
    content: Content
    person: bytes
    fields: tuple[str, ...] = ()
    sealed_given: bool = False
    details_given: bool = False
    act: DeskAct | None = None
    offered: bool = False
