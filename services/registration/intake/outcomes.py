"""What becomes of submissions and commands, and what the owner of an address can choose."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a submission, as the receipt says it."""

    CHECK_YOUR_MAIL = "check-your-mail"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    FULL = "full"
    OPTION_FULL = "option-full"
    CLOSED = "closed"


class Result(StrEnum):
    """What became of one candidate, or of a registration, that a command by link names."""

    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CHANGED = "changed"
    KEPT = "kept"
    DELETED = "deleted"
    FULL = "full"
    OPTION_FULL = "option-full"
    CLOSED = "closed"
    TOO_MANY = "too-many"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SEAT_ACCEPTED = "seat-accepted"
    SEAT_DECLINED = "seat-declined"
    OFFER_ENDED = "offer-ended"
    EVENT_OVER = "event-over"
    CHANGED_MEANWHILE = "changed-meanwhile"
    MAILED = "mailed"
    RENEWED = "renewed"
    VERIFIED = "verified"
    GONE = "gone"
    NAME_TAKEN = "name-taken"
    ERASED = "erased"
    ADDRESS_ASKED = "address-asked"
    ADDRESS_CHANGED = "address-changed"
    ADDRESS_RESTORED = "address-restored"
    ADDRESS_REFUSED = "address-refused"
    ADDRESS_GONE = "address-gone"
    ADDRESS_FULL = "address-full"
    REGISTERED_THERE = "registered-there"
    SAME_ADDRESS = "same-address"
    ASKED_TOO_OFTEN = "asked-too-often"
    BLOCKED = "blocked"
    MERGED = "merged"
    SEAT_LOST = "seat-lost"


class Act(StrEnum):
    """What the owner of an address can do with a candidate; the last two, with a change to their address."""

    CONFIRM = "confirm"
    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"
    USE_ADDRESS = "use-address"
    REFUSE_ADDRESS = "refuse-address"

    @property
    def is_about_address(self) -> bool:
        """Whether it is chosen about a change of address."""
        return self in (Act.USE_ADDRESS, Act.REFUSE_ADDRESS)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the owner wants of one candidate or change of address.

    Attributes:
        candidate: its id, or that of the change.
        registration: that the candidate replaces, where it replaces one.
        form: of the candidate, as the page said: the owner reads it again if the candidate is gone meanwhile.
    """

    candidate: str
    act: Act
    registration: str | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class ActResult:
    """What became of one candidate or registration that a command names, or of answers that were entered by a link.

    ``candidate`` and ``code`` are of the candidate, if it was about one; for a command of the desk ``candidate`` is the
    id of the registration.
    """

    candidate: str
    form: str
    code: str
    result: Result


def read_results(outcome: Any) -> tuple[ActResult, ...]:
    """Return the results in a stored ``outcome``; none while it is undecided, and none of a submission (a text)."""
    if not isinstance(outcome, list):
        return ()
    return tuple(ActResult(one["candidate"], one["form"], one["code"], Result(one["result"])) for one in outcome)
