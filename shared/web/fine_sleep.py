"""Sleeps to within a tenth of a millisecond where waiting costs no thread (ADR 12).

gevent's own sleep takes whole milliseconds, so from where it ends one still sees where it began. A timer of the kernel
ends at a moment: ``timerfd``, which Python has as ``os.timerfd_create`` from 3.13 on.
"""

import ctypes
import os
import time
from functools import cache
from heapq import heappop, heappush

from gevent import get_hub, monkey
from gevent.hub import Waiter

_ABSOLUTE = 1
"""``TFD_TIMER_ABSTIME`` of timerfd_settime(2)."""

_READABLE = 1
_NEVER = 0.0
"""What timerfd_settime(2) takes for no moment at all."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def set_up() -> None:
    """Ask the kernel for the timer now, and not when the first sleeps.

    Raises:
        OSError: it gives none (too many open files).
    """
    if monkey.is_module_patched("time"):
        _alarm()


def sleep_until(moment_s: float) -> None:
    """Come back at a moment; at once if it has passed. In the thread of the process's event loop, where it has one.

    Args:
        moment_s: by ``time.monotonic()``, seconds.
    """
    if monkey.is_module_patched("time"):
        _alarm().wait_until(moment_s)
    else:
        time.sleep(max(0.0, moment_s - time.monotonic()))  # the kernel's own, of this thread


@cache
def _alarm() -> "_Alarm":
    """Of this process: a timer for each who sleeps would cost four times as much."""
    return _Alarm()


class _Alarm:
    """One timer for all who sleep, always set to the earliest."""

    def __init__(self) -> None:
        self._sleeping: list[tuple[float, int, Waiter]] = []
        self._came = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._due = _Itimerspec(_Timespec(0, 0), _Timespec(0, 0))
        self._timer = _checked(self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        self._watcher = get_hub().loop.io(self._timer, _READABLE)
        self._watcher.start(self._ring)

    def wait_until(self, moment_s: float) -> None:
        if moment_s <= time.monotonic():
            return
        waiter, self._came = Waiter(), self._came + 1
        heappush(self._sleeping, (moment_s, self._came, waiter))
        if self._sleeping[0][2] is waiter:
            self._set(moment_s)
        waiter.get()

    def _ring(self) -> None:
        """Wake who is due, but not who has given up. To set the timer anew takes back that it has rung."""
        now_s = time.monotonic()
        while self._sleeping and self._sleeping[0][0] <= now_s:
            heappop(self._sleeping)[2].switch(None)
        self._set(self._sleeping[0][0] if self._sleeping else _NEVER)

    def _set(self, moment_s: float) -> None:
        value = self._due.value
        value.seconds, value.nanoseconds = divmod(int(moment_s * 1e9), 1_000_000_000)
        _checked(self._libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(self._due), None))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
