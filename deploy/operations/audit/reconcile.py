"""Asks every equation of the sources, and says where they do not add up: ids, what was expected, what was found."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

from deploy.operations.audit.checks import Alone, Equation, Paired, Side
from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.reading import Sources

MOST = 1_000
"""Differences of one check that are named; a database that is gone would name every row of another."""

NOTHING, SOMETHING = "nothing", "there"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference.

    Attributes:
        equation: its code.
        what: had to be so.
        subject: ids, never anything personal.
        expected, found: in the equation's words.
    """

    equation: str
    what: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.equation} {self.subject}: {self.what}; expected {self.expected}, found {self.found}"


def reconcile(sources: Sources, equations: Iterable[Equation] = EQUATIONS) -> list[Finding]:
    """Every difference that the equations find, at most ``MOST`` a check; empty if all is well.

    A check whose sources are not all there is left out: see :func:`unasked`.
    """
    return [
        Finding(equation.code, check.what, *difference)
        for equation in equations
        for check in equation.checks
        if _can_be_asked(check, sources)
        for difference in islice(_differences(check, sources), MOST)
    ]


def unasked(sources: Sources, equations: Iterable[Equation] = EQUATIONS) -> list[tuple[str, str]]:
    """Code and words of the checks that had to be left out, for want of a source."""
    return [(e.code, check.what) for e in equations for check in e.checks if not _can_be_asked(check, sources)]


def _can_be_asked(check: Alone | Paired, sources: Sources) -> bool:
    return all(map(sources.has, check.needs))


def _differences(check: Alone | Paired, sources: Sources) -> Iterator[tuple[str, str, str]]:
    if isinstance(check, Paired):
        return _between(check, sources)
    return ((str(row[0]), str(row[1]), str(row[2])) for row in sources.rows(check.database, check.sql))


def _between(check: Paired, sources: Sources) -> Iterator[tuple[str, str, str]]:
    """Where the sides do not agree. A key may stand in several sources of a side: any one of them will do."""
    for key, rows in groupby(both_sides(check, sources), itemgetter(0)):
        left: list[tuple[str | None, bool]] = []
        right: list[tuple[str | None, bool]] = []
        for _key, is_right, value, required in rows:
            (right if is_right else left).append((value, required))
        if not right and any(required for _value, required in left):
            yield key, left[0][0] or SOMETHING, NOTHING
        elif not left and any(required for _value, required in right):
            yield key, NOTHING, right[0][0] or SOMETHING
        elif left and right and not _agree(check, left[0][0], right[0][0]):
            yield key, str(left[0][0]), str(right[0][0])


def _agree(check: Paired, left: str | None, right: str | None) -> bool:
    return left is None or right is None or check.agrees(left, right)


def both_sides(check: Paired, sources: Sources) -> Iterator[tuple[str, bool, str | None, bool]]:
    """(key, whether it is of the right side, value, required) of all rows of both sides, in the order of keys."""

    def told_apart(side: Side, is_right: bool) -> Iterator[tuple[str, bool, str | None, bool]]:
        return ((key, is_right, value, bool(required)) for key, value, required in sources.ordered(side))

    streams = [
        told_apart(side, is_right)
        for is_right, sides in ((False, check.left), (True, check.right))
        for side in sides
        if sources.has(side.source)
    ]
    return heapq.merge(*streams, key=itemgetter(0))
