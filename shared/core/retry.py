"""How long to wait before trying again."""

import random


def delay_before(attempt: int, *, base_s: float = 5.0, cap_s: float = 900.0) -> float:
    """Seconds to wait before redelivery number ``attempt`` (full jitter, so a burst spreads out).

    Args:
        attempt: 1 for the first redelivery.
        base_s: first delay, seconds.
        cap_s: longest delay, seconds.

    Returns:
        seconds in [0, cap_s].

    Raises:
        ValueError: attempt is below 1.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    return random.uniform(0, min(cap_s, base_s * 2.0 ** min(attempt - 1, 32)))  # noqa: S311 - spreads load, guards nothing
