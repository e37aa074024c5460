"""Free loopback ports that stay reserved while their server is stopped."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Set
from pathlib import Path

FIRST_PORT, LAST_PORT = 20_000, 29_999
"""Below Linux' range for outgoing connections (32768 and up), so that no client's socket can take a port of a server
that a test has stopped and means to start again."""

FOR_BLOCKS = 0.7
"""The first part of them: single ports are chosen from the rest, since a thousand of them would leave no block free."""

_reserved: dict[int, int] = {}
"""By this process, until it ends: the port, and the lock on a file that the kernel lets go with the process."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that no one listens on, and that no other test process of this machine is given.

    Raises:
        RuntimeError: no free port was found.
    """
    return free_block(1)


def free_block(length: int) -> int:
    """The first of ``length`` such ports in a row.

    Raises:
        RuntimeError: no such block was found.
    """
    for _ in range(1_000):
        before, first = set(_reserved), _proposed(length)
        if all(_reserve(port) for port in range(first, first + length)):
            return first
        _give_back(set(_reserved) - before)
    raise RuntimeError(f"no {length} free ports in a row between {FIRST_PORT} and {LAST_PORT}")


def _proposed(length: int) -> int:
    """A first port by chance; blocks begin at multiples of their length, so that two of one length share no port."""
    blocks = int((LAST_PORT - FIRST_PORT) * FOR_BLOCKS)
    if length == 1:
        return random.randint(FIRST_PORT + blocks, LAST_PORT)
    return FIRST_PORT + length * random.randrange(max(1, blocks // length))


def _reserve(port: int) -> bool:
    """Two tests at once never get the same port, not even one whose server is stopped for a short time."""
    if port in _reserved:
        return False
    folder = Path(tempfile.gettempdir()) / f"troika-ports-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    _reserved[port] = lock
    return _is_free(port)


def _give_back(ports: Set[int]) -> None:
    """Half a block is of no use to anyone: kept, a few tries in vain would leave no room for a whole one."""
    for port in ports:
        os.close(_reserved.pop(port))


def is_listening(port: int) -> bool:
    """Whether something accepts TCP connections on 127.0.0.1:``port``."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
