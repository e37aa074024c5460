"""Sleeps to within a tenth of a millisecond where waiting costs no thread (ADR 12).

gevent's own sleep takes whole milliseconds, so from where it ends one still sees where it began. A timer of the kernel
ends at a moment: ``timerfd``, which Python has as ``os.timerfd_create`` from 3.13 on.
"""

import ctypes
import os
import time

from gevent import monkey
from gevent.socket import wait_read

_ABSOLUTE = 1
"""``TFD_TIMER_ABSTIME`` of timerfd_settime(2)."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def sleep_until(moment_s: float) -> None:
    """Come back when ``time.monotonic()`` says ``moment_s``, seconds; at once if that has passed.

    Raises:
        OSError: the kernel gives no timer (too many open files).
    """
    if not monkey.is_module_patched("time"):
        time.sleep(max(0.0, moment_s - time.monotonic()))
        return
    timer = _checked(_libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    try:
        seconds, nanoseconds = divmod(int(moment_s * 1e9), 1_000_000_000)
        due = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, nanoseconds))
        _checked(_libc.timerfd_settime(timer, _ABSOLUTE, ctypes.byref(due), None))
        wait_read(timer)
    finally:
        os.close(timer)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
