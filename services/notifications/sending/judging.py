"""What an outcome of the handover means for the mail. Reasons are shown to people: no address, no reply of a relay."""

from datetime import datetime, timedelta

from services.notifications.domain.mail import RELEASED, ClaimedMail, Verdict
from services.notifications.domain.retrying import (
    EVENT_DELAY,
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    MIN_ATTEMPTS,
    MIN_POSTPONEMENTS,
    is_over,
)
from services.notifications.mail.transport import HandoverUnknown, NotReached, Refused, TransportError
from shared.core.errors import Unavailable
from shared.core.retry import delay_before
from shared.store.checked_clock import CheckedClock

GAVE_UP = "given up after 72 hours: "
UNKNOWN = "the relay gave no answer to the final dot"
NOT_REACHED = "the relay was not reached"


def judge(mail: ClaimedMail, error: TransportError, clock: CheckedClock, unknown_after: timedelta) -> Verdict:
    """The verdict on a handover that ended with ``error``.

    Args:
        mail: in hand.
        error: of the transport.
        clock: of the sender.
        unknown_after: how long to wait before an unknown outcome is decided on.
    """
    now = clock()
    if isinstance(error, HandoverUnknown):
        return Verdict(mail, "unknown", now, UNKNOWN, now + unknown_after, tried=True)
    if not isinstance(error, Refused):
        return retried(mail, NOT_REACHED, clock)
    reason = f"the relay answered {error.code} to {error.verb}"
    return failed(mail, reason, now, tried=True) if is_final(error) else retried(mail, reason, clock)


def is_final(error: Refused) -> bool:
    """Whether no later try can succeed: 5xx about this recipient or this content.

    A 5xx to MAIL is about ourselves (our address, our permission): it must not fail every mail that waits.
    """
    return error.permanent and error.verb != "MAIL"


def is_relay_trouble(error: TransportError) -> bool:
    """Whether the next mail would fare the same, so that the sender had better wait."""
    if isinstance(error, Refused):
        return error.verb == "MAIL"
    return isinstance(error, NotReached | HandoverUnknown)


def sent(mail: ClaimedMail, now: datetime) -> Verdict:
    """The relay has the mail."""
    return Verdict(mail, "sent", now, tried=True)


def released(mail: ClaimedMail, now: datetime) -> Verdict:
    """The mail was not tried; somebody else may have it at once."""
    return Verdict(mail, RELEASED, now)


def called_off(mail: ClaimedMail, reason: str, now: datetime) -> Verdict:
    """The mail would say something untrue by now."""
    return Verdict(mail, "called_off", now, reason)


def suppressed(mail: ClaimedMail, reason: str, now: datetime) -> Verdict:
    """The recipient wants no such mail."""
    return Verdict(mail, "suppressed", now, reason)


def failed(mail: ClaimedMail, reason: str, now: datetime, *, tried: bool = False) -> Verdict:
    """The mail will never go; ``tried``: the relay was asked."""
    return Verdict(mail, "failed", now, reason, tried=tried)


def retried(mail: ClaimedMail, reason: str, clock: CheckedClock) -> Verdict:
    """Try again later, each time after a longer wait, or give up after enough attempts and time."""
    now = clock()
    if _gives_up(mail, mail.attempts + 1, MIN_ATTEMPTS, clock):
        return failed(mail, GAVE_UP + reason, now, tried=True)
    delay_s = delay_before(mail.attempts + 1, base_s=FIRST_DELAY_S, cap_s=LONGEST_DELAY_S)
    return Verdict(mail, "deferred", now, reason, now + timedelta(seconds=delay_s), tried=True)


def postponed(mail: ClaimedMail, reason: str, clock: CheckedClock) -> Verdict:
    """Wait a little for something of our own, which costs no attempt, or give up after enough looks and time."""
    now = clock()
    if _gives_up(mail, mail.fence, MIN_POSTPONEMENTS, clock):
        return failed(mail, GAVE_UP + reason, now)
    return Verdict(mail, "deferred", now, reason, now + EVENT_DELAY)


def _gives_up(mail: ClaimedMail, tries: int, min_tries: int, clock: CheckedClock) -> bool:
    """Whether a mail is over, by a clock that agrees with the database's; asked only where it would be."""
    if not is_over(mail.created_at, tries, min_tries, clock()):
        return False
    try:
        checked_now = clock.final_now("give-up")
    except Unavailable:
        return False  # the mail waits again, and the next attempt asks again
    return checked_now is not None and is_over(mail.created_at, tries, min_tries, checked_now)
