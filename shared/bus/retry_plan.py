"""When a message that could not be handled comes back, and when it stops coming back."""

from dataclasses import dataclass

from shared.bus.names import RETRY_TIERS

_TIERS_BY_ATTEMPT = ("10s", "10s", "1m", "1m", "10m", "10m", "10m", "10m")


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """The tiers a message passes through.

    Attributes:
        tiers: name of the tier after attempt 1, 2, …; after the last one the message is parked.
        tries_of_a_bug: attempts granted to a message whose handler fails in an unforeseen way.
        delays_s: longest stay in each tier, seconds (tests shorten it; the tier's own limit stays the upper bound).
    """

    tiers: tuple[str, ...] = _TIERS_BY_ATTEMPT
    tries_of_a_bug: int = 3
    delays_s: tuple[tuple[str, float], ...] = tuple(RETRY_TIERS.items())

    def tier_after(self, attempt: int, wish_s: float, *, bug: bool) -> str | None:
        """The tier after failed ``attempt`` (counted from 1) for a handler that wishes ``wish_s``; None: park it."""
        if attempt > len(self.tiers) or (bug and attempt >= self.tries_of_a_bug):
            return None
        planned = self.tiers[attempt - 1]
        long_enough = [tier for tier, delay in RETRY_TIERS.items() if delay >= min(wish_s, RETRY_TIERS["10m"])]
        return max(planned, long_enough[0], key=lambda tier: RETRY_TIERS[tier])

    def delay_s(self, tier: str) -> float:
        """Seconds a message stays in ``tier``."""
        return dict(self.delays_s)[tier]
