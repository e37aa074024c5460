"""Retain: proposals that have been kept long enough go by themselves, answers with days of their own first.

Runs within the relay's housekeeping (``shared/store/retaining.py``), and erases by what erases for a coordinator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from services.events.domain.proposal import ProposalStatus
from services.events.domain.proposal_retention import (
    DECIDED,
    DECIDED_DAYS,
    UNDECIDED,
    UNDECIDED_DAYS,
    UNVERIFIED_FOR,
    answers_by_days,
)
from services.events.store.proposal_retention import Due, count_due, count_kept, drop_answers, due_people, noticed
from services.events.usecases.erase_proposal import erase_kept
from shared.public_forms.proposal import days_of_answers
from shared.store.retaining import BITE, GRACE, Retaining, RetentionStep
from shared.store.retention_notices import NOTICE, Noticed, confirm, count_waiting
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be due.

    Attributes:
        what: ``answers`` or ``people``.
        days: after the last day.
        statuses: of the proposals that it is about.
        names: of the questions; none: the whole proposal.
    """

    what: str
    days: int
    statuses: Sequence[ProposalStatus]
    names: tuple[str, ...] = ()

    def due(self, now: datetime) -> Due:
        """What is due at ``now``."""
        return Due(self.statuses, now - timedelta(days=self.days), self.names)

    def noticed(self, now: datetime) -> Noticed:
        """How what is due at ``now`` is announced."""
        return noticed(f"{self.what}-{self.days}", self.due(now))


@dataclass(frozen=True, slots=True)
class Kept:
    """What an operator is told of a step: how many proposals it is about, when the first of them goes (None: none has a
    last day), how many are due, and how many overdue."""

    step: Step
    number: int
    first_at: datetime | None
    due: int
    overdue: int


def retaining() -> Retaining:
    """What the relay's housekeeping turns."""
    return Retaining("events", overdue, retention_steps)


def steps() -> list[Step]:
    """Everything that can be due, in the order in which it goes; the first is erased by ``forget_unverified``."""
    answers = answers_by_days(days_of_answers()).items()
    return [
        Step("people", UNVERIFIED_FOR.days, (ProposalStatus.UNVERIFIED,)),
        *(Step("answers", days, DECIDED, names) for days, names in answers),
        Step("people", DECIDED_DAYS, DECIDED),
        Step("people", UNDECIDED_DAYS, UNDECIDED),
    ]


def overdue(work: UnitOfWork, now: datetime) -> dict[str, int]:
    """How many proposals still have what should have gone a day ago, by what it is."""
    counts = {"answers": 0, "people": 0}
    with work.transaction() as connection:
        for step in steps():
            counts[step.what] += count_due(connection, step.due(now - GRACE))
    return counts


def retention_steps(_work: UnitOfWork, now: datetime) -> Iterator[RetentionStep]:
    """Everything that can go, but for what nobody has verified."""
    for step in steps()[1:]:
        yield RetentionStep(step.what, step.noticed(now), partial(_drop if step.names else _erase, step))


def confirm_unannounced(work: UnitOfWork, now: datetime, who: str) -> dict[str, int]:
    """Let go what is due and waits because nothing announced it; returns how many proposals by step.

    Args:
        work: on the service's database.
        now: compared with the database's clock.
        who: the operator, for the audit log.
    """
    with work.transaction() as connection:
        confirmed = {step.noticed(now).step: confirm(connection, step.noticed(now), now, who) for step in steps()[1:]}
    return {name: count for name, count in confirmed.items() if count}


def unannounced(work: UnitOfWork, now: datetime) -> dict[str, int]:
    """How many proposals are due and wait for an operator, by step; only where any do."""
    with work.transaction() as connection:
        counts = {step.noticed(now).step: count_waiting(connection, step.noticed(now)) for step in steps()[1:]}
    return {name: count for name, count in counts.items() if count}


def survey(work: UnitOfWork, now: datetime) -> list[Kept]:
    """For operators, step by step."""
    with work.transaction() as connection:
        found = []
        for step in steps():
            number, first = count_kept(connection, step.due(now))
            first_at = first + timedelta(days=step.days) if first else None
            due, late = (count_due(connection, step.due(at)) for at in (now, now - GRACE))
            found.append(Kept(step, number, first_at, due, late))
    return found


def _drop(step: Step, work: UnitOfWork, now: datetime) -> int:
    with work.transaction() as connection:
        return drop_answers(connection, step.noticed(now), now - NOTICE, BITE)


def _erase(step: Step, work: UnitOfWork, now: datetime) -> int:
    """Each in a transaction of its own, since each locks the board."""
    with work.transaction() as connection:
        ids = due_people(connection, step.noticed(now), now - NOTICE, BITE)
    return sum(erase_kept(work, now, one) for one in ids)
