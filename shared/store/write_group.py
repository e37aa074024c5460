"""Group commit: callers hand in a command, the first idle one leads and runs one transaction for all that wait.

One durable commit then carries many commands, which is what makes a rush on one event affordable: the seat is
decided once a batch instead of once a request. The idea is LevelDB's writer queue.

What it promises: a caller returns only after the commit of its own command, or with the reason why there was none.
What it never does: answer before the commit, or let one bad command spoil its neighbours.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from shared.core.errors import DomainError, Overloaded, Unavailable
from shared.core.failpoints import reach
from shared.core.metrics import write_group_singled_out_total, write_group_size

Command = TypeVar("Command")
Outcome = TypeVar("Outcome")

LONGEST_WAIT_S = 0.4
"""Who would wait longer than this for the commit is refused at once: answers stay within a second, also with the time
that a second process keeps the lock."""

NEVER_CROWDED = 32
"""So few are never too many: waiting together they make the large batches by which a slow disk is got over."""


class _Ticket(Generic[Command, Outcome]):
    """One waiting caller. ``wake`` is a lock used as a one-shot signal: the cheapest there is.

    Whoever wakes passes it on to ``then``: the next of its batch, and the last one to the next leader. Waking all at
    once would have as many threads fight for the interpreter as there are callers; and a leader that came before the
    others were answered would find few to take along.
    """

    __slots__ = ("command", "error", "leads", "outcome", "then", "wake")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.outcome: Outcome | None = None
        self.error: Exception | None = Unavailable("the batch was stopped")  # until there is an outcome
        self.leads = False
        self.then: _Ticket[Command, Outcome] | None = None
        self.wake = threading.Lock()
        self.wake.acquire()


class WriteGroup(Generic[Command, Outcome]):
    """Leader and followers of one process.

    Args:
        run: carries out a batch in one transaction and returns one outcome a command, in order. Raises
            ``Unavailable`` if nothing was stored and all may be tried again; anything else is taken to be the
            fault of one command, which is then found by running them one by one.
        most: commands in one batch at most.
        patience_s: how long a caller waits for its turn before it gives up, seconds: for a database that stands still.
        longest_wait_s: a caller that is expected to wait longer is refused at once, seconds.
        never_crowded: callers at once that are never too many.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Command]], list[Outcome]],
        *,
        most: int = 64,
        patience_s: float = 5.0,
        longest_wait_s: float = LONGEST_WAIT_S,
        never_crowded: int = NEVER_CROWDED,
    ) -> None:
        self._run = run
        self._most = most
        self._patience_s = patience_s
        self._longest_wait_s = longest_wait_s
        self._never_crowded = never_crowded
        self._running = 0
        self._paces_s = (0.0, 0.0)
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Command, Outcome]] = deque()
        self._busy = False

    def submit(self, command: Command) -> Outcome:
        """The outcome of ``command``, after its commit.

        Raises:
            Overloaded: too many wait already; it was not stored.
            Unavailable: it was not stored, or (after a lost connection) it is not known to be; ask again.
            DomainError: a rule refused it.
        """
        ticket: _Ticket[Command, Outcome] = _Ticket(command)
        with self._lock:
            if self.crowded():
                raise Overloaded("too many are waiting")
            self._waiting.append(ticket)
            ticket.leads = not self._busy
            self._busy = True
        if not ticket.leads:
            self._await_turn(ticket)
        try:
            if ticket.leads:
                self._lead()
        finally:
            if ticket.then is not None:
                ticket.then.wake.release()
        if ticket.error is not None:
            raise ticket.error
        return ticket.outcome  # type: ignore[return-value]  # set by the leader whenever error is not

    def crowded(self) -> bool:
        """Whether whoever comes now is expected to wait too long.

        By the time that a command took in the last two batches, the shorter of them: one slow commit says little.
        """
        ahead = len(self._waiting) + self._running
        return ahead >= self._never_crowded and ahead * min(self._paces_s) > self._longest_wait_s

    def _await_turn(self, ticket: _Ticket[Command, Outcome]) -> None:
        if ticket.wake.acquire(timeout=self._patience_s):
            return
        with self._lock:
            if ticket in self._waiting and not ticket.leads:
                self._waiting.remove(ticket)
                ticket.error = Overloaded("too many are waiting")
                return
        ticket.wake.acquire()  # its turn has come or its batch is running: the database's time limits end that

    def _lead(self) -> None:
        """Run the batch at the head of the queue (it holds the leader itself), then pass the lead on."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._running = len(batch)
        began_at = time.perf_counter()
        for ticket, then in pairwise(batch):
            ticket.then = then
        try:
            self._settle(batch)
        finally:
            with self._lock:
                self._paces_s = (self._paces_s[1], (time.perf_counter() - began_at) / len(batch))
                self._running = 0
                heir = self._waiting[0] if self._waiting else None
                self._busy = heir is not None
                if heir is not None:
                    heir.leads = True
            batch[-1].then = heir

    def _settle(self, batch: list[_Ticket[Command, Outcome]]) -> None:
        write_group_size.observe(len(batch))
        try:
            reach("intake.batch")
            outcomes = self._run([ticket.command for ticket in batch])
            reach("intake.stored")
        except Unavailable as error:
            for ticket in batch:
                ticket.error = error
        except Exception as error:  # noqa: BLE001 - each caller gets its own; see _settle_singly
            if len(batch) == 1:
                batch[0].error = error
            else:
                self._settle_singly(batch)
        else:
            for ticket, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, DomainError):
                    ticket.error = outcome
                else:
                    ticket.outcome, ticket.error = outcome, None

    def _settle_singly(self, batch: list[_Ticket[Command, Outcome]]) -> None:
        write_group_singled_out_total.inc()
        for ticket in batch:
            self._settle([ticket])
