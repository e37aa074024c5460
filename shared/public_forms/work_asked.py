"""How much work a form asks for, and how long a challenge counts. Without the library: workers read this as well."""

from datetime import timedelta
from typing import Literal

Asking = Literal["off", "asked"]
"""Whether a form asks for a proof of work."""

TRIES = 1000
"""How many tries a challenge takes at most while nothing is going on, half of them on average: 0.1 s on a desktop with
one worker (measured: 5,000 tries a second), a second or two on a slow phone."""
MOST_DOUBLINGS = 3
CALM = 60
"""So many solved challenges of one form in ``RUSH_WINDOW`` double the work; each doubling of them doubles it again."""
RUSH_WINDOW = timedelta(minutes=1)
MOST_COUNTED = CALM * 2 ** (MOST_DOUBLINGS - 1)
"""More need not be counted: the work does not rise any further."""

LIFETIME = timedelta(minutes=10)
KEPT = 2 * LIFETIME
"""How long it is remembered that a challenge was used: past its end, and past every wait of a request."""


def tries_at(solved_lately: int) -> int:
    """The work of a new challenge, after so many were solved in the last ``RUSH_WINDOW``: at most this many tries."""
    doublings = min((solved_lately // CALM).bit_length(), MOST_DOUBLINGS)
    return TRIES * int(2**doublings)
