"""What people are compared by, and which answers are part of a registration itself."""

from dataclasses import dataclass
from typing import Any

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


def clear_answers(*sources: Any) -> dict[str, Any]:
    """Return all clear answers of a person, by the name of the question.

    Args:
        sources: that have them as attributes, the first of them also those to a form's further questions.
    """
    given = {name: getattr(source, name) for source in sources for name in COLUMNS & set(source.__slots__)}
    given["representative"] = given["representative"] if given["working_group"] else None
    given.pop("consent", None)
    return {name: value for name, value in (given | dict(sources[0].answers)).items() if value is not None}
