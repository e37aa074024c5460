"""The access file: holders with the hash of their keys, so the file itself opens nothing.

It is read again when it changes, so a key can be withdrawn without a restart.
"""

import json
import threading
from pathlib import Path
from typing import Protocol

from shared.core.clock import system_clock
from shared.core.errors import SettingsError
from shared.core.ids import token_hash
from shared.web.holders import Holder, parse_holders


class Access(Protocol):
    """Who holds which key: of :class:`AccessFile` alone, or of the database too (``AccessDirectory``)."""

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
        """Who holds ``key``; compares hashes, so the time taken tells nothing of the key."""
        return self.by_ref(token_hash(key).hex())

    def by_ref(self, ref: str) -> Holder | None:
        """Who holds the key with this hash now."""
        self._read(first=False)
        found = self._holders.get(ref)
        return None if found is None or (found.until is not None and system_clock() >= found.until) else found

    def holders(self) -> list[Holder]:
        """Everybody in the file whose time is not over."""
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
