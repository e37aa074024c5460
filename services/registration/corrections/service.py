"""Correct, enter, merge, send again: each can be previewed. The decider decides the first three, as it decides forms.

Of two registrations of one person on one form that are merged, one stays, with the answers that a coordinator has
chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.registration.corrections.model import (
    CORRECTING,
    ENTERING,
    HISTORY,
    MERGING,
    REFUSALS,
    CheckedAnswers,
    Correction,
    CorrectionPreview,
    check_answers,
    correctable,
    current_answers,
    effects_of_correction,
    enterable,
    entering_effects,
    place_of_next,
)
from services.registration.forms.seats import place_rank
from services.registration.forms.store import find_form
from services.registration.intake.desk_items import CORRECT, ENTER, MERGE, DeskCommand
from services.registration.intake.form_view import FormView, view_form
from services.registration.intake.model import Result
from services.registration.intake.service import Intake
from services.registration.own.answers import AnswerDifference, differences
from services.registration.own.commands import wait_for_act
from services.registration.people.listing import PersonView, show_person
from services.registration.people.messages import LINK_REQUESTED, RegistrationMessages, fact_about
from services.registration.people.model import LIVE
from services.registration.people.store import PERSON, Person, asked_recently, lock_known, to_person
from shared.db.unit_of_work import UnitOfWork
from shared.public_forms.addresses import address_beginning, address_key, normal_address
from shared.public_forms.rendering import answers_for_display
from shared.public_forms.validation import Answers, validate
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.security.audit_log import AuditRecord, add_audit_record


class FaultyAnswers(Exception):
    """The answers have faults; ``answers`` has the faults and the values that could be read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the answers have faults")
        self.answers = answers


@dataclass(frozen=True, slots=True)
class CorrectionsContext:
    """Dependencies of coordinators' corrections and entries.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        intake: the intake that stores commands for the decider.
        messages: the writer of registration messages to the outbox.
    """

    work: UnitOfWork
    clock: Clock
    intake: Intake
    messages: RegistrationMessages

    def form_view(self, slug: str) -> FormView:
        """The form, as it is now.

        Raises:
            DomainError: ``form-unknown``.
        """
        return view_form(self.work, slug, self.clock())


@dataclass(frozen=True, slots=True)
class PreparedCorrection:
    """A correction that was checked.

    Attributes:
        view: the registration with what a coordinator sees of it.
        form: the form, with the questions that are stored as its definition.
        email: the address after the correction.
        moves: whether the address changes.
        preview: the preview of what it does.
    """

    view: PersonView
    form: FormView
    checked: CheckedAnswers
    email: str
    moves: bool
    preview: CorrectionPreview


def prepare_correction(context: CorrectionsContext, wanted: Correction) -> PreparedCorrection:
    """Check a correction and return what it would do.

    Raises:
        DomainError: ``not-found``, ``no-place``; ``invalid-address``, ``unknown-reason``.
        FaultyAnswers: the answers have faults.
    """
    if wanted.reason not in CORRECTING:
        raise DomainError("reason-needed", "choose a reason for the correction")
    view = show_person(context.work, wanted.registration_id)
    if view.person.registration.status not in LIVE:
        raise DomainError(*REFUSALS[Result.GONE])
    form = context.form_view(view.form.slug)
    held = current_answers(view.person)
    checked = check_answers(correctable(form.whole, held), held, wanted.answers)
    if not checked.answers.ok:
        raise FaultyAnswers(checked.answers)
    email = view.person.email if wanted.email is None else _address(wanted.email)
    preview = _preview(checked, held, view.person, email)
    moves = address_key(email) != address_key(view.person.email)
    return PreparedCorrection(view, form, checked, email, moves, preview)


def _preview(checked: CheckedAnswers, held: Mapping[str, Any], person: Person, email: str) -> CorrectionPreview:
    values, names = checked.answers.values, [field.name for field in checked.definition.fields]
    found = list(differences(checked.definition, held, values, "en"))
    fields = [name for name in names if held.get(name) != values.get(name)]
    if moves := address_key(email) != address_key(person.email):
        found.insert(0, AnswerDifference("E-mail address", person.email, email))
        fields.insert(0, "email")
    effects = effects_of_correction(changes=bool(fields), moves=moves, verified=person.registration.verified)
    return CorrectionPreview(found, fields, effects)


def _address(typed: str) -> str:
    try:
        return normal_address(typed)
    except ValueError:
        raise DomainError("invalid-address", "that is not a mail address") from None


def correct(context: CorrectionsContext, wanted: Correction) -> Person:
    """Correct a registration; returns it as it is afterwards. A change of address is mailed to both addresses.

    Raises:
        DomainError: as :func:`prepare_correction`; ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the answers have faults.
    """
    prepared = prepare_correction(context, wanted)
    registration = prepared.view.person.registration
    values = {
        "target": {"id": registration.id, "revision": wanted.revision},
        "fields": [field.name for field in prepared.checked.definition.fields],
        "reason": HISTORY["correct", wanted.reason],
    }
    form = replace(prepared.form, definition=prepared.checked.definition)
    answers = replace(prepared.checked.answers, values={**prepared.checked.answers.values, "email": prepared.email})
    command = DeskCommand(CORRECT, wanted.by, registration.language, values)
    return send(context, form, answers, command, Result.CHANGED, Result.KEPT)


def send(
    context: CorrectionsContext, form: FormView, answers: Answers, command: DeskCommand, *results: Result
) -> Person:
    """Send a command to the decider and wait; returns the registration that it was about, as it is afterwards.

    Args:
        context: the context of the feature.
        form: the form, with the questions that were asked as its definition.
        answers: the checked answers, with the address among their values.
        command: what is done, by whom.
        results: the results of a command that was done.

    Raises:
        DomainError: ``undecided``, or what the decider refused, see ``REFUSALS``.
    """
    act = wait_for_act(context.intake, context.intake.submit_command(form, answers, command))
    if act is None:
        raise DomainError("undecided", "it is stored but not decided yet; check again in a minute")
    if act.result not in results:
        raise DomainError(*REFUSALS[act.result])
    return show_person(context.work, act.candidate).person


@dataclass(frozen=True, slots=True)
class DeskEntry:
    """A person whom a coordinator enters on a form.

    Attributes:
        answers: the answers to the form's questions, unchecked.
        reason: one of ``ENTERING``.
        by: the name of the coordinator's key.
    """

    form: str
    answers: Mapping[str, Any]
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """An entry that was checked; ``effects`` is what it does, in sentences."""

    form: FormView
    answers: Answers
    effects: list[str]


def prepare_entry(context: CorrectionsContext, entry: DeskEntry) -> PreparedEntry:
    """Check the person whom a coordinator enters, and return what that would do.

    Raises:
        DomainError: ``form-unknown``, ``reason-needed``, ``full``, ``event-over``.
        FaultyAnswers: the answers have faults.
    """
    if entry.reason not in ENTERING:
        raise DomainError("reason-needed", "choose a reason for entering this person")
    view = context.form_view(entry.form)
    form = replace(view, definition=enterable(view.whole))
    answers = validate(form.definition, dict(entry.answers), "en")
    if not answers.ok:
        raise FaultyAnswers(answers)
    with context.work.transaction() as connection:
        stored = find_form(connection, entry.form)
    if stored is None:
        raise DomainError("form-unknown")
    place = place_of_next(stored.seats, stored.opening, context.clock())
    return PreparedEntry(form, answers, entering_effects(place))


def enter(context: CorrectionsContext, entry: DeskEntry) -> Person:
    """Enter a person on a form; returns their registration. The address counts as not confirmed by its owner.

    Raises:
        DomainError: as :func:`prepare_entry`; ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the answers have faults.
    """
    prepared = prepare_entry(context, entry)
    language = str(prepared.answers.values.get("language") or "en")
    values = {"reason": HISTORY["enter", entry.reason]}
    command = DeskCommand(ENTER, entry.by, language, values)
    return send(context, prepared.form, prepared.answers, command, Result.CONFIRMED, Result.WAITLISTED)


def send_again(context: CorrectionsContext, registration_id: str, by: str) -> Person:
    """Mail the managing link of a registration to its address again, at most once in five minutes.

    Raises:
        DomainError: ``not-found``, ``no-place``, ``sent-recently``.
    """
    with context.work.transaction() as connection:
        locked = lock_known(connection, context.clock, registration_id)
        if locked.registration.status not in LIVE:
            raise DomainError(*REFUSALS[Result.GONE])
        if asked_recently(connection, [registration_id], locked.now):
            raise DomainError("sent-recently", "the link was mailed within the last five minutes")
        context.messages.add(connection, [fact_about(LINK_REQUESTED, locked.person)], locked.now)
        add_audit_record(connection, AuditRecord(by, "link-sent", "registration", registration_id), locked.now)
    return locked.person


EMAIL, SEALED = "email", "sealed"
"""What can be taken of the other registration beside its answers."""

MAX_FOUND = 20

_LIKE = text(
    PERSON
    + """WHERE r.form = :form AND r.id <> CAST(:id AS uuid) AND r.status <> 'cancelled' AND r.erased_at IS NULL
        AND (r.person_ref = decode(:ref, 'hex') OR folded(r.name) = folded(:name)
            OR (:q <> ''
                AND (starts_with(lower(r.email), lower(:address)) OR position(folded(:q) IN folded(r.name)) > 0)))
    ORDER BY r.id LIMIT :limit"""
)


@dataclass(frozen=True, slots=True)
class MergeWanted:
    """A merger of two registrations that a coordinator requests.

    Attributes:
        kept: the (id, revision seen) of the registration that stays.
        other: the (id, revision seen) of the registration that ends.
        taken: the questions for which the answers of ``other`` stay; may contain ``EMAIL`` and ``SEALED``.
        by: the name of the coordinator's key.
    """

    kept: tuple[str, int]
    other: tuple[str, int]
    taken: Collection[str]
    by: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two registrations that can be merged.

    Attributes:
        differs: what differs, by name: as text of the one that stays (``before``) and of the other (``after``).
        both_sealed: whether both have sealed answers.
    """

    kept: PersonView
    other: PersonView
    form: FormView
    differs: dict[str, AnswerDifference]
    both_sealed: bool

    @property
    def effects(self) -> Sequence[str]:
        """What merging does, in sentences."""
        return (
            "The other registration ends without a mail. Its links stop working, and its seat is given back.",
            "One mail, with a link, goes to the address that stays. Tags and notes of both stay.",
        )


def find_alike(context: CorrectionsContext, view: PersonView, q: str) -> list[Person]:
    """Live registrations on the same form with the same address or name, or found by ``q``."""
    registration = view.person.registration
    values = {"form": registration.form, "id": registration.id, "ref": registration.person_ref}
    return _find_like(context, **values, name=view.person.name or "", q=q)


def find_namesakes(context: CorrectionsContext, form: str, name: str, email: str) -> list[Person]:
    """Live registrations on a form with this name or address: of a person who may be about to be entered twice."""
    return _find_like(context, form=form, id=str(UUID(int=0)), ref="", name=name, q=email)


def _find_like(context: CorrectionsContext, q: str, **values: str) -> list[Person]:
    values |= {"q": q, "address": address_beginning(q)}
    with context.work.transaction() as connection:
        return [to_person(row) for row in connection.execute(_LIKE, {**values, "limit": MAX_FOUND})]


def pair_of(context: CorrectionsContext, one: str, another: str) -> Pair:
    """Two registrations of a form; the one that stays has the better place (``place_rank``), or is the older one.

    Raises:
        DomainError: ``not-found``, ``no-place``: one has ended, or they are on two forms.
    """
    views = sorted((show_person(context.work, identity) for identity in (one, another)), key=_rank)
    kept, other = views
    live = all(view.person.registration.status in LIVE for view in views)
    if not live or kept.form.slug != other.form.slug or one == another:
        raise DomainError(*REFUSALS[Result.GONE])
    form = context.form_view(kept.form.slug)
    return Pair(kept, other, form, _differences(form, kept.person, other.person), _both_sealed(kept, other))


def _rank(view: PersonView) -> tuple[int, int, str]:
    registration = view.person.registration
    place = place_rank(registration.status, registration.hold)
    return place, registration.position or 0, registration.id  # positions are in order of receipt


def _both_sealed(kept: PersonView, other: PersonView) -> bool:
    return kept.person.has_sealed and other.person.has_sealed


def _differences(form: FormView, kept: Person, other: Person) -> dict[str, AnswerDifference]:
    found = {}
    if address_key(kept.email) != address_key(other.email):
        found[EMAIL] = AnswerDifference("E-mail address", kept.email, other.email)
    before, after = current_answers(kept), current_answers(other)
    for field in correctable(form.whole, before).fields:
        if before.get(field.name) != after.get(field.name):
            alone = replace(form.whole, fields=(field,))
            texts = [
                next((text for _, text in answers_for_display(alone, answers, "en")), "") for answers in (before, after)
            ]
            found[field.name] = AnswerDifference(field.label.in_language("en"), *texts)
    return found


def merge(context: CorrectionsContext, wanted: MergeWanted) -> Person:
    """Merge two registrations; returns the one that stays.

    Raises:
        DomainError: as :func:`pair_of`; ``unknown-parameter``: something is to be taken that does not differ;
            ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the chosen answers do not fit together.
    """
    pair = pair_of(context, wanted.kept[0], wanted.other[0])
    if pair.kept.person.registration.id != wanted.kept[0]:
        raise DomainError(*REFUSALS[Result.SEAT_LOST])
    if unknown := set(wanted.taken) - set(pair.differs) - {SEALED}:
        raise DomainError("unknown-parameter", f"take: {', '.join(sorted(unknown))}: it does not differ")
    checked = _chosen(pair, wanted.taken)
    kept, source = pair.kept.person, pair.other.person if EMAIL in wanted.taken else pair.kept.person
    form = replace(pair.form, definition=checked.definition)
    answers = replace(checked.answers, values={**checked.answers.values, EMAIL: source.email})
    values = {
        "kept": {"id": wanted.kept[0], "revision": wanted.kept[1]},
        "other": {"id": wanted.other[0], "revision": wanted.other[1]},
        "fields": [field.name for field in checked.definition.fields],
        "sealed_of_other": SEALED in wanted.taken,
        "reason": HISTORY["merge", MERGING],
    }
    command = DeskCommand(MERGE, wanted.by, kept.registration.language, values)
    return send(context, form, answers, command, Result.MERGED)


def _chosen(pair: Pair, taken: Collection[str]) -> CheckedAnswers:
    before, after = current_answers(pair.kept.person), current_answers(pair.other.person)
    wanted = {name: after.get(name) for name in taken if name not in (EMAIL, SEALED)}
    checked = check_answers(correctable(pair.form.whole, before), before, wanted)
    if not checked.answers.ok:
        raise FaultyAnswers(checked.answers)
    return checked
