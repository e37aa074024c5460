"""Which ports the local installation listens on."""

import os
import socket
import sys
from dataclasses import dataclass

from deploy.shape import SERVICES

FIRST = 8000
LOWEST, HIGHEST = 1024, 65_000
"""Of the first port: lower ones need root, and ours end 103 above the first."""


@dataclass(frozen=True, slots=True)
class DemoPorts:
    """All are counted from ``first``: one number moves the whole installation to other ports."""

    first: int = FIRST

    @property
    def front(self) -> int:
        """The three services."""
        return self.first

    @property
    def partner(self) -> int:
        """A partner's page with the form in it."""
        return self.first + 1

    @property
    def inbox(self) -> int:
        """The page of the mail sink."""
        return self.first + 25

    @property
    def smtp(self) -> int:
        """The mail sink."""
        return self.first + 26

    def metrics(self, service: str) -> int:
        """Of the background process of a service."""
        return self.first + 101 + SERVICES.index(service)

    @property
    def public_url(self) -> str:
        """Where people find Troika."""
        return f"http://127.0.0.1:{self.front}"

    @property
    def console_url(self) -> str:
        """The console, at a host name: browsers make no passkeys for an IP address."""
        return f"http://localhost:{self.front}"

    @property
    def partner_url(self) -> str:
        """Where the partner's page is: ``localhost`` is another origin than ``127.0.0.1``."""
        return f"http://localhost:{self.partner}"

    @property
    def inbox_url(self) -> str:
        """Where the mails can be read."""
        return f"http://127.0.0.1:{self.inbox}"

    def taken(self) -> list[int]:
        """Those of our ports on which a process listens already."""
        wanted = [self.front, self.partner, self.inbox, self.smtp, *map(self.metrics, SERVICES)]
        return [port for port in wanted if is_taken(port)]


def chosen_ports() -> DemoPorts:
    """From ``TROIKA_DEMO_PORT``, else the usual ones.

    Raises:
        SystemExit: it is not a number of a port, or too high for all of ours.
    """
    first = os.environ.get("TROIKA_DEMO_PORT") or str(FIRST)
    if not (first.isascii() and first.isdecimal() and LOWEST <= int(first) <= HIGHEST):
        sys.exit(f"TROIKA_DEMO_PORT={first} is not a port from {LOWEST} to {HIGHEST}.")
    return DemoPorts(int(first))


def free_ports() -> DemoPorts:
    """The first block of ports that is free, for an unattended run."""
    for first in range(21000, 30000, 200):
        if not DemoPorts(first).taken():
            return DemoPorts(first)
    raise OSError("no block of free ports between 21000 and 30000")


def is_taken(port: int) -> bool:
    """Whether a process listens on ``port`` of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
