"""Partners' webhooks: which events are sent, when a delivery is retried, and when a webhook is switched off. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifications.mails.kinds import RECEIVED

CONFIRMED, CANCELLED = "registration.confirmed", "registration.cancelled"
TYPE_OF_KIND = {"confirmation": CONFIRMED, RECEIVED: CONFIRMED, "promotion": CONFIRMED, "cancelled-by-you": CANCELLED}
"""What partners are told, by the kind of the mail that the same message causes. All else is no affair of theirs."""

QUEUED, CLAIMED, DELIVERED, FAILED, CALLED_OFF = "queued", "claimed", "delivered", "failed", "called_off"
PENDING = (QUEUED, CLAIMED)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DELAYS = (timedelta(seconds=5), 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Waits after each call that failed, as Standard Webhooks recommends; after the last one it is given up: three days."""

OFF_AFTER = timedelta(days=5)
"""An address at which every call has failed for so long is called no more."""

OVERLAP = timedelta(hours=24)
"""How long the secret before the newest one signs too, so that a receiver can change without losing anything."""

GONE, DEAD, BY_HAND = "gone", "failing", "by hand"
"""Why an address is called no more: it said so (410), it never worked for ``OFF_AFTER``, a coordinator said so."""

ACCEPTED, GONE_STATUS = range(200, 300), 410


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of a call: the ``answer``'s status, or why there was none (``fault``, a constant)."""

    answer: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """Attributes:
    state: of the delivery from now on.
    due_at: when it is called again; None if never.
    reason: for whoever looks; empty once it is delivered.
    off: why the address is called no more; empty if it is.
    """

    state: str
    due_at: datetime | None
    reason: str
    off: str = ""

    @property
    def is_by_time(self) -> bool:
        """Whether it is given up because it has taken too long, and not because the receiver said so."""
        return self.state == FAILED and self.off != GONE


def outcome_of_call(
    called: CallResult, attempts: int, failing_since: datetime | None, now: datetime, spread: float
) -> DeliveryOutcome:
    """What becomes of a delivery after a call.

    Args:
        called: what came of it.
        attempts: calls so far, this one included; from 1.
        failing_since: since when every call to this address has failed; None if the last one did not.
        now: the time.
        spread: from 0.9 to 1.1, so that a burst does not come again as one.
    """
    if called.answer is not None and called.answer in ACCEPTED:
        return DeliveryOutcome(DELIVERED, None, "")
    reason = called.fault or f"answered {called.answer}"
    if called.answer == GONE_STATUS:
        return DeliveryOutcome(FAILED, None, reason, GONE)
    if failing_since is not None and now - failing_since >= OFF_AFTER:
        return DeliveryOutcome(FAILED, None, reason, DEAD)
    if attempts > len(DELAYS):
        return DeliveryOutcome(FAILED, None, reason)
    return DeliveryOutcome(QUEUED, now + DELAYS[attempts - 1] * spread, reason)


def postponed(after: DeliveryOutcome, now: datetime) -> DeliveryOutcome:
    """In place of giving up, where the clock is not to be believed: once more after the longest wait."""
    return DeliveryOutcome(QUEUED, now + DELAYS[-1], after.reason)
