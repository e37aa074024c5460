"""The states of a mail and the ways between them.

::

    queued ──► claimed ──► sent ──► bounced
      ▲  ▲        ├──► deferred ──► claimed …          try again at ``due_at``
      │  └────────┤                                    given back, or its lease ran out before DATA
      │           ├──► failed                          the relay said never, or 72 hours are over
      │           └──► unknown                         handed over or not? nobody knows
      └──────────────────┘ resent once

    queued, deferred, claimed ──► called_off           superseded before it went
    queued, deferred, claimed ──► suppressed           the recipient wants no mail
    queued, deferred ──► missed                        a reminder whose time has passed
    called_off ──► queued                              a reminder of a date that is valid again
    failed, missed, unknown ──► queued                 somebody has it sent again

A claimed mail has a phase: ``claimed`` until the sender commits that it hands over, then ``data``. Only in the phase
``data`` may a mail have left, so only from there can it become unknown, and never be called off. An unknown mail still
becomes what its own sender says of it, should that sender come back before anybody else has claimed the mail.
"""

from shared.core.errors import DomainError

_NEXT: dict[str, frozenset[str]] = {
    "queued": frozenset({"claimed", "called_off", "suppressed", "missed"}),
    "claimed": frozenset({"queued", "sent", "deferred", "failed", "unknown", "called_off", "suppressed"}),
    "deferred": frozenset({"claimed", "called_off", "suppressed", "missed"}),
    "unknown": frozenset({"queued", "sent", "deferred", "failed"}),
    "sent": frozenset({"bounced"}),
    "failed": frozenset({"queued"}),
    "suppressed": frozenset(),
    "called_off": frozenset({"queued"}),
    "missed": frozenset({"queued"}),
    "bounced": frozenset(),
}

STATES: tuple[str, ...] = tuple(_NEXT)
PHASES = ("claimed", "data")


def require_way(state: str, after: str) -> None:
    """Do nothing if a mail in ``state`` may become ``after``.

    Raises:
        DomainError: ``mail-state``: it may not, or one of them is no state at all.
    """
    if after not in _NEXT.get(state, ()):
        raise DomainError("mail-state", f"a mail that is {state} cannot become {after}")


def sources_of(state: str) -> tuple[str, ...]:
    """The states from which a mail may become ``state``, in the order of ``STATES``."""
    return tuple(before for before in STATES if state in _NEXT[before])
