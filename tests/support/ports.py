"""Free loopback ports that stay free while their server is stopped."""

import random
import socket

FIRST_PORT, LAST_PORT = 20_000, 29_999
"""Below Linux' range for outgoing connections (32768 and up), so that no client's socket can take a port of a server
that a test has stopped and means to start again."""

_given: set[int] = set()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on; never the same twice in one process.

    Raises:
        RuntimeError: no free port was found.
    """
    for _ in range(1_000):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {FIRST_PORT} and {LAST_PORT}")


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
