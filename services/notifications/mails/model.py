"""A mail as one row: its id, its states, and what a sender can report about a handover. Pure.

::

    queued ──► claimed ──► sent ──► bounced
      ▲  ▲        ├──► deferred ──► claimed …          retried at ``due_at``
      │  └────────┤                                    released, or the lease expired before DATA
      │           ├──► failed                          refused for good, or given up after 72 hours
      │           └──► unknown                         handed over or not: unknown
      └──────────────────┘ resent once

    queued, deferred, claimed ──► cancelled           superseded before it was sent
    queued, deferred, claimed ──► suppressed           the recipient wants no mail
    queued, deferred ──► missed                        a reminder whose time has passed
    cancelled ──► queued                              a reminder of a date that is valid again
    failed, missed, unknown ──► queued                 a person has it sent again

A claimed mail has a phase: ``claimed`` until the sender commits the handover, then ``data``. A mail can leave only in
the phase ``data``. So only from there it can become unknown, and it cannot be cancelled. If the sender of an unknown
mail comes back before another one has claimed the mail, its report still counts.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.runtime.errors import DomainError

_NEXT: dict[str, frozenset[str]] = {
    "queued": frozenset({"claimed", "cancelled", "suppressed", "missed"}),
    "claimed": frozenset({"queued", "sent", "deferred", "failed", "unknown", "cancelled", "suppressed"}),
    "deferred": frozenset({"claimed", "cancelled", "suppressed", "missed"}),
    "unknown": frozenset({"queued", "sent", "deferred", "failed"}),
    "sent": frozenset({"bounced"}),
    "failed": frozenset({"queued"}),
    "suppressed": frozenset(),
    "cancelled": frozenset({"queued"}),
    "missed": frozenset({"queued"}),
    "bounced": frozenset(),
}

STATES: tuple[str, ...] = tuple(_NEXT)
PHASES = ("claimed", "data")


def require_transition(state: str, after: str) -> None:
    """Do nothing if a mail in ``state`` can become ``after``.

    Raises:
        DomainError: ``mail-state``: it cannot, or one of them is not a state.
    """
    if after not in _NEXT.get(state, ()):
        raise DomainError("mail-state", f"a mail that is {state} cannot become {after}")


def sources_of(state: str) -> tuple[str, ...]:
    """Return the states from which a mail can become ``state``, in the order of ``STATES``."""
    return tuple(before for before in STATES if state in _NEXT[before])


STOPPED_REASON = "the bulletin was stopped"


RELEASED = "released"
"""An outcome: the mail was not tried, another sender can claim it at once."""

ERASED = "the recipient was erased"
"""Why a mail is no longer sent."""

OUTCOME_STATES = {
    "sent": "sent",
    "deferred": "deferred",
    "failed": "failed",
    "unknown": "unknown",
    RELEASED: "queued",
    "cancelled": "cancelled",
    "suppressed": "suppressed",
}
"""The state after each outcome of a handover."""

FINAL_OUTCOMES = frozenset({"sent", "failed", "cancelled", "suppressed"})
"""Outcomes after which no sender claims the mail, unless a person has it sent again."""


WITHOUT_CONTENT = frozenset({"sent", "bounced", "suppressed", "cancelled"})
"""States in which the encrypted content of a mail is deleted: the mail is not sent (again). In all others it may be."""


def mail_id_of(kind: str, subject: str, revision: int, recipient: str) -> str:
    """Return the id of a mail. It is the same if the mail is created again, also in a restored database.

    A UUID version 8 (RFC 9562, section 5.8) of a hash. ``recipient`` is a keyed hash of the address, so the id, which
    is part of the Message-ID, cannot be used to guess the address.

    Args:
        kind: the kind of the mail.
        subject: id of its subject.
        revision: its number among the mails of that kind and subject.
        recipient: reference of its person, 64 hex digits.
    """
    named = "\0".join(("troika mail", kind, subject.lower(), str(revision), recipient))
    value = int.from_bytes(hashlib.sha256(named.encode()).digest()[:16])
    value = value & ~(0xF << 76) | 0x8 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


@dataclass(frozen=True, slots=True)
class NewMail:
    """A new mail.

    Attributes:
        subject: id of the registration, confirmation link or former address to which it is addressed.
        revision: its number among the mails of this kind and subject: the revision of the subject, the decision or the
            event, the number of the bulletin, or the minute of the start or the request; one mail for each.
        state: ``queued``, or ``cancelled`` with a ``reason`` if it is outdated already.
        cause_at: time of its cause, aware UTC.
        detail: content beyond the recipient and the copies, JSON values.
        due_at: earliest time; None for at once.
        expires_at: the instant from which it is missed instead of sent; None for never.
        traceparent: W3C trace context of the cause; empty without one, and for announcements, whose mails are traces
            each.
        closed: personal content of this mail only, encrypted and bound to its id: the ``token`` of a managing link, or
            the ``note`` to a proposal; None without any.
    """

    id: str
    kind: str
    subject: str
    revision: int
    event: str | None
    message_id: str
    cause_at: datetime
    created_at: datetime
    correlation_id: str
    state: str = "queued"
    reason: str | None = None
    detail: Mapping[str, Any] | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    closed: bytes | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that a sender has claimed until ``lease_until``. ``fence`` distinguishes the claims of a mail.

    ``attempts`` and ``unknowns`` count before this claim. ``created_at`` is when the mail was created or last sent
    again by a person: time limits and ``attempts`` count from then.
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
    """The outcome of a claimed mail.

    Attributes:
        result: a key of ``OUTCOME_STATES``.
        at: time of the outcome.
        reason: why it was not sent, without personal data; None if it was.
        due_at: when it is retried (deferred) or resolved (unknown); None for sent and failed.
        tried: whether the relay was asked, so that the backoff grows (``sending/outcomes.py``).
        refused: whether it was permanently refused for its recipient, so that no later attempt can succeed either.
    """

    mail: ClaimedMail
    result: str
    at: datetime
    reason: str | None = None
    due_at: datetime | None = None
    tried: bool = False
    refused: bool = False

    def __post_init__(self) -> None:
        """Raises:
        DomainError: ``mail-state``: a claimed mail cannot end so.
        """
        require_transition("claimed", OUTCOME_STATES.get(self.result, self.result))
