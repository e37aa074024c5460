"""Keys: key files, and check values that show whether a process has the keys of its service's data.

A check value is a truncated HMAC under the key itself: it distinguishes two keys and reveals nothing of either. A
process compares its keys with the database's check values before it uses them. Must never show, log or store a key.
Reading a key file imports no cryptography: every process reads its settings, but few decrypt.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, text

from shared.db.readiness import DatabaseTime, read_database_time
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.metrics import key_wrong
from shared.security.audit_log import AuditRecord, add_audit_record

KEY_BYTES = 32


def read_keys(path: Path) -> list[bytes]:
    """The keys of a key file, newest first: one line of 64 hex digits each.

    Raises:
        ValueError: empty, or a line is not 64 hex digits (the line's number is named, never its content).
    """
    keys: list[bytes] = []
    for number, line in enumerate(path.read_text().split(), start=1):
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(f"line {number} of the key file is not 64 hex digits")
        keys.append(key)
    if not keys:
        raise ValueError("the key file holds no key")
    return keys


def new_key() -> bytes:
    """32 random bytes."""
    return os.urandom(KEY_BYTES)


CHECK_BYTES = 8
"""Enough to distinguish any two keys of an installation."""

SETTLES_AFTER = timedelta(hours=1)
"""How long a key may be missing in other processes after the first one has introduced it: a rolling restart."""


class KeyRule(StrEnum):
    """What a key is needed for, and so which keys a file must hold."""

    IDENTITY = "identity"
    """Derives references that are compared permanently: the first key is the one that made them."""
    DATA = "data"
    """Closes stored data: every key that still closes some of it must be there."""
    CURRENT = "current"
    """Signs or opens what passes: the newest key must exist, older ones may be removed."""


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A key that processes of a service hold.

    Attributes:
        name: the name in lists and commands.
        variable: setting that names its file, or holds it.
        about: what it does, in a phrase.
        rule: what it is needed for.
        if_wrong: what another key would do, for operators.
    """

    name: str
    variable: str
    about: str
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
    "signs the console's cookie",
    KeyRule.CURRENT,
    "All would be signed out of the console, and challenges of other processes would be refused.",
)
SIGNING_PUBLIC = KeyKind(
    "signing-public",
    "TROIKA_SIGNING_PUBLIC_KEY",
    "verifies the console's cookie",
    KeyRule.CURRENT,
    "All would be signed out of this service's console.",
)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A check value in the database; ``added_at`` by the database's clock."""

    value: str
    added_at: datetime


def check_value(key: bytes, name: str) -> str:
    """16 hex digits that distinguish ``key`` from others of that name."""
    return hmac.digest(key, f"check value\0{name}".encode(), hashlib.sha256)[:CHECK_BYTES].hex()


def missing_keys(held: HeldKey, known: Sequence[KnownKey], now: datetime) -> list[str]:
    """Check values of the keys that the process should hold but does not; empty if its keys fit.

    Args:
        held: the keys of the process.
        known: the check values of the same name in the database; empty before the first start.
        now: the current time by the database's clock.
    """
    values = set(held.values)
    if not known or (held.kind.rule is not KeyRule.DATA and values & _acceptable(held.kind.rule, known, now)):
        return []
    settled = [key for key in known if key.added_at <= now - SETTLES_AFTER]
    if held.kind.rule is KeyRule.DATA and values & {key.value for key in known}:
        return sorted({key.value for key in settled} - values)
    return [max(settled or known, key=lambda one: (one.added_at, one.value)).value]


def _acceptable(rule: KeyRule, known: Sequence[KnownKey], now: datetime) -> set[str]:
    """Any of these is enough: the newest that has settled, and those that are being introduced."""
    settled = [key for key in known if key.added_at <= now - SETTLES_AFTER]
    if rule is KeyRule.IDENTITY or not settled:
        return {key.value for key in known}
    newest = max(settled, key=lambda one: (one.added_at, one.value))
    return {newest.value} | {key.value for key in known if key not in settled}


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('key checks'), 0)")
"""Of two numbers, the only lock of that kind: public processes may take it, and no lock of one number."""
_KNOWN = text("""
    SELECT name, value, added_at FROM key_check WHERE name = ANY(:names) ORDER BY name, added_at DESC, value
""")
_ADD = text("""
    INSERT INTO key_check (name, value, added_at) VALUES (:name, :value, :now) ON CONFLICT (name, value) DO NOTHING
""")
_RENEW = text("""
    INSERT INTO key_check (name, value, added_at) VALUES (:name, :value, :now)
    ON CONFLICT (name, value) DO UPDATE SET added_at = excluded.added_at
""")
_KEEP = text("DELETE FROM key_check WHERE name = :name AND NOT value = ANY(:values)")


@dataclass(frozen=True, slots=True)
class KeyChecks:
    """The checks of one process.

    Attributes:
        work: the unit of work on the service's database.
        held: keys of the process.
        service: named in the instructions to operators.
        database_time: reads the database server's time.
    """

    work: UnitOfWork
    held: Sequence[HeldKey] = field(repr=False)
    service: str
    database_time: DatabaseTime = read_database_time

    def faults(self) -> dict[str, str]:
        """Why the process must not work, by name of the key; introduces keys that are new beside known ones.

        Raises:
            Unavailable: the database is down, so nothing is known of the keys.
        """
        if not self.held:
            return {}
        with self.work.transaction() as connection:
            now = self.database_time(connection)
            known = known_keys(connection, [held.kind.name for held in self.held])
            if all(set(held.values) <= {key.value for key in known[held.kind.name]} for held in self.held):
                return self._faults(known, now)
        return self._introduce()

    def problem(self) -> str:
        """The same as one text, for a probe; empty if all keys fit."""
        return "\n".join(self.faults().values())

    def _introduce(self) -> dict[str, str]:
        """Compare again, under the lock, and store new keys.

        If two first processes have different keys, one of them does not fit.
        """
        with self.work.transaction() as connection:
            connection.execute(_LOCK)
            now = self.database_time(connection)
            known = known_keys(connection, [held.kind.name for held in self.held])
            faults = self._faults(known, now)
            if not faults:
                for held in self.held:
                    add_keys(connection, held, now)
        return faults

    def _faults(self, known: dict[str, list[KnownKey]], now: datetime) -> dict[str, str]:
        found = {}
        for held in self.held:
            missing = missing_keys(held, known[held.kind.name], now)
            key_wrong.labels(self.service, held.kind.name).set(bool(missing))
            if missing:
                found[held.kind.name] = self._fault(held, missing)
        return found

    def _fault(self, held: HeldKey, missing: Sequence[str]) -> str:
        kind = held.kind
        return (
            f"key {kind.name} ({kind.variable}): it is not the key of this database, which needs "
            f"{', '.join(missing)} and got {', '.join(held.values)}. {kind.if_wrong} Put the right key back; only if "
            f"it was replaced on purpose, run: python -m services.{self.service} key-checks accept {kind.name}"
        )


def known_keys(connection: Connection, names: Sequence[str]) -> dict[str, list[KnownKey]]:
    """The check values of keys by their names, newest first; an empty list for a key that was never introduced."""
    found: dict[str, list[KnownKey]] = {name: [] for name in names}
    for name, value, added_at in connection.execute(_KNOWN, {"names": list(names)}):
        found[name].append(KnownKey(value, added_at))
    return found


def add_keys(connection: Connection, held: HeldKey, now: datetime) -> None:
    """Introduce keys that are not known yet."""
    connection.execute(_ADD, _rows(held, now))


def accept_keys(connection: Connection, held: HeldKey, now: datetime, who: str) -> None:
    """Make the keys of ``held`` the known ones, in place of those known before, and note it in the audit log.

    Where a key only has to be current, the older ones stay known for a while, so that processes can be restarted one
    after the other.

    Args:
        connection: the connection of the caller's transaction.
        held: the keys that were put in place on purpose.
        now: the current time by the database's clock.
        who: the operator, for the audit log.
    """
    connection.execute(_LOCK)
    name = held.kind.name
    before = [key.value for key in known_keys(connection, [name])[name]]
    if set(before) == set(held.values):
        return
    if held.kind.rule is not KeyRule.CURRENT:
        connection.execute(_KEEP, {"name": held.kind.name, "values": held.values})
    connection.execute(_RENEW, _rows(held, now))
    detail = {"before": sorted(before), "after": held.values}
    add_audit_record(connection, AuditRecord(who, "key-accepted", "key", held.kind.name, detail), now)


def retire_older(connection: Connection, held: HeldKey, now: datetime) -> None:
    """Stored data needs only the newest key of ``held``: the others may be removed from the files."""
    newest = held.values[:1]
    connection.execute(_LOCK)
    connection.execute(_ADD, {"name": held.kind.name, "value": newest[0], "now": now})
    connection.execute(_KEEP, {"name": held.kind.name, "values": newest})


def _rows(held: HeldKey, now: datetime) -> list[dict[str, object]]:
    """The first key of a file is the newest: a microsecond orders them."""
    timestamps = (now - timedelta(microseconds=place) for place in range(len(held.values)))
    return [
        {"name": held.kind.name, "value": value, "now": at} for value, at in zip(held.values, timestamps, strict=True)
    ]
