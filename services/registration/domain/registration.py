"""A registration: one person on one form."""

from dataclasses import dataclass
from datetime import datetime

LIVE = ("confirmed", "waitlisted")


@dataclass(frozen=True, slots=True)
class Registration:
    """Attributes:
    id: UUID text.
    revision: counts the changes that somebody outside would see, from 1.
    position: on the waiting list, once given never changed; None for whoever never waited.
    person_ref: keyed hash of the address, 64 hex digits.
    box: sealed to notifications: name, address, link token, time zone.
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
    box: bytes
    accepted_at: datetime
