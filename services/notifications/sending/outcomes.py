"""What a handover's outcome means for the mail: retry with backoff, give up, unknown.

Reasons are shown to people: they contain no address and no reply of the relay.
"""

from datetime import datetime, timedelta

from services.notifications.mails.kinds import KINDS
from services.notifications.mails.model import RELEASED, ClaimedMail, HandoverOutcome
from services.notifications.sending.smtp import HandoverUnknown, NotReached, RefusedByRelay, TransportError
from shared.db.readiness import CheckedClock
from shared.runtime.errors import Unavailable
from shared.runtime.runner import delay_before

FIRST_DELAY_S = 30.0
MAX_DELAY_S = 4 * 3600.0
"""Bounds of the backoff after a failed handover: exponential, with jitter."""

GIVE_UP_AFTER = timedelta(hours=72)
"""Longer than a weekend. RFC 5321 (4.5.4.1) asks an MTA for four to five days; the relay behind us is one."""

MIN_ATTEMPTS = 10
"""A mail is given up only after this number of attempts as well, the last one included. With the delays these take
about four hours, so neither a wrong clock nor a sender that was down for three days is enough to give up a mail."""

MIN_POSTPONEMENTS = 720
"""The same for waiting for a message from another service: one hour, at ``EVENT_DELAY`` intervals."""

EVENT_DELAY = timedelta(seconds=5)
"""Delay while the message about the event has not arrived: it uses another queue."""

RESENT, LEFT_UNKNOWN, GIVEN_UP = "resent", "left", "given_up"


def is_over(created_at: datetime, tries: int, min_tries: int, now: datetime) -> bool:
    """Whether a mail is given up instead of retried: after a number of tries *and* a time.

    Args:
        created_at: the time when the mail's row was created.
        tries: including the current one.
        min_tries: ``MIN_ATTEMPTS`` or ``MIN_POSTPONEMENTS``.
        now: a checked time.
    """
    return tries >= min_tries and now - created_at >= GIVE_UP_AFTER


def resolve_unknown(kind: str, unknowns: int, *, outdated: bool) -> str:
    """Return what happens to a mail with an unknown outcome.

    Args:
        kind: the kind of the mail.
        unknowns: number of handovers with an unknown outcome, including this one.
        outdated: whether the mail is outdated.

    Returns:
        ``RESENT`` once, with the same Message-ID; ``LEFT_UNKNOWN`` the second time, so that a person decides;
        ``GIVEN_UP`` if a second copy is useless or a nuisance.
    """
    if outdated or not KINDS[kind].resent:
        return GIVEN_UP
    return RESENT if unknowns == 1 else LEFT_UNKNOWN


GAVE_UP = "given up after 72 hours: "
NO_ANSWER = "the relay gave no answer to the final dot"
NOT_REACHED = "the relay was not reached"


def outcome_of_error(
    mail: ClaimedMail, error: TransportError, clock: CheckedClock, unknown_after: timedelta
) -> HandoverOutcome:
    """Return the outcome of a handover that ended with ``error``.

    Args:
        mail: the mail that the sender has claimed.
        error: the error that the transport raised.
        clock: the process's clock, compared with the database's.
        unknown_after: how long an unknown outcome waits before it is resolved.
    """
    now = clock()
    if isinstance(error, HandoverUnknown):
        return HandoverOutcome(mail, "unknown", now, NO_ANSWER, now + unknown_after, tried=True)
    if not isinstance(error, RefusedByRelay):
        return retried(mail, NOT_REACHED, clock)
    reason = f"the relay answered {error.code} to {error.verb}"
    if is_final(error):
        return failed(mail, reason, now, tried=True, refused=error.verb == "RCPT")
    return retried(mail, reason, clock)


def is_final(error: RefusedByRelay) -> bool:
    """Whether no retry can succeed: 5xx for this recipient or this content.

    A 5xx to MAIL is about the sender address or its permission: it must not fail all waiting mails.
    """
    return error.permanent and error.verb != "MAIL"


def is_relay_trouble(error: TransportError) -> bool:
    """Whether the next mail would fail as well, so that the sender waits."""
    if isinstance(error, RefusedByRelay):
        return error.verb == "MAIL"
    return isinstance(error, NotReached | HandoverUnknown)


def sent(mail: ClaimedMail, now: datetime) -> HandoverOutcome:
    """The relay has the mail."""
    return HandoverOutcome(mail, "sent", now, tried=True)


def released(mail: ClaimedMail, now: datetime) -> HandoverOutcome:
    """The mail was not tried; another sender can claim it at once."""
    return HandoverOutcome(mail, RELEASED, now)


def cancelled(mail: ClaimedMail, reason: str, now: datetime) -> HandoverOutcome:
    """The mail is outdated."""
    return HandoverOutcome(mail, "cancelled", now, reason)


def suppressed(mail: ClaimedMail, reason: str, now: datetime) -> HandoverOutcome:
    """The recipient has unsubscribed from such mails."""
    return HandoverOutcome(mail, "suppressed", now, reason)


def failed(
    mail: ClaimedMail, reason: str, now: datetime, *, tried: bool = False, refused: bool = False
) -> HandoverOutcome:
    """The mail is not retried; ``tried``: the relay was asked, ``refused``: it permanently refused the recipient."""
    return HandoverOutcome(mail, "failed", now, reason, tried=tried, refused=refused)


def retried(mail: ClaimedMail, reason: str, clock: CheckedClock) -> HandoverOutcome:
    """Retry with backoff, or give up after enough attempts and time."""
    now = clock()
    if _gives_up(mail, mail.attempts + 1, MIN_ATTEMPTS, clock):
        return failed(mail, GAVE_UP + reason, now, tried=True)
    delay_s = delay_before(mail.attempts + 1, base_s=FIRST_DELAY_S, cap_s=MAX_DELAY_S)
    return HandoverOutcome(mail, "deferred", now, reason, now + timedelta(seconds=delay_s), tried=True)


def postponed(mail: ClaimedMail, reason: str, clock: CheckedClock) -> HandoverOutcome:
    """Wait for a message from another service, which costs no attempt, or give up after enough tries and time."""
    now = clock()
    if _gives_up(mail, mail.fence, MIN_POSTPONEMENTS, clock):
        return failed(mail, GAVE_UP + reason, now)
    return HandoverOutcome(mail, "deferred", now, reason, now + EVENT_DELAY)


def held_back(mail: ClaimedMail, reason: str, clock: CheckedClock) -> HandoverOutcome:
    """Wait until coordinators act, which costs no attempt, or give up after enough tries and time.

    It may take days, and may concern many mails: the delays grow, and what ends the wait makes the mail due.
    """
    now = clock()
    if _gives_up(mail, mail.fence, MIN_ATTEMPTS, clock):
        return failed(mail, GAVE_UP + reason, now)
    delay_s = delay_before(mail.fence, base_s=FIRST_DELAY_S, cap_s=MAX_DELAY_S)
    return HandoverOutcome(mail, "deferred", now, reason, now + timedelta(seconds=delay_s))


def _gives_up(mail: ClaimedMail, tries: int, min_tries: int, clock: CheckedClock) -> bool:
    """Whether a mail is over, by a checked clock; the database is queried only if it seems to be over."""
    if not is_over(mail.created_at, tries, min_tries, clock()):
        return False
    try:
        checked_now = clock.final_now("give-up")
    except Unavailable:
        return False  # the next attempt asks again
    return checked_now is not None and is_over(mail.created_at, tries, min_tries, checked_now)
