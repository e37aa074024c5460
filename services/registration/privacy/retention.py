"""Retain: answers, people and whole registrations that were kept long enough are deleted, a batch at a time.

Ended registrations go first, the person last. Runs within ``tend`` (``shared/security/retention.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, text

from services.registration.forms.model import retention_of
from services.registration.people.messages import RegistrationMessages
from services.registration.privacy.erasure import erase_kept
from services.registration.sealing.model import keep_fields
from services.registration.telemetry import retention_done_total, retention_overdue, retention_unannounced
from shared.db.unit_of_work import UnitOfWork
from shared.security.retention import (
    BATCH_SIZE,
    GRACE,
    MAY_GO,
    NOTICE,
    Noticed,
    Retaining,
    RetentionMetrics,
    RetentionStep,
    confirm,
    count_waiting,
    notice_statements,
)
from shared.vocabulary.form_kinds import PROPOSAL

METRICS = RetentionMetrics(retention_overdue.labels, retention_unannounced.labels, retention_done_total.labels)

UNDECIDED_DAYS = 365
"""How many days after its last change the person of an undecided proposal is kept."""

_FORMS = text("""
    SELECT f.slug, f.definition, f.person_days, CASE
        WHEN f.event_id IS NOT NULL THEN e.ends_at
        WHEN f.open THEN f.closes_at
        ELSE (SELECT max(c.changed_at) FROM form_change c WHERE c.form = f.slug AND c.revision > 1) END,
        f.keep_days, f.kind
    FROM form f LEFT JOIN event_copy e ON e.id = f.event_id
    ORDER BY f.slug
""")
"""With the last day of each; a form without an event that is open, or was never closed by anyone, has none."""

_DUE = """
    SELECT r.id FROM registration r
    WHERE r.form = :form AND r.accepted_at < :before AND r.erased_at IS NULL AND {what} AND (:last_day < :before
        OR r.status = 'cancelled'
            AND (SELECT max(c.changed_at) FROM registration_change c WHERE c.registration_id = r.id) < :before
        OR :is_proposal AND r.status <> 'cancelled' AND (
            SELECT CASE WHEN p.event_id IS NOT NULL THEN e.ends_at
                WHEN p.status = 'declined' THEN p.decided_at
                ELSE greatest(p.decided_at, (SELECT max(c.changed_at) FROM registration_change c
                    WHERE c.registration_id = r.id)) + make_interval(days => :undecided_days) END
            FROM (SELECT) one LEFT JOIN proposal_state p ON p.registration_id = r.id
                LEFT JOIN event_copy e ON e.id = p.event_id) < :before)
"""
"""Registrations whose last day was before ``before``, and that were accepted before that: a mistyped date of an event
does not delete a person who has just registered. The last day of a proposal is that of its side event, or of the
decision that declined it; without either it is the last change plus the days that make the person's retention a
year."""

_ENDED = """
    SELECT r.id FROM registration r
    WHERE r.form = :form AND r.accepted_at < :before AND r.status = 'cancelled'
        AND (SELECT max(c.changed_at) FROM registration_change c WHERE c.registration_id = r.id) < :before
"""
"""Which ended before ``before``, erased or not; an index finds them by the day of arrival, which comes first."""

_BATCH = " ORDER BY r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED"
_SEALED = _DUE.format(
    what="""r.sealed IS NOT NULL AND EXISTS (
        SELECT FROM jsonb_array_elements(CAST(convert_from(r.sealed, 'UTF8') AS jsonb)) envelope
        WHERE (envelope -> 'fields') - CAST(:names AS text[]) <> '{}')"""
)
_ANSWERS = _DUE.format(what="r.answers ?| CAST(:names AS text[])")
_PEOPLE = _DUE.format(what="true")

_MAY_GO = f" AND {MAY_GO.format(id='r.id')}"
_LOCK_SEALED = text(
    f"SELECT id::text, sealed FROM registration WHERE id IN ({_SEALED}{_MAY_GO}{_BATCH})"  # noqa: S608 - constants
)
_PUT_SEALED = text("UPDATE registration SET sealed = :sealed WHERE id = CAST(:id AS uuid)")
_DROP_ANSWERS = text(f"""
    WITH due AS (
        UPDATE registration SET answers = answers - CAST(:names AS text[])
        WHERE id IN ({_ANSWERS}{_MAY_GO}{_BATCH}) RETURNING id
    ), restorable AS (  -- an undo of a changed address must not write them back
        UPDATE former_address f SET content = jsonb_set(content, '{{answers}}',
            (content -> 'answers') - CAST(:names AS text[]))
        FROM due WHERE f.registration_id = due.id AND f.content ? 'answers'
    )
    SELECT id::text FROM due
""")  # noqa: S608 - constants
_DIGEST = text("SELECT digest_registration(id) FROM unnest(CAST(:ids AS uuid[])) AS id")
"""No revision is made: the digest is made again, as the audit compares it."""
_DUE_PEOPLE = text(f"SELECT id::text FROM ({_PEOPLE}{_MAY_GO} ORDER BY r.id LIMIT :limit) due")  # noqa: S608 - constants
_DUE_ENDED = text(
    f"SELECT id::text FROM registration WHERE id IN ({_ENDED}{_MAY_GO}{_BATCH})"  # noqa: S608 - constants
)
_DELETE_ENDED = text("""
    WITH ended AS (
        DELETE FROM registration WHERE id = ANY(CAST(:ids AS uuid[])) AND erased_at IS NOT NULL RETURNING id),
    histories AS (DELETE FROM registration_change c USING ended WHERE c.registration_id = ended.id)
    SELECT count(*) FROM ended
""")
_COUNTS = {kind: text(f"SELECT count(*) FROM ({due}) due") for kind, due in  # noqa: S608 - constants
    {"ended": _ENDED, "sealed": _SEALED, "answers": _ANSWERS, "people": _PEOPLE}.items()}  # fmt: skip


_NOTICES = {
    "ended": notice_statements(_ENDED),
    "sealed": notice_statements(_SEALED),
    "answers": notice_statements(_ANSWERS),
    "people": notice_statements(_PEOPLE),
}


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form, as far as retention needs it.

    Attributes:
        slug: the slug of the form.
        questions: the fields of the form, as plain mappings.
        person_days: the days after the last day until a person is erased.
        last_day: the last day of its event, or of the form itself; None while there is none.
        keep_days: the days until a registration that has ended is deleted; None if a record of everyone is kept.
        kind: the kind of the form.
    """

    slug: str
    questions: Sequence[Mapping[str, Any]]
    person_days: int
    last_day: datetime | None
    keep_days: int | None
    kind: str

    @property
    def undecided_days(self) -> int | None:
        """How long after its last change a proposal without a decision is as if it had ended; None on other forms."""
        return max(UNDECIDED_DAYS - self.person_days, 0) if self.kind == PROPOSAL else None


@dataclass(frozen=True, slots=True)
class Due:
    """The data that are due for deletion on one form.

    Attributes:
        form: the slug of the form.
        last_day: the last day of the form.
        before: the time before which what ended is due.
        names: the names of the answers to delete, if single ones are; for sealed answers the names of those that stay.
        undecided_days: the days of :attr:`KeptForm.undecided_days`.
    """

    form: str
    last_day: datetime | None
    before: datetime
    names: tuple[str, ...] = ()
    undecided_days: int | None = None

    @classmethod
    def after(cls, form: KeptForm, days: int, now: datetime, names: tuple[str, ...] = ()) -> "Due":
        """Due at ``now`` on ``form``, ``days`` after each last day."""
        return cls(form.slug, form.last_day, now - timedelta(days=days), names, form.undecided_days)


def kept_forms(connection: Connection) -> list[KeptForm]:
    """Every form, by slug."""
    return [KeptForm(slug, content["fields"], *more) for slug, content, *more in connection.execute(_FORMS)]


def noticed(what: str, step: str, due: Due) -> Noticed:
    """Return how data that are due are announced.

    Args:
        what: ``ended``, ``sealed``, ``answers`` or ``people``.
        step: the name of the notices.
        due: the data that are due on a form.
    """
    values = _values(due) | _names(what, due)
    return Noticed(step, due.form, _NOTICES[what], values)


def due_ended(connection: Connection, step: Noticed, announced_before: datetime, limit: int) -> list[str]:
    """Ids of up to ``limit`` ended registrations that may be deleted and that no other transaction has locked."""
    return list(connection.execute(_DUE_ENDED, _limits(step, announced_before, limit)).scalars())


def delete_ended(connection: Connection, registration_ids: Sequence[str]) -> int:
    """Delete those of these registrations whose people are erased, with their histories; returns how many."""
    return int(connection.execute(_DELETE_ENDED, {"ids": list(registration_ids)}).scalar_one())


def drop_sealed(connection: Connection, step: Noticed, announced_before: datetime, limit: int) -> int:
    """Delete sealed answers, but the named ones, of up to ``limit`` registrations that may go; returns of how many.

    It needs no key.
    """
    found = connection.execute(_LOCK_SEALED, _limits(step, announced_before, limit)).all()
    changed = [{"id": row, "sealed": keep_fields(bytes(sealed), step.values["names"])} for row, sealed in found]
    if changed:
        connection.execute(_PUT_SEALED, changed)
    return len(changed)


def drop_answers(connection: Connection, step: Noticed, announced_before: datetime, limit: int) -> int:
    """Delete the named answers of up to ``limit`` registrations that may go; returns of how many."""
    changed = list(connection.execute(_DROP_ANSWERS, _limits(step, announced_before, limit)).scalars())
    if changed:
        connection.execute(_DIGEST, {"ids": changed})
    return len(changed)


def due_people(connection: Connection, step: Noticed, announced_before: datetime, limit: int) -> list[str]:
    """Ids of up to ``limit`` registrations whose people are to be erased, and may go."""
    return [row[0] for row in connection.execute(_DUE_PEOPLE, _limits(step, announced_before, limit))]


def count_due(connection: Connection, what: str, due: Due) -> int:
    """How many registrations are due: ``what`` is ``ended``, ``sealed``, ``answers`` or ``people``."""
    return int(connection.execute(_COUNTS[what], _values(due) | _names(what, due)).scalar_one())


def _limits(step: Noticed, announced_before: datetime, limit: int) -> dict[str, Any]:
    return {**step.values, "step": step.step, "announced_before": announced_before, "limit": limit}


def _names(what: str, due: Due) -> dict[str, Any]:
    return {"names": list(due.names)} if what in ("sealed", "answers") else {}


def _values(due: Due) -> dict[str, Any]:
    return {
        "form": due.form,
        "last_day": due.last_day if due.undecided_days is None else None,
        "before": due.before,
        "is_proposal": due.undecided_days is not None,
        "undecided_days": due.undecided_days or 0,
    }


_DROPS = {"sealed": drop_sealed, "answers": drop_answers}


@dataclass(frozen=True, slots=True)
class FormRetentionStep:
    """A deletion that is due on one form.

    Attributes:
        what: ``ended``, ``sealed``, ``answers`` or ``people``.
        days: the days after the last day; for ``ended`` after the registration ended.
        due: the data that are due on the form.
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
    return Retaining("registration", METRICS, overdue, partial(retention_steps, messages))


def steps(form: KeptForm, now: datetime) -> Iterator[FormRetentionStep]:
    """Everything that can be due on a form, with what is due at ``now``."""
    rule = retention_of(form.questions, form.person_days)
    if form.keep_days is not None:
        yield FormRetentionStep("ended", form.keep_days, Due.after(form, form.keep_days, now))
    for days, names in rule.sealed.items():
        yield FormRetentionStep("sealed", days, Due.after(form, days, now, names))
    for days, names in rule.fields.items():
        yield FormRetentionStep("answers", days, Due.after(form, days, now, names))
    yield FormRetentionStep("people", rule.person_days, Due.after(form, rule.person_days, now))


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
    """Confirm the deletion of records of a form that are due but were not announced; returns how many records by step.

    Args:
        work: the unit of work on the service's database.
        now: the time, compared with the database's clock.
        form: the slug; a form that does not exist has no waiting records.
        who: the operator, for the audit log.
    """
    confirmed = {}
    with work.transaction() as connection:
        for kept in [kept for kept in kept_forms(connection) if kept.slug == form]:
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


def _taking(messages: RegistrationMessages, step: FormRetentionStep) -> Callable[[UnitOfWork, datetime], int]:
    if step.what == "people":
        return partial(_erase, messages, step)
    return partial(_end, messages, step) if step.what == "ended" else partial(_drop, step)


def _drop(step: FormRetentionStep, work: UnitOfWork, now: datetime) -> int:
    with work.transaction() as connection:
        return _DROPS[step.what](connection, step.noticed, now - NOTICE, BATCH_SIZE)


def _end(messages: RegistrationMessages, step: FormRetentionStep, work: UnitOfWork, now: datetime) -> int:
    """Erase people first, so that the other services forget them too; then nothing of the registrations is left."""
    with work.transaction() as connection:
        ended = due_ended(connection, step.noticed, now - NOTICE, BATCH_SIZE)
    for person_id in ended:
        erase_kept(work, messages, now, person_id)
    with work.transaction() as connection:
        return delete_ended(connection, ended)


def _erase(messages: RegistrationMessages, step: FormRetentionStep, work: UnitOfWork, now: datetime) -> int:
    with work.transaction() as connection:
        people = due_people(connection, step.noticed, now - NOTICE, BATCH_SIZE)
    return sum(erase_kept(work, messages, now, person_id) for person_id in people)
