"""Runs one cell: breaks the link, performs the action, restores the link, and compares the result with the table."""

import time
from dataclasses import dataclass
from functools import partial

from services.registration.own.commands import OUTCOME_WITHIN_S
from tests.chaos.matrix.actions import ACTIONS, CLIENT_TIMEOUT_S, Action, People, Person
from tests.chaos.matrix.faults import SLOW_S, fault_on
from tests.chaos.matrix.participants import ParticipantPool
from tests.chaos.matrix.proxied_stack import EVENTS_DATABASE, SMTP, WEB_DATABASE, ProxiedStack
from tests.chaos.matrix.table import Cell
from tests.support.clients import Answer
from tests.support.waiting import allowed_s, poll_until

ANSWERED_WITHIN_S = 2.5
LONG_TIMEOUT_S = 10.0
MET_WITHIN_S = 12.0
AFTER_MET_S = 0.2
"""A fault in the background lasts a little longer than until it has met something."""

CERTAIN_WITHIN_S = 40.0
_CERTAIN = "SELECT count(*) FILTER (WHERE unknowns > 0 AND state <> 'sent') = 0 FROM mail"
REFUSED_S = 1.0
"""A refusal by the kernel meets nothing that a proxy could count, where no connection is kept: it lasts this long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cell did: the answer, how long it took, and whether the fault has met anything."""

    answer: Answer
    took_s: float
    met: bool


@dataclass(frozen=True, slots=True)
class CellRunner:
    """Plays cells of one stack, one after the other."""

    stack: ProxiedStack
    people: People
    pool: ParticipantPool
    bus: str

    def play(self, cell: Cell, expectation: str) -> str:
        """Returns what was not as expected; empty if all was."""
        action = ACTIONS[cell.action]
        person = self.pool.take(action)
        seen = self._break(cell, action, person, wait=expectation in ("mail-late", "processing"))
        fault = unexpected(expectation, seen, action.right, allowed_s(ANSWERED_WITHIN_S))
        if not self._is_right_in_the_end(action, person):
            fault = f"{fault}; and no right answer within {LONG_TIMEOUT_S} s of healing"
        self._calm(cell.link)
        return fault and f"{cell.action} x {cell.link} x {cell.fault}: expected {expectation}, {fault}"

    def _await_certainty(self, link: str) -> None:
        """No mail waits to be sent again: one whose end is unknown twice is given up, which no cell expects."""
        if link == SMTP:
            certain = partial(self.stack.sql, "notifications", _CERTAIN)
            poll_until(lambda: certain() == [(True,)], CERTAIN_WITHIN_S, every_s=0.2, what="no end is unknown")

    def _break(self, cell: Cell, action: Action, person: Person, *, wait: bool) -> Seen:
        self._await_certainty(cell.link)
        before = self.stack.effects(cell.link)
        self.stack.set(cell.link, fault_on(cell.action, cell.link, cell.fault, self.bus))
        try:
            began_s = time.monotonic()
            slow = cell.fault == "slow"  # the page of a link asks the database some seventeen times
            answer = self.people.ask(action, person, LONG_TIMEOUT_S if slow else CLIENT_TIMEOUT_S)
            took_s = time.monotonic() - began_s
            if wait:
                self._wait_until_met(cell, before)
            met = self.stack.effects(cell.link) > before or cell.fault == "refuse"
        finally:
            self.stack.heal(cell.link)
        return Seen(answer, took_s, met)

    def _wait_until_met(self, cell: Cell, before: int) -> None:
        if cell.fault == "refuse":
            time.sleep(REFUSED_S)  # see there
            return
        deadline = time.monotonic() + MET_WITHIN_S
        while self.stack.effects(cell.link) == before and time.monotonic() < deadline:
            time.sleep(0.02)  # between two polls; a fault without effect is judged by the caller
        time.sleep(AFTER_MET_S)  # see there

    def _is_right_in_the_end(self, action: Action, person: Person) -> bool:
        deadline = time.monotonic() + LONG_TIMEOUT_S
        while self.people.ask(action, person).status not in (action.right, action.again):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)  # as a client does after a 503
        return True

    def _calm(self, link: str) -> None:
        """Every kept connection of the web processes is whole again before the next cell."""
        names = {WEB_DATABASE: ("repeat", "list"), EVENTS_DATABASE: ("events",)}.get(link, ())
        for name in names:
            poll_until(partial(self._answers_right, ACTIONS[name]), LONG_TIMEOUT_S, what=f"{name} is answered again")

    def _answers_right(self, action: Action) -> bool:
        return self.people.ask(action, self.pool.calm()).status == action.right


def unexpected(expectation: str, seen: Seen, right: int, answered_within_s: float = ANSWERED_WITHIN_S) -> str:
    """What of ``seen`` is not as expected; empty if all is.

    Args:
        expectation: of the table.
        seen: what the cell did.
        right: the status of the right answer.
        answered_within_s: how long an answer that is not slow may take, seconds.
    """
    status, in_time = seen.answer.status, seen.took_s <= answered_within_s
    as_expected = {
        "slow": status == right and SLOW_S <= seen.took_s <= LONG_TIMEOUT_S and seen.met,
        "503": status == 503 and "Retry-After" in seen.answer.headers and in_time and seen.met,
        "no-answer": status == 0 and (seen.met or in_time),
        "unnoticed": status == right and in_time,
        "mail-late": status == right and in_time and seen.met,
        "processing": status == right and seen.took_s <= answered_within_s + OUTCOME_WITHIN_S and seen.met,
    }[expectation]
    met = "met" if seen.met else "did not meet anything"
    return "" if as_expected else f"answered {status} after {seen.took_s:.2f} s and the fault {met}"
