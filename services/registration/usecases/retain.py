"""Retain: what has been kept long enough goes by itself, sealed answers first, the person last.

Runs within the relay's housekeeping (``shared/store/retaining.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from services.registration.domain.retention import retention_of
from services.registration.store.retention import (
    Due,
    KeptForm,
    count_due,
    drop_answers,
    drop_sealed,
    due_people,
    kept_forms,
)
from services.registration.usecases.erase import erase_kept
from shared.store.retaining import BITE, GRACE, Retaining
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is due on one form.

    Attributes:
        what: ``sealed``, ``answers`` or ``people``.
        days: after the last day.
        due: of the form.
    """

    what: str
    days: int
    due: Due


def retaining() -> Retaining:
    """What the relay's housekeeping turns."""
    return Retaining("registration", overdue, take)


def steps(form: KeptForm, now: datetime) -> Iterator[Step]:
    """Everything that can be due on a form, with what is due at ``now``."""
    rule = retention_of(form.questions, form.person_days)
    if rule.sealed_days is not None:
        yield Step("sealed", rule.sealed_days, Due.after(form, rule.sealed_days, now))
    for days, names in rule.fields.items():
        yield Step("answers", days, Due.after(form, days, now, names))
    yield Step("people", rule.person_days, Due.after(form, rule.person_days, now))


def survey(work: UnitOfWork, now: datetime) -> list[tuple[str, datetime | None, str, int, int, int]]:
    """For operators: (form, its last day, what goes, after how many days, how many are due, how many overdue)."""
    with work.transaction() as connection:
        return [
            (form.slug, form.last_day, step.what, step.days, count_due(connection, step.what, step.due), late)
            for form in kept_forms(connection)
            for step, before in zip(steps(form, now), steps(form, now - GRACE), strict=True)
            for late in [count_due(connection, before.what, before.due)]
        ]


def overdue(work: UnitOfWork, now: datetime) -> dict[str, int]:
    """How many registrations still have what should have gone a day ago, by what it is."""
    counts = {"sealed": 0, "answers": 0, "people": 0}
    with work.transaction() as connection:
        for form in kept_forms(connection):
            for step in steps(form, now - GRACE):
                counts[step.what] += count_due(connection, step.what, step.due)
    return counts


def take(work: UnitOfWork, now: datetime) -> Iterator[tuple[str, int]]:
    """Take a bite of everything that is due, form by form; yields what it was and of how many registrations."""
    with work.transaction() as connection:
        forms = kept_forms(connection)
    for form in forms:
        for step in steps(form, now):
            yield step.what, _erase(work, step, now) if step.what == "people" else _drop(work, step)


def _drop(work: UnitOfWork, step: Step) -> int:
    drop: Callable[..., int] = drop_sealed if step.what == "sealed" else drop_answers
    with work.transaction() as connection:
        return drop(connection, step.due, BITE)


def _erase(work: UnitOfWork, step: Step, now: datetime) -> int:
    with work.transaction() as connection:
        people = due_people(connection, step.due, BITE)
    return sum(erase_kept(work, now, one) for one in people)
