"""Counts of a rate limiter in memory that all workers of one gunicorn share: bounded, exact, and without a thread.

The library's own storage counts for one process, and starts a thread after every count, which then looks through all of
them: with the addresses of an hour (20,000) that took a tenth of a millisecond from each request (measured).
"""

import fcntl
import mmap
import os
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from limits.storage import Storage

SLOTS = 131_072
"""4 MiB, of which the kernel gives what is used. A client network takes two slots for an hour."""

MAX_PROBES = 16
_SLOT = struct.Struct("<16sdQ")
"""Digest of the key, when its window ends (seconds since the epoch), count."""


class CounterTable:
    """A hash table in anonymous shared memory: made before the workers are forked, it is the same in each of them.

    Where a key finds no room, the count that would end first gives way: memory is bounded, and whoever has very many
    addresses makes counts too low, never too high. A worker that is killed holds no lock: the kernel takes it back.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._slots = slots
        self._memory = mmap.mmap(-1, slots * _SLOT.size)
        self._file = os.memfd_create("troika-counters")
        self._thread_lock = threading.Lock()
        weakref.finalize(self, os.close, self._file)

    def add(self, key: str, window_s: int, amount: int, now: float) -> int:
        """Add ``amount`` to ``key``, whose window ends ``window_s`` seconds after its first; returns the sum."""
        digest = _digest(key)
        with self._locked():
            found = self._find(digest, now)
            place = found if found is not None else self._room(digest, now)
            _, ends_at, count = _SLOT.unpack_from(self._memory, place)
            ends_at, count = (ends_at, count + amount) if found is not None else (now + window_s, amount)
            _SLOT.pack_into(self._memory, place, digest, ends_at, count)
        return int(count)

    def look_up(self, key: str, now: float) -> tuple[int, float]:
        """Count of ``key`` and when its window ends; (0, ``now``) where none has begun."""
        with self._locked():
            place = self._find(_digest(key), now)
            if place is None:
                return 0, now
            _, ends_at, count = _SLOT.unpack_from(self._memory, place)
        return int(count), float(ends_at)

    def forget(self, key: str) -> None:
        """Begin ``key`` anew."""
        with self._locked():
            place = self._find(_digest(key), 0.0)
            if place is not None:
                _SLOT.pack_into(self._memory, place, bytes(16), 0.0, 0)

    def forget_all(self) -> None:
        """Begin everything anew."""
        with self._locked():
            self._memory[:] = bytes(self._slots * _SLOT.size)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among threads and among processes; nothing inside waits for anything."""
        with self._thread_lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _places(self, digest: bytes) -> Iterator[int]:
        first = int.from_bytes(digest[:8], "little")
        return ((first + step) % self._slots * _SLOT.size for step in range(MAX_PROBES))

    def _find(self, digest: bytes, now: float) -> int | None:
        for place in self._places(digest):
            held, ends_at, _ = _SLOT.unpack_from(self._memory, place)
            if held == digest and ends_at > now:
                return place
        return None

    def _room(self, digest: bytes, now: float) -> int:
        """The first place that is free, else the one that is free first."""
        best, best_ends_at = -1, float("inf")
        for place in self._places(digest):
            _, ends_at, _ = _SLOT.unpack_from(self._memory, place)
            if ends_at <= now:
                return place
            if ends_at < best_ends_at:
                best, best_ends_at = place, ends_at
        return best


class Counters(Storage):
    """A storage of ``limits``, for fixed windows.

    Args:
        table: shared with other processes; a new one if None.
    """

    STORAGE_SCHEME = None

    def __init__(self, table: CounterTable | None = None) -> None:
        super().__init__()
        self._table = table or CounterTable()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Nothing can go wrong here."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add ``amount`` to ``key``, whose window ends ``expiry`` seconds after its first; returns the sum."""
        return self._table.add(key, expiry, amount, time.time())

    def get(self, key: str) -> int:
        """The sum in the window of now."""
        return self._table.look_up(key, time.time())[0]

    def get_expiry(self, key: str) -> float:
        """When the window of ``key`` ends, seconds since the epoch."""
        return self._table.look_up(key, time.time())[1]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        self._table.forget_all()
        return None

    def clear(self, key: str) -> None:
        """Forget ``key``."""
        self._table.forget(key)


_of_all_workers: CounterTable | None = None


def share_counters() -> None:
    """Make the table of this process and of all that it forks; gunicorn's main process calls it before its workers."""
    global _of_all_workers
    _of_all_workers = CounterTable()


def shared_counters() -> Counters:
    """Counts of all workers where :func:`share_counters` was called before they were forked, else of this process."""
    return Counters(_of_all_workers)


def _digest(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=16).digest()
