"""A registration: one person on one form, what they are compared by, and what can be decided about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.forms.model import COLUMNS
from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.forms.pools import Traits
from services.registration.forms.seats import Hold, Seats, fits, hold_of
from shared.runtime.errors import DomainError

LIVE = ("confirmed", "waitlisted")
"""Those who have a seat or wait for one: they can give it back."""


OWN, CONFIRMATION, VIEW, JOIN = "own", "confirmation", "view", "join"
"""Purposes of links: a person's own registration; what waits for the owner of an address; event, time and status of a
registration, read-only; the online meeting of a registration's event."""

UNDO_ADDRESS = "undo-address"
"""The purpose of a link that restores the address of a registration."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration, without personal data in clear.

    Attributes:
        id: the UUID text.
        revision: the number of changes that a person outside would see, from 1.
        position: the place on the waiting list, from 1, in order of receipt, when this was read; None without one.
        person_ref: the keyed hash of the address, 64 hex digits.
        accepted_at: the time at which it was made: decided, or confirmed by the owner of the address.
        verified: whether the owner of the address has confirmed it.
        attend: the slug of the event that everyone on this form should attend as well.
        offer_expires_at: the end of the offer of a seat, for a person who waits; None for no offer.
        offer_passed: whether an offer was declined or has expired, and the person waits on.
        domain: the reference of the domain of the address; empty for a mail provider.
        lapses_at: when it is cancelled unless its owner uses a link before; None for never.
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
    offer_expires_at: datetime | None = None
    offer_passed: bool = False
    domain: bytes = b""
    lapses_at: datetime | None = None

    @property
    def hold(self) -> Hold:
        """State of a person who waits: in line, with an offer, or past one."""
        return hold_of(self.offer_expires_at, self.offer_passed)

    @property
    def who(self) -> Traits:
        """What decides which seats they may take."""
        return Traits(self.working_group, self.partner, self.representative, self.domain)


@dataclass(frozen=True, slots=True)
class AddressRefs:
    """The keyed hashes by which a mail address is compared, 32 bytes each.

    Attributes:
        ref: the hash of the address, folded.
        mailbox: the hash of the canonical mailbox: without ``+tag``, without dots where the provider ignores them.
        domain: the hash of the domain; empty for a listed mail provider, which has no separate quota.
    """

    ref: bytes
    mailbox: bytes
    domain: bytes


def clear_answers(*sources: Any) -> dict[str, Any]:
    """Return all clear answers of a person, by the name of the question.

    Args:
        sources: the objects that have them as attributes; the first one also has the answers to a form's further
            questions.
    """
    given = {name: getattr(source, name) for source in sources for name in COLUMNS & set(source.__slots__)}
    given["representative"] = given["representative"] if given["working_group"] else None
    given.pop("consent", None)
    return {name: value for name, value in (given | dict(sources[0].answers)).items() if value is not None}


def check_confirming(
    opening: Opening, seats: Seats, registration: Registration, now: datetime, *, beyond: bool = False
) -> None:
    """Check that a person who waits can be given a seat, also out of line and after the last automatic promotion.

    Args:
        beyond: whether they need not fit: they get a reserved seat, or one more than there are.

    Raises:
        DomainError: ``not-waiting``, ``event-over``, ``not-taking-place``, ``no-free-seat``, ``seats-reserved``,
            ``domain-share``.
    """
    _check_seatable(opening, registration, now)
    if not beyond and registration.hold != "offered":
        check_fits(seats, registration)


def check_offering(opening: Opening, seats: Seats, registration: Registration, now: datetime) -> None:
    """Whether a person who waits can be offered a seat.

    Raises:
        DomainError: ``already-offered``, and as :func:`check_confirming`.
    """
    _check_seatable(opening, registration, now)
    if registration.hold == "offered":
        raise DomainError("already-offered", "they already have an offer")
    check_fits(seats, registration)


def check_fits(seats: Seats, registration: Registration) -> None:
    """Whether a seat is there for a person who waits.

    Raises:
        DomainError: ``no-free-seat``, ``seats-reserved``, ``domain-share``.
    """
    if fits(seats, registration.who):
        return
    if not seats.left:
        raise DomainError("no-free-seat", "every seat is taken; raise the capacity of the form first")
    if seats.pools.kept_from(registration.who) >= seats.left:
        raise DomainError("seats-reserved", "the remaining seats are reserved for others")
    raise DomainError("domain-share", "this mail domain has used up its share of the seats")


def _check_seatable(opening: Opening, registration: Registration, now: datetime) -> None:
    if registration.status != "waitlisted":
        raise DomainError("not-waiting", "only a person on the waiting list can be given a seat")
    if is_over(opening, now):
        raise DomainError("event-over", "the event has begun")
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        raise DomainError("not-taking-place", "the event is postponed or cancelled")


def check_cancelling(opening: Opening, registration: Registration, now: datetime) -> None:
    """Whether a place can be given back.

    Raises:
        DomainError: ``no-place``, ``event-over``.
    """
    if registration.status not in LIVE:
        raise DomainError("no-place", "there is no seat to give back")
    if is_over(opening, now):
        raise DomainError("event-over", "the event has begun")
