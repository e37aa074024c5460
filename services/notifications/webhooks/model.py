"""Webhook retry: backoff, giving up, switching a webhook off; and which events are sent. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifications.mails.kinds import RECEIVED

CONFIRMED, CANCELLED = "registration.confirmed", "registration.cancelled"
TYPE_OF_KIND = {"confirmation": CONFIRMED, RECEIVED: CONFIRMED, "promotion": CONFIRMED, "cancelled-by-you": CANCELLED}
"""Webhook type by the kind of the mail that the same message causes. Other messages make no delivery."""

QUEUED, DELIVERED, FAILED = "queued", "delivered", "failed"
"""States that a call ends in; a delivery is also ``claimed`` or ``cancelled``."""

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DELAYS = (timedelta(seconds=5), 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Backoff after each failed call, as Standard Webhooks recommends; given up after the last one, after three days."""

OFF_AFTER = timedelta(days=5)
"""A webhook is switched off after every call has failed for this long."""

OVERLAP = timedelta(hours=24)
"""How long the previous secret signs as well, so that a receiver can change secrets without a loss."""

GONE, DEAD, BY_HAND = "gone", "failing", "by hand"
"""Why a webhook was switched off: by its answer 410, because it failed for ``OFF_AFTER``, or by a coordinator."""

ACCEPTED, GONE_STATUS = range(200, 300), 410


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of a call: the status of the ``answer``, or why there was none (``fault``, a constant)."""

    answer: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """Attributes:
    state: the state of the delivery.
    due_at: time of the next call; None for none.
    reason: shown to coordinators; empty if delivered.
    off: why the webhook is switched off; empty if it is not.
    """

    state: str
    due_at: datetime | None
    reason: str
    off: str = ""

    @property
    def is_by_time(self) -> bool:
        """Whether it is given up because of time, not because of the answer."""
        return self.state == FAILED and self.off != GONE


def outcome_of_call(
    called: CallResult, attempts: int, failing_since: datetime | None, now: datetime, spread: float
) -> DeliveryOutcome:
    """Return the outcome of a delivery after a call.

    Args:
        called: result of the call.
        attempts: calls including this one, from 1.
        failing_since: the time since which every call to this webhook has failed; None if the last one succeeded.
        now: the time.
        spread: jitter from 0.9 to 1.1.
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
    """Return another retry after the longest delay, instead of giving up, while the clock may be wrong."""
    return DeliveryOutcome(QUEUED, now + DELAYS[-1], after.reason)
