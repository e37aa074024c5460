"""Whether the keys of a process are those that its service's data was made with.

A check value is a truncated HMAC under the key itself: it tells two keys apart and gives nothing of either. What this
module must never do: show, log or store a key.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

CHECK_BYTES = 8
"""Enough to tell any two keys of an installation apart."""

SETTLES_AFTER = timedelta(hours=1)
"""How long a key may be missing in other processes after the first one has introduced it: a rolling restart."""


class KeyRule(StrEnum):
    """What a key is needed for, and so which keys a file must hold."""

    IDENTITY = "identity"
    """Makes references that are compared for ever: the first key is the one that made them."""
    DATA = "data"
    """Closes stored data: every key that still closes some of it must be there."""
    CURRENT = "current"
    """Signs or opens what passes: the newest key must be there, older ones may go."""


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A key that processes of a service hold.

    Attributes:
        name: in lists and commands.
        variable: setting that names its file, or holds it.
        rule: what it is needed for.
        if_wrong: what another key would do, for operators.
    """

    name: str
    variable: str
    rule: KeyRule
    if_wrong: str

    def held(self, keys: Sequence[bytes]) -> "list[HeldKey]":
        """The key as a process holds it, in a list; nothing if this kind of process does not hold it."""
        return [HeldKey(self, keys)] if keys else []


@dataclass(frozen=True, slots=True)
class HeldKey:
    """The keys of one kind that a process holds, newest first."""

    kind: KeyKind
    keys: Sequence[bytes] = field(repr=False)

    @property
    def values(self) -> list[str]:
        """Check values of the keys that matter, newest first."""
        keys = self.keys[:1] if self.kind.rule is KeyRule.IDENTITY else self.keys
        return [check_value(key, self.kind.name) for key in keys]


SIGNING = KeyKind(
    "signing",
    "TROIKA_SIGNING_KEY_FILE",
    KeyRule.CURRENT,
    "Everybody would be signed out of the console, and challenges of other processes would be refused.",
)
NOTIFICATIONS_PUBLIC = KeyKind(
    "notifications-public",
    "TROIKA_NOTIFICATIONS_PUBLIC_KEY",
    KeyRule.CURRENT,
    "Notifications could not open what is sealed to it: nobody would get a mail.",
)
EVENTS_PUBLIC = KeyKind(
    "events-public",
    "TROIKA_EVENTS_PUBLIC_KEY",
    KeyRule.CURRENT,
    "Events could not open what is sealed to it: no proposal would reach the coordinators.",
)
REGISTRATION_PUBLIC = KeyKind(
    "registration-public",
    "TROIKA_REGISTRATION_PUBLIC_KEY",
    KeyRule.CURRENT,
    "Registration could not open what is sealed to it: proposers would not see what was decided.",
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A check value in the database; ``added_at`` by the database's clock."""

    value: str
    added_at: datetime


def check_value(key: bytes, name: str) -> str:
    """16 hex digits that tell ``key`` from others of that name."""
    return hmac.digest(key, f"check value\0{name}".encode(), hashlib.sha256)[:CHECK_BYTES].hex()


def missing_keys(held: HeldKey, known: Sequence[KnownKey], now: datetime) -> list[str]:
    """Check values of the keys that the process should hold and does not; empty if its keys fit.

    Args:
        held: of the process.
        known: of the same name; empty before the first start.
        now: of the database's clock.
    """
    values = set(held.values)
    if not known or (held.kind.rule is not KeyRule.DATA and values & _acceptable(held.kind.rule, known, now)):
        return []
    settled = [one for one in known if one.added_at <= now - SETTLES_AFTER]
    if held.kind.rule is KeyRule.DATA and values & {one.value for one in known}:
        return sorted({one.value for one in settled} - values)
    return [max(settled or known, key=lambda one: (one.added_at, one.value)).value]


def _acceptable(rule: KeyRule, known: Sequence[KnownKey], now: datetime) -> set[str]:
    """Any of these is enough: the newest that has settled, and those that are being introduced."""
    settled = [one for one in known if one.added_at <= now - SETTLES_AFTER]
    if rule is KeyRule.IDENTITY or not settled:
        return {one.value for one in known}
    newest = max(settled, key=lambda one: (one.added_at, one.value))
    return {newest.value} | {one.value for one in known if one not in settled}
