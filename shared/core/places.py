"""Places at work, by class of request: who takes one, who stands in line for one, and who has to come again.

A class has its own places and never takes another's. That is the whole rule: whatever exports and the console do, the
places of those who register stay free for them.
"""

import threading
from dataclasses import dataclass

FIRST, PUBLIC, LATER, LAST = "first", "public", "later", "last"
"""People who register and their links; the public programme; coordinators' queries; exports and the console."""

IN_LINE = 32
"""Who may stand in line for a place of ``later`` or ``last``: a page and all that it loads come at once."""

PUBLIC_IN_LINE = 256
"""The same of ``public``: a page takes milliseconds and is then kept, so a long line is a short wait."""

LINE_S = 2.0
"""How long a request waits in line, seconds."""

FREE_CONNECTIONS = 2
"""Connections to the database that no class but ``first`` can take."""


class Places:
    """Places of one class in one process.

    Args:
        at_work: how many are worked on at once.
        in_line: how many more may wait for a place.
        line_s: how long each of them waits, seconds.
    """

    def __init__(self, at_work: int, *, in_line: int = 0, line_s: float = LINE_S) -> None:
        self._most = at_work + in_line
        self._line_s = line_s
        self._inside = 0
        self._lock = threading.Lock()
        self._work = threading.Semaphore(at_work) if in_line else None

    def full(self) -> bool:
        """Whether whoever comes now would be refused."""
        return self._inside >= self._most

    def enter(self) -> bool:
        """Take a place, after a while in line if need be; False: refused. Whoever entered has to leave."""
        with self._lock:
            if self._inside >= self._most:
                return False
            self._inside += 1
        if self._work is None or self._work.acquire(timeout=self._line_s):
            return True
        self._go()
        return False

    def leave(self) -> None:
        """Give the place to the next."""
        if self._work is not None:
            self._work.release()
        self._go()

    def _go(self) -> None:
        with self._lock:
            self._inside -= 1


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one web process works on at once.

    Attributes:
        first: requests of people who register.
        public: pages of the public programme that are not in memory.
        later: coordinators' queries.
        last: exports and the console.
    """

    first: int = 256
    public: int = 2
    later: int = 4
    last: int = 2

    @property
    def connections(self) -> int:
        """To the database, for a process with these bounds: at least two are left to ``first`` whatever happens."""
        return self.public + self.later + self.last + FREE_CONNECTIONS

    def places(self) -> dict[str, Places]:
        """Empty places, by class."""
        return {
            FIRST: Places(self.first),
            PUBLIC: Places(self.public, in_line=PUBLIC_IN_LINE),
            LATER: Places(self.later, in_line=IN_LINE),
            LAST: Places(self.last, in_line=IN_LINE),
        }
