"""Register: store a submission and decide its seat, in one transaction with many others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.registration.domain.intake import Answered, Arrival, Plan, Submission, decide
from services.registration.outgoing import ARRIVALS, ATTEMPT_REPEATED, EXPIRED, registration_message
from services.registration.store.intake import Said, read_facts, write_plan
from services.registration.usecases.shadows import disguised
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.store.write_group import WriteGroup


class Group(Protocol):
    """The write group, or for measurements none."""

    def submit(self, command: Submission) -> Answered | DomainError:
        """What became of ``command``."""

    def crowded(self) -> bool:
        """Whether whoever comes now would wait too long."""


@dataclass(frozen=True, slots=True)
class Register:
    """Registers through the process's write group.

    Attributes:
        group: of this process.
    """

    group: Group

    def __call__(self, submission: Submission) -> Answered:
        """Store ``submission``; returns after the commit.

        Raises:
            DomainError: ``form-unknown``, ``form-closed``, ``idempotency-mismatch``.
            Overloaded: too many wait already.
            Unavailable: nothing is known to be stored.
        """
        outcome = self.group.submit(submission)
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    def crowded(self) -> bool:
        """Whether whoever registers now would wait too long."""
        return self.group.crowded()


def make_register(work: UnitOfWork, clock: Clock) -> Register:
    """What registers through the process's write group.

    Args:
        work: on the service's database.
        clock: of the project.
    """

    def run(batch: Sequence[Submission]) -> list[Answered | DomainError]:
        return register_batch(work, clock, batch)

    group: WriteGroup[Submission, Answered | DomainError] = WriteGroup(run)
    return Register(group)


def register_batch(work: UnitOfWork, clock: Clock, batch: Sequence[Submission]) -> list[Answered | DomainError]:
    """Decide and store ``batch`` in one transaction; one outcome a submission, in order of arrival."""
    with work.transaction() as connection:
        facts = read_facts(connection, batch, clock())
        now = clock()
        plan = decide(facts, batch, now)
        plan.shadows = [disguised(arrival) for arrival in plan.shadows]
        said = Said(_messages(plan, now), _shadow_messages(plan, now))
        write_plan(connection, plan, facts, said, now)
    return plan.outcomes


def _messages(plan: Plan, now: datetime) -> list[Message]:
    arrivals = [_arrived(arrival, now) for arrival in plan.new]
    attempts = [
        registration_message(
            ATTEMPT_REPEATED,
            known.registration,
            now,
            plan.attempt_causes[known.registration.id],
            attempt=known.attempts,
        )
        for known in plan.attempts.values()
    ]
    return [registration_message(EXPIRED, registration, now) for registration in plan.expired] + arrivals + attempts


def _shadow_messages(plan: Plan, now: datetime) -> list[Message]:
    """As many as if they were new; for ``plan.silent`` a real one stands in its place."""
    return [_arrived(arrival, now) for arrival in plan.shadows if arrival[1].id not in plan.silent]


def _arrived(arrival: Arrival, now: datetime) -> Message:
    submission, registration, _ = arrival
    return registration_message(ARRIVALS[registration.status], registration, now, submission.cause)
