"""How a search is told to end: apart from the solver, which a worker that has nothing to solve does not load."""

import threading
from collections.abc import Callable


class Halt:
    """Ends a search from another thread."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._ends: list[Callable[[], object]] = []

    def __bool__(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the search that runs and let none begin."""
        self._stopped.set()
        for end in self._ends:
            end()

    def watch(self, end: Callable[[], object]) -> None:
        """Call ``end`` when it is time to stop."""
        self._ends.append(end)
        if self:
            end()

    def forget(self, end: Callable[[], object]) -> None:
        """Do not call ``end`` any more: what it would end is over."""
        self._ends.remove(end)
