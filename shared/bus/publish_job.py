"""One batch on its way to the broker: which delivery tag is which message, and what became of it."""

import threading
from collections.abc import Sequence

from shared.bus.publisher import Outcome, Outgoing


class PublishJob:
    """Filled by the connection's thread, read by the relay's once ``done`` is set (or time is up)."""

    def __init__(self, batch: Sequence[Outgoing]) -> None:
        self.batch = batch
        self.done = threading.Event()
        self._outcomes = [Outcome.UNKNOWN] * len(batch)
        self._open: dict[int, int] = {}
        self._returned: set[str] = set()

    def expect(self, tag: int, index: int) -> None:
        """The message at ``index`` goes out under the broker's delivery ``tag``."""
        self._open[tag] = index

    def returned(self, message_id: str) -> None:
        """The broker had no queue for it; its confirm follows and means nothing."""
        self._returned.add(message_id)

    def settle(self, tag: int, *, multiple: bool, accepted: bool) -> None:
        """A confirm (or refusal) of ``tag``, and with ``multiple`` of everything open before it."""
        tags = [each for each in self._open if each <= tag] if multiple else [tag]
        for each in tags:
            index = self._open.pop(each, None)
            if index is not None:
                self._outcomes[index] = self._fate(index, accepted)
        if not self._open:
            self.done.set()

    def give_up(self) -> None:
        """Nothing more will be heard: what is open stays unknown."""
        self.done.set()

    def outcomes(self) -> list[Outcome]:
        """One outcome a message, in the order of the batch."""
        return list(self._outcomes)

    def _fate(self, index: int, accepted: bool) -> Outcome:
        if self.batch[index].message_id in self._returned:
            return Outcome.UNROUTABLE
        return Outcome.CONFIRMED if accepted else Outcome.REFUSED
