"""Prints the sums that must add up, and what does not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import ARRIVALS
from deploy.operations.audit.reading import Sources
from deploy.operations.audit.readings import head_of
from deploy.operations.audit.reconcile import Finding, both_sides, unasked

_REGISTRATIONS = "SELECT status, count(*) FROM registration GROUP BY status ORDER BY status"
_MAILS = "SELECT state, count(*) FROM mail GROUP BY state ORDER BY state"
_UNKNOWNS = "SELECT coalesce(sum(unknowns), 0) FROM mail"
SHOWN = 50
"""Differences of an equation that are printed."""


def print_audit(sources: Sources, found: Sequence[Finding], where: str) -> None:
    """The sums, each equation with its verdict, and the differences."""
    print(f"What is stored: {where}\n")
    _print_sums(sources)
    print()
    _print_verdicts(sources, found)
    if not found:
        print("\nEverything adds up.")
        return
    print()
    for code, differences in groupby(found, lambda finding: finding.equation):
        listed = list(differences)
        print("\n".join(map(str, listed[:SHOWN])))
        if len(listed) > SHOWN:
            print(f"{code} … and {len(listed) - SHOWN} more")
    print(f"\n{len(found)} differences.")


def _print_sums(sources: Sources) -> None:
    if "registration" in sources.databases:
        states = [(row[0], row[1]) for row in sources.rows("registration", _REGISTRATIONS)]
        _print_sum("registrations", states)
    for queue, (published, arrived, waiting) in sorted(_arrivals(sources).items()):
        lost = published - arrived - waiting
        words = f"taken in {arrived:,} + waiting or parked {waiting:,} + on its way or lost {lost:,}"
        print(f"{'published for ' + queue:40} {published:>10,} = {words}")
    if "notifications" in sources.databases:
        _print_sum("mails", [(row[0], row[1]) for row in sources.rows("notifications", _MAILS)])
        ((unknowns,),) = sources.rows("notifications", _UNKNOWNS)
        print(f"{'handovers recorded as unknown':40} {unknowns:>10,}")
    if "registration" in sources.databases and (head := head_of(sources)).number:
        print(f"{'readings of sealed answers':40} {head.number:>10,}, head {head}")


def _print_sum(name: str, parts: Iterable[tuple[str, int]]) -> None:
    listed = list(parts)
    words = " + ".join(f"{part} {count:,}" for part, count in listed) or "none"
    print(f"{name:40} {sum(count for _part, count in listed):>10,} = {words}")


def _arrivals(sources: Sources) -> dict[str, tuple[int, int, int]]:
    """By queue: messages that the outboxes hold and that were published for it, and of these taken in, and waiting."""
    if not all(map(sources.has, ARRIVALS.needs)):
        return {}
    counts: Counter[tuple[str, str]] = Counter()
    for key, rows in groupby(both_sides(ARRIVALS, sources), itemgetter(0)):
        said = {value for _key, _is_right, value, _required in rows}
        if "published" in said:
            queue = key.partition(" ")[2]
            counts[queue, "published"] += 1
            counts[queue, "taken in" if "taken in" in said else "waits" if "waits" in said else "missing"] += 1
    queues = {queue for queue, _word in counts}
    return {q: (counts[q, "published"], counts[q, "taken in"], counts[q, "waits"]) for q in queues}


def _print_verdicts(sources: Sources, found: Sequence[Finding]) -> None:
    counts = Counter(finding.equation for finding in found)
    left_out = Counter(code for code, _what in unasked(sources))
    for equation in EQUATIONS:
        asked = len(equation.checks) - left_out[equation.code]
        verdict = f"{counts[equation.code]:,} differences" if counts[equation.code] else "holds"
        if asked == 0:
            verdict = f"not asked: {'a test has it alone' if equation.code == 'A1' else 'needs a login at the broker'}"
        print(f"{equation.code:4} {verdict:38} {equation.title}")
