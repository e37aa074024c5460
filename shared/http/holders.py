"""Holders of keys: the access file, with the hash of each key, so that the file itself gives no access.

It is read again when it changes, so a key can be withdrawn without a restart.
"""

import json
import re
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from shared.messaging.contracts.payloads import ROLES
from shared.messaging.contracts.schemas import SLUG
from shared.runtime.clock import parse_rfc3339, system_clock
from shared.runtime.errors import SettingsError
from shared.runtime.ids import token_hash

MAX_HOLDER_NAME_LENGTH = 200
HOLDER_NEEDS = (
    "a name on one line, known roles and key_sha256 (64 hex digits) are required; "
    "`until` is an instant with a UTC offset; the role `partner` cannot be combined with others and needs the slug of "
    "its `partner`"
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key or a passkey.

    Attributes:
        name: the name in every record of the audit log. One holder may have several keys, during a change.
        roles: what they may do.
        key_hash: SHA-256 of the key, hexadecimal; empty for a person who signed in by passkey.
        forms: the forms that it is limited to; None for all.
        until: when the key expires; None for never.
        partner: whose numbers it shows; set for the role ``partner`` and no other.
        id: the id in the database; None for an entry of the access file.
    """

    name: str
    roles: frozenset[str]
    key_hash: str
    forms: frozenset[str] | None = None
    until: datetime | None = None
    partner: str | None = None
    id: str | None = None

    @property
    def ref(self) -> str:
        """Reference in a cookie; it becomes invalid with the key, or when the access ends."""
        return self.key_hash or self.id or ""


def parse_holders(rows: Any) -> list[Holder]:
    """The holders in the content of an access file.

    Raises:
        ValueError: anything in it is wrong; the message names it, without a key.
    """
    if not isinstance(rows, list):
        raise ValueError("a list of holders is required")
    holders = [_holder(number, row) for number, row in enumerate(rows, start=1)]
    if len({holder.key_hash for holder in holders}) < len(holders):
        raise ValueError("no two entries may have the same key")
    return holders


def _holder(number: int, row: Any) -> Holder:
    try:
        roles, key_hash = frozenset(row["roles"]), str(row["key_sha256"])
        forms = frozenset(row["forms"]) if row.get("forms") is not None else None
        until = parse_rfc3339(row["until"]) if row.get("until") is not None else None
        name, partner = str(row["name"]), row.get("partner")
        one_line = name.isprintable() and 0 < len(name) <= MAX_HOLDER_NAME_LENGTH
        if (
            not _is_partner_alone(roles, partner)
            or not one_line
            or not roles <= set(ROLES)
            or len(bytes.fromhex(key_hash)) != 32
        ):
            raise ValueError
        return Holder(name, roles, key_hash.lower(), forms, until, partner)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"holder {number}: {HOLDER_NEEDS}") from None


def _is_partner_alone(roles: frozenset[str], partner: Any) -> bool:
    """Return whether a partner's key has that role alone and names the partner, and any other key names none."""
    if "partner" not in roles:
        return partner is None
    return len(roles) == 1 and isinstance(partner, str) and bool(re.fullmatch(SLUG, partner))


class Access(Protocol):
    """Who holds which key: from :class:`AccessFile` only, or also from the database (``AccessDirectory``)."""

    def holder_of(self, key: str) -> Holder | None:
        """Who holds ``key``."""

    def by_ref(self, ref: str) -> Holder | None:
        """Whom a cookie means by ``ref``."""


class AccessFile:
    """The holders in a JSON file: ``[{"name", "roles": […], "key_sha256", "forms"?, "until"?, "partner"?}]``.

    Raises:
        SettingsError: at first reading, if anything in it is wrong. A later change that is wrong is refused as a
            whole and the last good one stays in force.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = 0
        self._holders: dict[str, Holder] = {}
        self._read(first=True)

    def holder_of(self, key: str) -> Holder | None:
        """Who holds ``key``; compares hashes, so the time taken reveals nothing about the key."""
        return self.by_ref(token_hash(key).hex())

    def by_ref(self, ref: str) -> Holder | None:
        """Who holds the key with this hash now."""
        self._read(first=False)
        found = self._holders.get(ref)
        return None if found is None or (found.until is not None and system_clock() >= found.until) else found

    def holders(self) -> list[Holder]:
        """All holders in the file who have not expired."""
        self._read(first=False)
        now = system_clock()
        return [holder for holder in self._holders.values() if holder.until is None or now < holder.until]

    def _read(self, *, first: bool) -> None:
        with self._lock:
            try:
                stamp = self._path.stat().st_mtime_ns
                if stamp == self._stamp:
                    return
                self._holders = {
                    holder.key_hash: holder for holder in parse_holders(json.loads(self._path.read_text()))
                }
                self._stamp = stamp
            except (OSError, ValueError) as error:
                if first:
                    raise SettingsError([f"access file: {error}"]) from None
