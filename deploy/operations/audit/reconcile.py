"""Checks every equation against the sources: it holds, is not decidable yet, or is broken, with exact totals."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from deploy.operations.audit.checks import Alone, Equation, Paired, Side
from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import ARRIVALS, arrival_of
from deploy.operations.audit.reading import Sources

MOST = 1_000
"""Differences of one check that are named, while all are counted; a lost database would name every row of another."""

NOTHING, SOMETHING = "nothing", "there"
RETRIES = "troika.retry."
"""How the names of the broker's queues begin in which messages of all queues wait to be retried."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference.

    Attributes:
        equation: its code.
        what: the rule in words.
        subject: ids, never anything personal.
        expected: the expected value, in the equation's words.
        found: the value that was found, in the equation's words.
    """

    equation: str
    what: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.equation} {self.subject}: {self.what}; expected {self.expected}, found {self.found}"


class AuditOutcome(StrEnum):
    """Result of a check, of an equation or of the whole audit; a later member outweighs an earlier one."""

    NOT_ASKED = "not asked"
    HOLDS = "holds"
    NOT_YET_DECIDABLE = "not yet decidable"
    BROKEN = "broken"


@dataclass(slots=True)
class Judgement:
    """What one check has found.

    Attributes:
        equation: its code.
        what: the rule in words.
        is_asked: whether the sources that it needs are there.
        broken: how many differences there are, exactly.
        named: the first ``MOST`` differences.
        waiting: how many keys are not decidable yet, exactly, by what they wait for.
    """

    equation: str
    what: str
    is_asked: bool = True
    broken: int = 0
    named: list[Finding] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)

    @property
    def outcome(self) -> AuditOutcome:
        """Broken if there is a difference; holds if nothing waits either."""
        if not self.is_asked:
            return AuditOutcome.NOT_ASKED
        if self.broken:
            return AuditOutcome.BROKEN
        return AuditOutcome.NOT_YET_DECIDABLE if self.waiting else AuditOutcome.HOLDS

    def add(self, subject: str, expected: str, found: str) -> None:
        """Count a difference, and name it while there are few."""
        self.broken += 1
        if self.broken <= MOST:
            self.named.append(Finding(self.equation, self.what, subject, expected, found))


def judge(sources: Sources, equations: Iterable[Equation] = EQUATIONS) -> list[Judgement]:
    """Run every check of the equations; totals are exact, however many differences there are."""
    return [_judged(equation.code, check, sources) for equation in equations for check in equation.checks]


def reconcile(sources: Sources) -> list[Finding]:
    """The named differences: all of them, up to ``MOST`` a check; empty if nothing is broken."""
    return [finding for judgement in judge(sources) for finding in judgement.named]


def overall(judgements: Iterable[Judgement]) -> AuditOutcome:
    """The worst outcome of some checks; a check that was not asked never hides another."""
    order = list(AuditOutcome)
    return max((judgement.outcome for judgement in judgements), key=order.index, default=AuditOutcome.NOT_ASKED)


def _judged(code: str, check: Alone | Paired, sources: Sources) -> Judgement:
    judgement = Judgement(code, check.what, all(map(sources.has, check.needs)))
    if not judgement.is_asked:
        return judgement
    if isinstance(check, Paired):
        _compare(check, sources, judgement)
        if check is ARRIVALS and sources.held is not None:
            _add_held(sources.held, judgement)
        return judgement
    for row in sources.rows(check.database, check.sql):
        judgement.add(str(row[0]), str(row[1]), str(row[2]))
    return judgement


def _compare(check: Paired, sources: Sources, judgement: Judgement) -> None:
    """Find where the sides do not agree. If several sources of a side have a key, agreement with any one is enough."""
    for key, rows in groupby(both_sides(check, sources), itemgetter(0)):
        left: list[tuple[str | None, bool | None]] = []
        right: list[tuple[str | None, bool | None]] = []
        for _key, is_right, value, required in rows:
            (right if is_right else left).append((value, required))
        waiting = {value for value, _required in right}
        is_waiting = bool(right) and waiting <= check.waiting
        difference = _difference(check, left, right)
        demands = {value for _value, value in (*left, *right)}
        if difference and (None not in demands if left and right else True in demands):
            judgement.add(key, *difference)
        elif (difference and None in demands) or is_waiting:
            judgement.waiting[check.waits_for(key, max(filter(None, waiting), default=None))] += 1


def _add_held(held: Mapping[str, int], judgement: Judgement) -> None:
    """Count what the broker holds beyond the messages that are known to be missing; it does not name them."""
    elsewhere = 0
    for queue in (queue for queue in held if not queue.startswith(RETRIES)):
        missing = judgement.waiting[arrival_of(queue)]
        elsewhere += max(0, missing - held[queue])
        if held[queue] > missing:
            judgement.waiting[f"more messages in {queue}, which no outbox knows to be missing"] = held[queue] - missing
    retried = sum(count for queue, count in held.items() if queue.startswith(RETRIES)) - elsewhere
    if retried > 0:
        judgement.waiting["more messages to be retried"] = retried
    judgement.waiting = +judgement.waiting


def _difference(
    check: Paired, left: list[tuple[str | None, bool | None]], right: list[tuple[str | None, bool | None]]
) -> tuple[str, str] | None:
    """What was expected and what was found, if a key is on one side only or the sides' values differ."""
    if not right:
        return left[0][0] or SOMETHING, NOTHING
    if not left:
        return NOTHING, right[0][0] or SOMETHING
    expected, found = left[0][0], right[0][0]
    if expected is None or found is None or check.agrees(expected, found):
        return None
    return expected, found


def both_sides(check: Paired, sources: Sources) -> Iterator[tuple[str, bool, str | None, bool | None]]:
    """(key, whether it is of the right side, value, required) of all rows of both sides, in the order of keys."""

    def by_side(side: Side, is_right: bool) -> Iterator[tuple[str, bool, str | None, bool | None]]:
        return ((key, is_right, value, required) for key, value, required in sources.ordered(side))

    streams = [
        by_side(side, is_right)
        for is_right, sides in ((False, check.left), (True, check.right))
        for side in sides
        if sources.has(side.source)
    ]
    return heapq.merge(*streams, key=itemgetter(0))
