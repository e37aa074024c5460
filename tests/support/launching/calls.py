"""Records every address that a program's Python code connects to, once each.

PostgreSQL's own library connects below Python; the address is the one of its setting and nothing else.
"""

import socket
import sys
from pathlib import Path
from typing import Any

CONNECTS = "socket.connect"
TO_ITSELF = "nonblocking_socketpair"
"""pika's: the two ends of a pair within the process, over loopback."""


def note_calls(file: Path) -> None:
    """Write each new ``host:port`` that this process connects to into ``file``, a line each."""
    seen: set[str] = set()

    def heed(event: str, arguments: tuple[Any, ...]) -> None:
        if event != CONNECTS or arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        if sys._getframe(1).f_code.co_name == TO_ITSELF:
            return
        called = "{}:{}".format(*arguments[1][:2])
        if called not in seen:
            seen.add(called)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(f"{called}\n")

    sys.addaudithook(heed)


def calls_in(file: Path) -> set[str]:
    """What a program has called so far; empty if it has called no one."""
    return set(file.read_text(encoding="utf-8").split()) if file.exists() else set()


def file_beside(orders: Path) -> Path:
    """Where the program that follows ``orders`` writes whom it calls."""
    return orders.with_suffix(".calls")
