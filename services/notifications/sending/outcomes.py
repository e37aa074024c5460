"""What a handover's outcome means for the mail: retry, give up, unknown.

Reasons are shown to people: they contain no address and no reply of the relay.
"""

from datetime import datetime, timedelta

from services.notifications.mails.kinds import KINDS
from services.notifications.mails.model import RELEASED, ClaimedMail, HandoverOutcome
from services.notifications.sending.smtp import HandoverUnknown, NotReached, RefusedByRelay, TransportError
from shared.core.errors import Unavailable
from shared.core.retry import delay_before
from shared.store.checked_clock import CheckedClock

FIRST_DELAY_S = 30.0
MAX_DELAY_S = 4 * 3600.0
"""Bounds of the wait after the relay did not take a mail, which doubles with each attempt and is spread out."""

GIVE_UP_AFTER = timedelta(hours=72)
"""Longer than a weekend; RFC 5321 (4.5.4.1) asks an MTA for four to five days, and ours stands before one."""

MIN_ATTEMPTS = 10
"""A mail is given up only after so many attempts as well, the last one included: by the delays these take about four
hours, so that no clock alone gives it up, nor a sender that was away for three days."""

MIN_POSTPONEMENTS = 720
"""The same for waiting for a message of our own: an hour of looks ``EVENT_DELAY`` apart."""

EVENT_DELAY = timedelta(seconds=5)
"""Until an event's own message is here, which travels by another queue."""

RESENT, LEFT_UNKNOWN, GIVEN_UP = "resent", "left", "given_up"


def is_over(created_at: datetime, tries: int, min_tries: int, now: datetime) -> bool:
    """Whether a mail is given up instead of tried again: after a number of tries *and* a time.

    Args:
        created_at: when the mail's row was made.
        tries: so far, the current one included.
        min_tries: ``MIN_ATTEMPTS`` or ``MIN_POSTPONEMENTS``.
        now: a time that was compared with the database's.
    """
    return tries >= min_tries and now - created_at >= GIVE_UP_AFTER


def resolve_unknown(kind: str, unknowns: int, *, untrue: bool) -> str:
    """What to do about a mail that was handed over or not.

    Args:
        kind: of the mail.
        unknowns: how often its handover ended so, this time included.
        untrue: whether it would say something untrue by now.

    Returns:
        ``RESENT`` once, with the same Message-ID; ``LEFT`` the second time, for somebody to look after; ``GIVEN_UP`` if
        a second copy is worth nothing or a nuisance.
    """
    if untrue or not KINDS[kind].resent:
        return GIVEN_UP
    return RESENT if unknowns == 1 else LEFT_UNKNOWN


GAVE_UP = "given up after 72 hours: "
NO_ANSWER = "the relay gave no answer to the final dot"
NOT_REACHED = "the relay was not reached"


def outcome_of_error(
    mail: ClaimedMail, error: TransportError, clock: CheckedClock, unknown_after: timedelta
) -> HandoverOutcome:
    """The outcome on a handover that ended with ``error``.

    Args:
        mail: in hand.
        error: of the transport.
        clock: of the sender.
        unknown_after: how long to wait before an unknown outcome is decided on.
    """
    now = clock()
    if isinstance(error, HandoverUnknown):
        return HandoverOutcome(mail, "unknown", now, NO_ANSWER, now + unknown_after, tried=True)
    if not isinstance(error, RefusedByRelay):
        return retried(mail, NOT_REACHED, clock)
    reason = f"the relay answered {error.code} to {error.verb}"
    return failed(mail, reason, now, tried=True) if is_final(error) else retried(mail, reason, clock)


def is_final(error: RefusedByRelay) -> bool:
    """Whether no later try can succeed: 5xx about this recipient or this content.

    A 5xx to MAIL is about ourselves (our address, our permission): it must not fail every mail that waits.
    """
    return error.permanent and error.verb != "MAIL"


def is_relay_trouble(error: TransportError) -> bool:
    """Whether the next mail would fare the same, so that the sender had better wait."""
    if isinstance(error, RefusedByRelay):
        return error.verb == "MAIL"
    return isinstance(error, NotReached | HandoverUnknown)


def sent(mail: ClaimedMail, now: datetime) -> HandoverOutcome:
    """The relay has the mail."""
    return HandoverOutcome(mail, "sent", now, tried=True)


def released(mail: ClaimedMail, now: datetime) -> HandoverOutcome:
    """The mail was not tried; somebody else may have it at once."""
    return HandoverOutcome(mail, RELEASED, now)


def called_off(mail: ClaimedMail, reason: str, now: datetime) -> HandoverOutcome:
    """The mail would say something untrue by now."""
    return HandoverOutcome(mail, "called_off", now, reason)


def suppressed(mail: ClaimedMail, reason: str, now: datetime) -> HandoverOutcome:
    """The recipient wants no such mail."""
    return HandoverOutcome(mail, "suppressed", now, reason)


def failed(mail: ClaimedMail, reason: str, now: datetime, *, tried: bool = False) -> HandoverOutcome:
    """The mail will never go; ``tried``: the relay was asked."""
    return HandoverOutcome(mail, "failed", now, reason, tried=tried)


def retried(mail: ClaimedMail, reason: str, clock: CheckedClock) -> HandoverOutcome:
    """Try again later, each time after a longer wait, or give up after enough attempts and time."""
    now = clock()
    if _gives_up(mail, mail.attempts + 1, MIN_ATTEMPTS, clock):
        return failed(mail, GAVE_UP + reason, now, tried=True)
    delay_s = delay_before(mail.attempts + 1, base_s=FIRST_DELAY_S, cap_s=MAX_DELAY_S)
    return HandoverOutcome(mail, "deferred", now, reason, now + timedelta(seconds=delay_s), tried=True)


def postponed(mail: ClaimedMail, reason: str, clock: CheckedClock) -> HandoverOutcome:
    """Wait a little for something of our own, which costs no attempt, or give up after enough looks and time."""
    now = clock()
    if _gives_up(mail, mail.fence, MIN_POSTPONEMENTS, clock):
        return failed(mail, GAVE_UP + reason, now)
    return HandoverOutcome(mail, "deferred", now, reason, now + EVENT_DELAY)


def _gives_up(mail: ClaimedMail, tries: int, min_tries: int, clock: CheckedClock) -> bool:
    """Whether a mail is over, by a clock that agrees with the database's; asked only where it would be."""
    if not is_over(mail.created_at, tries, min_tries, clock()):
        return False
    try:
        checked_now = clock.final_now("give-up")
    except Unavailable:
        return False  # the mail waits again, and the next attempt asks again
    return checked_now is not None and is_over(mail.created_at, tries, min_tries, checked_now)
