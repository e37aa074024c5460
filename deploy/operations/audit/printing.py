"""Prints the sums that must add up, the outcome on each equation, what is not decidable yet, and what is broken."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter

from deploy.operations.audit.contents import COUNTED
from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import ARRIVALS, DATABASES
from deploy.operations.audit.reading import Sources
from deploy.operations.audit.readings import head_of
from deploy.operations.audit.reconcile import AuditOutcome, Judgement, both_sides, overall
from shared.messaging.broker import RETRY

_SUBMISSIONS = """
    SELECT CASE WHEN state <> 'decided' THEN replace(state, 'received', 'undecided')
        WHEN kind <> 'submission' THEN kind
        WHEN jsonb_typeof(outcome) = 'string' THEN outcome #>> '{}' ELSE 'entered by link' END AS ending, count(*)
    FROM submission GROUP BY ending ORDER BY ending
"""
_REGISTRATIONS = "SELECT status, count(*) FROM registration GROUP BY status ORDER BY status"
_MAILS = "SELECT state, count(*) FROM mail GROUP BY state ORDER BY state"
_UNKNOWNS = "SELECT coalesce(sum(unknowns), 0) FROM mail"
_NEEDED = {"A1": "a test has it alone", "A13": "the keys database"}
_QUARANTINE = "SELECT since, reason FROM quarantine"
SHOWN = 50
"""Differences of an equation that are printed."""

NO_BROKER_NAMED = "TROIKA_AUDIT_BROKER_URL is not set"
LAST_LINES = {
    AuditOutcome.HOLDS: "Everything adds up.",
    AuditOutcome.NOT_YET_DECIDABLE: "Nothing is broken. Not everything can be decided yet: repeat it later.",
    AuditOutcome.NOT_ASKED: "Nothing was asked.",
}


def print_audit(
    sources: Sources, judgements: Sequence[Judgement], outcome: AuditOutcome, where: str, not_asked: str = ""
) -> None:
    """Print the sums, each equation with its outcome, what waits for what, and the differences.

    Args:
        sources: the sources that were read.
        judgements: one a check.
        outcome: the outcome over all checks.
        where: the place where the sources were found, in words.
        not_asked: why the broker was not asked, where there should be one.
    """
    print(f"What is stored: {where}\n")
    _print_quarantine(sources)
    _print_sums(sources)
    _print_broker(sources, not_asked or NO_BROKER_NAMED)
    print()
    _print_outcomes(judgements)
    _print_waiting(judgements)
    _print_broken(judgements)
    broken = sum(judgement.broken for judgement in judgements)
    print(f"\n{broken:,} differences." if broken else f"\n{LAST_LINES[outcome]}")


def _print_sums(sources: Sources) -> None:
    if "registration" in sources.databases:
        outcomes = [(row[0], row[1]) for row in sources.rows("registration", _SUBMISSIONS)]
        _print_sum("submissions of the last 8 days", outcomes)
        states = [(row[0], row[1]) for row in sources.rows("registration", _REGISTRATIONS)]
        _print_sum("registrations", states)
    for queue, seen in sorted(_arrivals(sources).items()):
        words = f"consumed {seen['consumed']:,} + waiting {seen['waits']:,} + parked {seen['parked']:,}"
        words += f" + not consumed yet, or lost {seen['missing']:,}"
        print(f"{'published for ' + queue:40} {seen.total():>10,} = {words}")
    if "notifications" in sources.databases:
        _print_sum("mails", [(row[0], row[1]) for row in sources.rows("notifications", _MAILS)])
        ((unknowns,),) = sources.rows("notifications", _UNKNOWNS)
        print(f"{'handovers recorded as unknown':40} {unknowns:>10,}")
    _print_contents(sources)
    if "registration" in sources.databases and (head := head_of(sources)).number:
        print(f"{'readings of sealed answers':40} {head.number:>10,}, head {head}")


def _print_contents(sources: Sources) -> None:
    """How many rows A14 compares, and how many have no digest because they were last written before there were any."""
    for service in (name for name in DATABASES if name in sources.databases):
        ((digested, undigested),) = sources.rows(service, COUNTED)
        words = f"compared {digested:,} + without a digest, not asked {undigested:,}"
        print(f"{'contents of ' + service:40} {digested + undigested:>10,} = {words}")


def _print_quarantine(sources: Sources) -> None:
    """Which databases are in quarantine: nothing moves there until it ends."""
    for service in (name for name in DATABASES if name in sources.databases):
        for since, reason in sources.rows(service, _QUARANTINE):
            print(f"{'quarantine of ' + service:40} since {since:%Y-%m-%dT%H:%M:%SZ}: {reason}")


def _print_sum(name: str, parts: Iterable[tuple[str, int]]) -> None:
    listed = list(parts)
    words = " + ".join(f"{part} {count:,}" for part, count in listed) or "none"
    print(f"{name:40} {sum(count for _part, count in listed):>10,} = {words}")


def _arrivals(sources: Sources) -> Mapping[str, Counter[str]]:
    """By queue: how many published messages were consumed, wait, are parked, or are seen nowhere."""
    counts: dict[str, Counter[str]] = {}
    if not all(map(sources.has, ARRIVALS.needs)):
        return counts
    for key, rows in groupby(both_sides(ARRIVALS, sources), itemgetter(0)):
        values = {value for _key, _is_right, value, _required in rows}
        if "published" in values:
            state = next((name for name in ("consumed", "parked", "waits") if name in values), "missing")
            counts.setdefault(key.partition(" ")[2], Counter())[state] += 1
    return counts


def _print_broker(sources: Sources, not_asked: str) -> None:
    """Print the messages of the broker; those of the embedded bus, a database, are in the sums."""
    if "bus" in sources.databases:
        return
    if sources.held is None:
        print(f"{'held by the broker':40} not asked: {not_asked}")
        return
    parked = Counter(key.partition(" ")[2] for key, _value, _required in sources.given.get("parked", ()))
    for queue, count in sources.held.items():
        also = "" if queue.startswith(RETRY) else f" + parked {parked[queue]:,}"
        print(f"{'held by the broker, ' + queue:40} {count + parked[queue]:>10,} = waiting {count:,}{also}")


def _print_outcomes(judgements: Sequence[Judgement]) -> None:
    titles = {equation.code: equation.title for equation in EQUATIONS}
    for code, checks in groupby(judgements, attrgetter("equation")):
        print(f"{code:4} {_words(code, list(checks)):38} {titles[code]}")


def _words(code: str, checks: Sequence[Judgement]) -> str:
    outcome = overall(checks)
    if outcome is AuditOutcome.NOT_ASKED:
        return f"{outcome}: {_NEEDED.get(code, 'needs a login at the broker')}"
    count = sum(check.broken if outcome is AuditOutcome.BROKEN else check.waiting.total() for check in checks)
    return f"{outcome}: {count:,}" if count else str(outcome)


def _print_waiting(judgements: Sequence[Judgement]) -> None:
    waiting = [(judgement, words, count) for judgement in judgements for words, count in judgement.waiting.items()]
    if waiting:
        print("\nNot yet decidable:")
    for judgement, words, count in waiting:
        print(f"{judgement.equation:4} {judgement.what}: waits for {count:,} {words}")


def _print_broken(judgements: Sequence[Judgement]) -> None:
    for code, checks in groupby([judgement for judgement in judgements if judgement.broken], attrgetter("equation")):
        listed = list(checks)
        named = [finding for judgement in listed for finding in judgement.named][:SHOWN]
        print("\n" + "\n".join(map(str, named)))
        if (more := sum(judgement.broken for judgement in listed) - len(named)) > 0:
            print(f"{code} … and {more:,} more")
