"""Correct, enter, send again: each can be previewed. The decider decides the first two, as it decides forms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.registration.corrections.model import (
    CORRECTING,
    ENTERING,
    HISTORY,
    REFUSALS,
    CheckedAnswers,
    Correction,
    Preview,
    check_answers,
    correctable,
    current_answers,
    effects_of_correction,
    enterable,
    entering_effects,
    place_of_next,
)
from services.registration.forms.store import find_form
from services.registration.intake.form_view import FormView, view_form
from services.registration.intake.items import CORRECT, ENTER, DeskCommand
from services.registration.intake.model import ActResult, Result
from services.registration.intake.service import Intake
from services.registration.own.answers import Difference, differences
from services.registration.own.commands import wait_for_act
from services.registration.people.listing import PersonView, show_person
from services.registration.people.messages import LINK_REQUESTED, RegistrationMessages, fact_about
from services.registration.people.model import LIVE
from services.registration.people.store import Person, asked_recently, lock_known
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.public_forms.addresses import address_key, normal_address
from shared.public_forms.validation import Answers, validate
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork


class FaultyAnswers(Exception):
    """The answers have faults; ``answers`` holds them with what could be read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the answers have faults")
        self.answers = answers


@dataclass(frozen=True, slots=True)
class CorrectionDesk:
    """What coordinators correct and enter with.

    Attributes:
        work: transactions on the service's database.
        clock: of the project.
        intake: stores commands for the decider.
        messages: of the service.
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
        view: of the registration.
        form: with the questions that are stored as its definition.
        email: the address from now on.
        moves: it is another one than before.
        preview: what it does.
    """

    view: PersonView
    form: FormView
    checked: CheckedAnswers
    email: str
    moves: bool
    preview: Preview


def prepare_correction(desk: CorrectionDesk, wanted: Correction) -> PreparedCorrection:
    """Check a correction and say what it would do.

    Raises:
        DomainError: ``not-found``, ``no-place``; ``invalid-address``, ``unknown-reason``.
        FaultyAnswers: the answers have faults.
    """
    if wanted.reason not in CORRECTING:
        raise DomainError("reason-needed", "choose why it is corrected")
    view = show_person(desk.work, wanted.registration_id)
    if view.person.registration.status not in LIVE:
        raise DomainError(*REFUSALS[Result.GONE])
    form = desk.form_view(view.form.slug)
    held = current_answers(view.person)
    checked = check_answers(correctable(form.whole, held), held, wanted.answers)
    if not checked.answers.ok:
        raise FaultyAnswers(checked.answers)
    email = view.person.email if wanted.email is None else _address(wanted.email)
    preview = _preview(checked, held, view.person, email)
    moves = address_key(email) != address_key(view.person.email)
    return PreparedCorrection(view, form, checked, email, moves, preview)


def _preview(checked: CheckedAnswers, held: Mapping[str, Any], person: Person, email: str) -> Preview:
    values, names = checked.answers.values, [field.name for field in checked.definition.fields]
    found = list(differences(checked.definition, held, values, "en"))
    fields = [name for name in names if held.get(name) != values.get(name)]
    if moves := address_key(email) != address_key(person.email):
        found.insert(0, Difference("E-mail address", person.email, email))
        fields.insert(0, "email")
    effects = effects_of_correction(changes=bool(fields), moves=moves, verified=person.registration.verified)
    return Preview(found, fields, effects)


def _address(typed: str) -> str:
    try:
        return normal_address(typed.strip())
    except ValueError:
        raise DomainError("invalid-address", "that is no mail address") from None


def correct(desk: CorrectionDesk, wanted: Correction) -> Person:
    """Correct a registration; returns it as it is afterwards. Both addresses are told of a change of address.

    Raises:
        DomainError: as :func:`prepare_correction`; ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the answers have faults.
    """
    prepared = prepare_correction(desk, wanted)
    registration = prepared.view.person.registration
    values = {
        "target": {"id": registration.id, "revision": wanted.revision},
        "fields": [field.name for field in prepared.checked.definition.fields],
        "reason": HISTORY["correct", wanted.reason],
    }
    form = replace(prepared.form, definition=prepared.checked.definition)
    answers = replace(prepared.checked.answers, values={**prepared.checked.answers.values, "email": prepared.email})
    command = DeskCommand(CORRECT, wanted.by, registration.language, values)
    require_result(desk, desk.intake.desk(form, answers, command), Result.CHANGED, Result.KEPT)
    return show_person(desk.work, registration.id).person


def require_result(desk: CorrectionDesk, receipt: str, *results: Result) -> ActResult:
    """Wait until a command is decided, and raise unless it had one of these results."""
    act = wait_for_act(desk.intake, receipt)
    if act is None:
        raise DomainError("undecided", "it is stored and not decided yet; look again in a minute")
    if act.result not in results:
        raise DomainError(*REFUSALS[act.result])
    return act


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody whom a coordinator enters on a form.

    Attributes:
        answers: to the form's questions, unchecked.
        reason: one of ``ENTERING``.
        by: name of the coordinator's key.
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


def prepare_entry(desk: CorrectionDesk, entry: Entry) -> PreparedEntry:
    """Check whom a coordinator enters, and say what that would do.

    Raises:
        DomainError: ``form-unknown``, ``reason-needed``, ``full``, ``event-over``.
        FaultyAnswers: the answers have faults.
    """
    if entry.reason not in ENTERING:
        raise DomainError("reason-needed", "choose why they are entered")
    view = desk.form_view(entry.form)
    form = replace(view, definition=enterable(view.whole))
    answers = validate(form.definition, dict(entry.answers), "en")
    if not answers.ok:
        raise FaultyAnswers(answers)
    with desk.work.transaction() as connection:
        stored = find_form(connection, entry.form)
    if stored is None:
        raise DomainError("form-unknown")
    place = place_of_next(stored.seats, stored.opening, desk.clock())
    return PreparedEntry(form, answers, entering_effects(place))


def enter(desk: CorrectionDesk, entry: Entry) -> Person:
    """Enter a person on a form; returns their registration. The address counts as not confirmed by its owner.

    Raises:
        DomainError: as :func:`prepare_entry`; ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the answers have faults.
    """
    prepared = prepare_entry(desk, entry)
    language = str(prepared.answers.values.get("language") or "en")
    values = {"reason": HISTORY["enter", entry.reason]}
    receipt = desk.intake.desk(prepared.form, prepared.answers, DeskCommand(ENTER, entry.by, language, values))
    act = require_result(desk, receipt, Result.CONFIRMED, Result.WAITLISTED)
    return show_person(desk.work, act.candidate).person


def send_again(desk: CorrectionDesk, registration_id: str, by: str) -> Person:
    """Mail the managing link of a registration to its address once more, at most once in five minutes.

    Raises:
        DomainError: ``not-found``, ``no-place``, ``sent-recently``.
    """
    with desk.work.transaction() as connection:
        locked = lock_known(connection, desk.clock, registration_id)
        if locked.registration.status not in LIVE:
            raise DomainError(*REFUSALS[Result.GONE])
        if asked_recently(connection, [registration_id], locked.now):
            raise DomainError("sent-recently", "the link was mailed within the last five minutes")
        desk.messages.add(connection, [fact_about(LINK_REQUESTED, locked.person)], locked.now)
        note_deed(connection, Deed(by, "link-sent", "registration", registration_id), locked.now)
    return locked.person
