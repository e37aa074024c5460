"""The kinds of mail: which message causes which, in which lane it goes, and what it says of its registration."""

from dataclasses import dataclass

LANES = ("transactional", "reminder", "bulletin")
"""Most urgent first. The lane follows from the kind and from nothing else."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Attributes:
    name: as in tables and messages.
    lane: one of ``LANES``.
    true_while: statuses of the registration under which its words are true.
    resent: whether a second copy goes out when nobody knows if the first one did.
    """

    name: str
    lane: str
    true_while: frozenset[str]
    resent: bool


def _transactional(name: str, *true_while: str) -> Kind:
    """People wait for these and can live with a second copy, which mail programs fold by Message-ID anyway."""
    return Kind(name, "transactional", frozenset(true_while), resent=True)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _transactional("confirmation", "confirmed"),
        _transactional("waiting-list", "waitlisted"),
        _transactional("promotion", "confirmed"),
        _transactional("cancelled-by-you", "cancelled"),
        _transactional("attempt-repeated", "confirmed", "waitlisted"),
    )
}

KIND_OF_MESSAGE = {
    "registration.confirmed.v1": "confirmation",
    "registration.waitlisted.v1": "waiting-list",
    "registration.promoted.v1": "promotion",
    "registration.cancelled.v1": "cancelled-by-you",
    "registration.attempt-repeated.v1": "attempt-repeated",
}
"""By routing key. An ``attempt-repeated`` only borrows the registration's state: it changes and supersedes nothing."""
