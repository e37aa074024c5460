"""A registration: one person on one form."""

from dataclasses import dataclass, replace
from datetime import datetime

LIVE = ("confirmed", "waitlisted")
"""Those who have a seat or wait for one: they can give it back."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Attributes:
    id: UUID text.
    revision: counts the changes that somebody outside would see, from 1.
    position: on the waiting list, once given never changed; None for whoever never waited.
    person_ref: keyed hash of the address, 64 hex digits.
    box: sealed to notifications: name, address, link token, time zone.
    verified: the owner of the address has confirmed it.
    attend: slug of the event that everybody on this form should attend as well.
    hold_until: while unverified, how long a seat is kept; None if there was no free one.
    expires_at: while unverified, when it is given up.
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
    verified: bool = False
    attend: str | None = None
    hold_until: datetime | None = None
    expires_at: datetime | None = None

    def holds_seat(self, now: datetime) -> bool:
        """Whether a seat is kept for it until its address is confirmed."""
        return self.hold_until is not None and self.hold_until > now

    def is_overdue(self, now: datetime) -> bool:
        """Whether its owner has let the last moment pass at which it could be confirmed."""
        return self.expires_at is not None and self.expires_at <= now

    def given_up(self) -> "Registration":
        """As it is once it has expired."""
        return replace(self, status="expired", revision=self.revision + 1, hold_until=None, expires_at=None)
