"""What the recipient book says of a registration, a proposal, a link or a former address, but for what is personal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest state of one subject.

    Attributes:
        subject: id of the registration, proposal, confirmation link or former address.
        about: ``registration``, ``proposal``, ``confirmation`` or ``former-address``.
        person_ref: whose it is: 64 hex digits, the same for every subject of one address. Of a confirmation link or a
            former address it is made from its id alone, so that it connects nothing.
        revision: of the subject, from 1.
        occurred_at: when this state was true, or its link was made, aware: of two at one revision the later one holds.
        form: None but for a registration.
        event: what the form is for, or where a proposal has its place; None without.
        position: on the waiting list, from 1.
        verified: whether the owner of the address has confirmed it.
        attend: the event that everybody on the form should attend as well.
        place: of a proposal in the timetable: ``room starts_at ends_at time_zone`` as JSON values.
    """

    subject: str
    about: str
    person_ref: str
    language: str
    status: str
    revision: int
    occurred_at: datetime
    form: str | None
    form_kind: str
    event: str | None
    position: int | None = None
    working_group: str | None = None
    partner: str | None = None
    country: str | None = None
    verified: bool = False
    attend: str | None = None
    representative: bool = False
    place: Mapping[str, Any] | None = None


def lone_reference(about: str, subject: str) -> str:
    """Return what stands for the person in the entry of a link or a former address: made from its id alone."""
    return sha256(f"{about} {subject}".encode()).hexdigest()
