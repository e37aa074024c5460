"""How often an address may be written to by anybody's word: nobody asked for what a form in other hands causes.

These are the mails that go to whoever was typed into a form, before they have ever said a word to us.
"""

from dataclasses import dataclass
from datetime import timedelta

ASKING = frozenset({"verification", "verification-again", "proposal-verification"})
"""Ask to confirm an address."""

UNASKED = ASKING | {"attempt-repeated", "proposal-received"}
WITHIN = timedelta(days=1)
MOST = 3
"""Of all of them together, over all forms."""

MOST_ASKING = 1
"""Of those that ask, on one form."""

ENOUGH = "as many as anybody may cause for this address today"


@dataclass(frozen=True, slots=True)
class Unasked:
    """A mail that its recipient may not have asked for.

    Attributes:
        address_ref: keyed hash of the address, whoever typed it wherever.
        form: by which it was caused.
        asks: whether it asks to confirm the address.
    """

    address_ref: bytes
    form: str
    asks: bool
