"""A registration: one person on one form."""

from dataclasses import dataclass
from datetime import datetime

LIVE = ("confirmed", "waitlisted")
"""Those who have a seat or wait for one: they can give it back."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Attributes:
    id: UUID text.
    revision: counts the changes that somebody outside would see, from 1.
    position: place on the waiting list, from 1, in order of receipt, as it was when this was read; None without one.
    person_ref: keyed hash of the address, 64 hex digits.
    accepted_at: when it was made: decided, or confirmed by the owner of the address.
    verified: the owner of the address has confirmed it.
    attend: slug of the event that everybody on this form should attend as well.
    """

    id: str
    form: str
    form_kind: str
    event_id: str | None
    status: str
    position: int | None
    revision: int
    person_ref: str
    working_group: str | None
    representative: bool
    organisation_id: str | None
    country: str | None
    language: str
    partner: str | None
    accepted_at: datetime
    verified: bool = False
    attend: str | None = None
