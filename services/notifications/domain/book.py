"""What the recipient book says of a registration or a proposal, but for what is personal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest state of one subject.

    Attributes:
        subject: id of the registration or proposal.
        about: ``registration`` or ``proposal``.
        person_ref: whose it is: 64 hex digits, the same for every subject of one address.
        revision: of the subject, from 1.
        form: None for a proposal.
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
