"""A mail as one row: its id, its states, and what a sender can report about a handover. Pure.

::

    queued ──► claimed ──► sent ──► bounced
      ▲  ▲        ├──► deferred ──► claimed …          retried at ``due_at``
      │  └────────┤                                    released, or the lease expired before DATA
      │           ├──► failed                          refused for good, or given up after 72 hours
      │           └──► unknown                         handed over or not: unknown
      └──────────────────┘ resent once

    queued, deferred, claimed ──► called_off           superseded before it was sent
    queued, deferred, claimed ──► suppressed           the recipient wants no mail
    queued, deferred ──► missed                        a reminder whose time has passed
    called_off ──► queued                              a reminder of a date that is valid again
    failed, missed, unknown ──► queued                 a person has it sent again

A claimed mail has a phase: ``claimed`` until the sender commits the handover, then ``data``. A mail can leave only in
the phase ``data``. So only from there it can become unknown, and it cannot be called off. If the sender of an unknown
mail comes back before another one has claimed the mail, its report still counts.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


def require_transition(state: str, after: str) -> None:
    """Do nothing if a mail in ``state`` may become ``after``.

    Raises:
        DomainError: ``mail-state``: it may not, or one of them is no state at all.
    """
    if after not in _NEXT.get(state, ()):
        raise DomainError("mail-state", f"a mail that is {state} cannot become {after}")


def sources_of(state: str) -> tuple[str, ...]:
    """The states from which a mail may become ``state``, in the order of ``STATES``."""
    return tuple(before for before in STATES if state in _NEXT[before])


STOPPED_REASON = "the bulletin was stopped"


RELEASED = "released"
"""An outcome of its own: the mail was not tried, somebody else may have it at once."""

ERASED = "whom it was for was erased"
"""Why a mail goes no more."""

OUTCOME_STATES = {
    "sent": "sent",
    "deferred": "deferred",
    "failed": "failed",
    "unknown": "unknown",
    RELEASED: "queued",
    "called_off": "called_off",
    "suppressed": "suppressed",
}
"""The state that each outcome of a handover leads to."""

FINAL_OUTCOMES = frozenset({"sent", "failed", "called_off", "suppressed"})
"""Outcomes after which no sender takes the mail up again, unless somebody has it sent again."""


WITHOUT_CONTENT = frozenset({"sent", "bounced", "suppressed", "called_off"})
"""States in which the closed content of a mail is deleted: the mail does not go (again). In all others it may."""


def mail_id_of(kind: str, subject: str, revision: int, recipient: str) -> str:
    """Return the id of a mail; it is the same if the mail is made again, also in a restored database.

    A UUID version 8 (RFC 9562, section 5.8) of a hash. ``recipient`` is a keyed hash of the address, so the id, which
    is part of the Message-ID, cannot be used to guess the address.

    Args:
        kind: of the mail.
        subject: id of what it is about.
        revision: its number among the mails of that kind and subject.
        recipient: reference of its person, 64 hex digits.
    """
    named = "\0".join(("troika mail", kind, subject.lower(), str(revision), recipient))
    value = int.from_bytes(hashlib.sha256(named.encode()).digest()[:16])
    value = value & ~(0xF << 76) | 0x8 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail that something causes.

    Attributes:
        subject: id of the registration, confirmation link or former address that it is addressed by; it goes to whoever
            that belongs to.
        revision: its number among the mails of this kind and subject: the subject's revision, the decision's, the
            event's, the bulletin's number, or the minute of the start or of the request; one mail for each.
        state: ``queued``, or ``called_off`` with a ``reason`` if it came too late to be true.
        cause_at: when what it tells of happened, aware UTC.
        detail: what it says beyond what the book and the copies hold, JSON values.
        due_at: not to go before; None for at once.
        expires_at: from then on it is missed instead of sent; None for never.
        traceparent: W3C trace context of the cause; empty for none, and for mails to many, of which each is a trace.
        closed: what is personal and stands in this mail alone, encrypted and bound to its id: the ``token`` of a
            managing link, or the ``note`` to a proposal; None for a mail without such content.
    """

    id: str
    kind: str
    subject: str
    revision: int
    event: str | None
    lane: str
    state: str
    reason: str | None
    message_id: str
    cause_at: datetime
    created_at: datetime
    correlation_id: str
    detail: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    closed: bytes | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail in a sender's hands until ``lease_until``. ``fence`` tells this claim from every other of the mail.

    ``attempts`` and ``unknowns`` count what came before this claim. ``created_at`` is when the mail was made, or last
    had sent again by somebody: time limits and ``attempts`` count from then.
    """

    id: str
    kind: str
    subject: str
    revision: int
    event: str | None
    message_id: str
    fence: int
    attempts: int
    unknowns: int
    lease_until: datetime
    cause_at: datetime
    created_at: datetime
    correlation_id: str
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class HandoverOutcome:
    """What became of a claimed mail.

    Attributes:
        result: a key of ``OUTCOME_STATES``.
        at: when it was known.
        reason: why it was not sent, without personal data; None if sent.
        due_at: when to try again (deferred) or to resolve it (unknown); None for sent and failed.
        tried: whether the relay was asked, so that the next delay is longer.
    """

    mail: ClaimedMail
    result: str
    at: datetime
    reason: str | None = None
    due_at: datetime | None = None
    tried: bool = False

    def __post_init__(self) -> None:
        """Raises:
        DomainError: ``mail-state``: a mail in a sender's hands cannot end so.
        """
        require_transition("claimed", OUTCOME_STATES.get(self.result, self.result))
