"""Retain: what has been kept long enough goes by itself, ended registrations first, the person last.

Runs within ``tend`` (``shared/store/retaining.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.registration.forms.retention import retention_of
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy.erasure import erase_kept
from services.registration.privacy.retention_store import (
    Due,
    KeptForm,
    count_due,
    delete_ended,
    drop_answers,
    drop_sealed,
    due_ended,
    due_people,
    kept_forms,
    noticed,
)
from shared.store.retaining import BITE, GRACE, Retaining, RetentionStep
from shared.store.retention_notices import NOTICE, Noticed, confirm, count_waiting
from shared.store.unit_of_work import UnitOfWork

_DROPS = {"sealed": drop_sealed, "answers": drop_answers}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is due on one form.

    Attributes:
        what: ``ended``, ``sealed``, ``answers`` or ``people``.
        days: after the last day; for ``ended`` after the registration ended.
        due: of the form.
    """

    what: str
    days: int
    due: Due

    @property
    def noticed(self) -> Noticed:
        """How it is announced."""
        name = f"{self.what}-{self.days}" if self.what in ("sealed", "answers") else self.what
        return noticed(self.what, name, self.due)


def retaining(messages: RegistrationMessages) -> Retaining:
    """Return what is run again and again to delete what has been kept long enough."""
    return Retaining("registration", overdue, partial(retention_steps, messages))


def steps(form: KeptForm, now: datetime) -> Iterator[Step]:
    """Everything that can be due on a form, with what is due at ``now``."""
    rule = retention_of(form.questions, form.person_days)
    if form.keep_days is not None:
        yield Step("ended", form.keep_days, Due.after(form, form.keep_days, now))
    for days, names in rule.sealed.items():
        yield Step("sealed", days, Due.after(form, days, now, names))
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
    counts = {"ended": 0, "sealed": 0, "answers": 0, "people": 0}
    with work.transaction() as connection:
        for form in kept_forms(connection):
            for step in steps(form, now - GRACE):
                counts[step.what] += count_due(connection, step.what, step.due)
    return counts


def retention_steps(messages: RegistrationMessages, work: UnitOfWork, now: datetime) -> Iterator[RetentionStep]:
    """Everything that can go, form by form."""
    with work.transaction() as connection:
        forms = kept_forms(connection)
    for form in forms:
        for step in steps(form, now):
            yield RetentionStep(step.what, step.noticed, _taking(messages, step))


def confirm_unannounced(work: UnitOfWork, now: datetime, form: str, who: str) -> dict[str, int]:
    """Let go what is due on a form and waits because nothing announced it; returns how many records by step.

    Args:
        work: on the service's database.
        now: compared with the database's clock.
        form: slug; one that does not exist has nothing that waits.
        who: the operator, for the audit log.
    """
    confirmed = {}
    with work.transaction() as connection:
        for kept in [one for one in kept_forms(connection) if one.slug == form]:
            for step in steps(kept, now):
                confirmed[step.noticed.step] = confirm(connection, step.noticed, now, who)
    return {name: count for name, count in confirmed.items() if count}


def unannounced(work: UnitOfWork, now: datetime) -> dict[tuple[str, str], int]:
    """How many records are due and wait for an operator, by form and step; only where any do."""
    with work.transaction() as connection:
        counts = {
            (form.slug, step.noticed.step): count_waiting(connection, step.noticed)
            for form in kept_forms(connection)
            for step in steps(form, now)
        }
    return {key: count for key, count in counts.items() if count}


def _taking(messages: RegistrationMessages, step: Step) -> Callable[[UnitOfWork, datetime], int]:
    if step.what == "people":
        return partial(_erase, messages, step)
    return partial(_end, messages, step) if step.what == "ended" else partial(_drop, step)


def _drop(step: Step, work: UnitOfWork, now: datetime) -> int:
    with work.transaction() as connection:
        return _DROPS[step.what](connection, step.noticed, now - NOTICE, BITE)


def _end(messages: RegistrationMessages, step: Step, work: UnitOfWork, now: datetime) -> int:
    """Erase people first, so that the other services forget them too; then nothing of the registrations is left."""
    with work.transaction() as connection:
        ended = due_ended(connection, step.noticed, now - NOTICE, BITE)
    for one in ended:
        erase_kept(work, messages, now, one)
    with work.transaction() as connection:
        return delete_ended(connection, ended)


def _erase(messages: RegistrationMessages, step: Step, work: UnitOfWork, now: datetime) -> int:
    with work.transaction() as connection:
        people = due_people(connection, step.noticed, now - NOTICE, BITE)
    return sum(erase_kept(work, messages, now, one) for one in people)
