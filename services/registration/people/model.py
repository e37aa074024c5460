"""What people are compared by, and which answers are part of a registration itself."""

from dataclasses import dataclass

COLUMNS = frozenset(
    {"name", "email", "organisation", "working_group", "representative", "country", "time_zone", "language", "consent"}
)
"""Fields of a form whose answers are part of a registration itself; all others are kept together."""


@dataclass(frozen=True, slots=True)
class AddressRefs:
    """A mail address as it is compared: keyed hashes, 32 bytes each.

    Attributes:
        ref: of the address, folded.
        mailbox: of the canonical mailbox: without ``+tag``, without dots where the provider ignores them.
        domain: of the domain; empty for a listed mail provider, which has no quota of its own.
    """

    ref: bytes
    mailbox: bytes
    domain: bytes
