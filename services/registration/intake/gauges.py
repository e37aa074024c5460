"""How much waits in the intake, as metrics: undecided and parked submissions, and overdue confirmation mails."""

from datetime import datetime

from services.registration.intake.mailboxes import overdue_mails
from services.registration.intake.queue import backlog
from shared.core.metrics import (
    confirmation_mail_oldest_overdue_age_seconds,
    confirmation_mails_overdue,
    submission_oldest_undecided_age_seconds,
    submissions_parked,
    submissions_undecided,
)
from shared.store.unit_of_work import UnitOfWork


def set_intake_gauges(work: UnitOfWork, now: datetime) -> None:
    """Read the backlog of the intake and set its metrics.

    Every decider does so, also one that stands by: the age has to grow while the one that leads is stuck.

    Raises:
        Unavailable: the database is away; the metrics keep their values.
    """
    with work.transaction() as connection:
        undecided, oldest, parked = backlog(connection)
        overdue, due_since = overdue_mails(connection, now)
    submissions_undecided.set(undecided)
    submission_oldest_undecided_age_seconds.set(_age_s(oldest, now))
    submissions_parked.set(parked)
    confirmation_mails_overdue.set(overdue)
    confirmation_mail_oldest_overdue_age_seconds.set(_age_s(due_since, now))


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
