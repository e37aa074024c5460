"""What coordinators see and choose when they correct, enter or merge, and the decider's answers in words.

Reasons are a closed list: the history keeps them as long as the audit log, and a free text could name a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.forms.seats import Seats, next_place
from services.registration.forms.standard_forms import standard_form
from services.registration.intake.model import Result
from services.registration.own.answers import AnswerDifference
from services.registration.people.model import clear_answers
from services.registration.people.store import Person
from shared.public_forms.definition import ADDRESS_FIELD, Field, FormDefinition
from shared.public_forms.validation import Answers, validate
from shared.runtime.errors import DomainError

CORRECTING: Mapping[str, str] = {
    "asked": "The person asked for it",
    "mistyped": "It was mistyped",
    "out-of-date": "It was out of date",
}
ENTERING: Mapping[str, str] = {
    "asked": "The person asked for it",
    "on-paper": "They filled in a paper form",
    "invited": "They are invited",
}
MERGING = "duplicate"

HISTORY: Mapping[tuple[str, str], str] = {
    ("correct", "asked"): "changed by a coordinator: the person asked for it",
    ("correct", "mistyped"): "changed by a coordinator: it was mistyped",
    ("correct", "out-of-date"): "changed by a coordinator: it was out of date",
    ("enter", "asked"): "entered by a coordinator: the person asked for it",
    ("enter", "on-paper"): "entered by a coordinator: from a form on paper",
    ("enter", "invited"): "entered by a coordinator: they are invited",
    ("merge", MERGING): "merged by a coordinator with another registration of the same person",
}
"""The wording in the history, by act and reason."""

REFUSALS: Mapping[Result, tuple[str, str]] = {
    Result.GONE: ("no-place", "the registration is cancelled, erased, or not on this form"),
    Result.CHANGED_CONCURRENTLY: ("edit-conflict", "read it again and repeat your change"),
    Result.OPTION_FULL: ("option-full", "an option that was chosen is full"),
    Result.NAME_TAKEN: ("name-taken", "a person with this name is registered with the same address"),
    Result.REGISTERED_THERE: ("registered-there", "this person is registered with the new address already: merge them"),
    Result.ADDRESS_FULL: ("address-full", "as many people as this form allows have that address"),
    Result.TOO_MANY: ("address-full", "as many people as this form allows have that address"),
    Result.BLOCKED: ("address-blocked", "this address cannot be registered: it is blocked, or was just erased"),
    Result.FULL: ("full", "every seat is taken, and the form has no waiting list"),
    Result.CLOSED: ("event-over", "the event has begun, or is postponed or cancelled"),
    Result.SEAT_LOST: ("seat-lost", "the other registration has the seat, or the better place: keep that one"),
}
"""Code and sentence of what was refused."""


UNDECIDED = "This is stored, but not decided yet. Do not send it again: look at the list of registrations in a minute."
"""Where a refusal would say that nothing was done."""


def refusal_text(refusal: DomainError, nothing: str) -> str:
    """Return the sentence about a refused act; ``nothing`` says what was not done, such as ``Nothing was changed``."""
    return UNDECIDED if refusal.code == "undecided" else f"{nothing}: {refusal.detail or refusal.code}."


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of a registration that a coordinator requests.

    Attributes:
        registration_id: the id of the registration, UUID text.
        revision: the revision of the registration that the coordinator has seen.
        answers: the answers to some of the form's clear questions, unchecked; answers that are not named stay.
        email: the address; None leaves it unchanged.
        reason: one of ``CORRECTING``.
        by: the name of the coordinator's key.
    """

    registration_id: str
    revision: int
    answers: Mapping[str, Any]
    email: str | None
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class CorrectionPreview:
    """What an act would do.

    Attributes:
        differences: the answers that would change, as text.
        fields: the names of these answers.
        effects: what else happens, in sentences.
    """

    differences: Sequence[AnswerDifference]
    fields: Sequence[str]
    effects: Sequence[str]


def effects_of_correction(*, changes: bool, moves: bool, verified: bool) -> list[str]:
    """Further effects of a correction, in sentences, and whom they concern."""
    if not moves:
        return ["They get a mail with a link to the changed registration."] if changes else []
    undo = "It can restore the registration for seven days." if verified else "It cannot undo the change."
    return [
        "The new address gets a mail with a link to the registration. It is not confirmed until that link is used.",
        f"The former address gets a mail that it is no longer used. {undo}",
        "All links mailed before stop working.",
    ]


def place_of_next(seats: Seats, opening: Opening, now: datetime) -> str:
    """The outcome for a person who is entered now, as a sentence.

    Raises:
        DomainError: ``full``, ``event-over``.
    """
    takes_place = not opening.needs_event or opening.event_status in OPEN_EVENT_STATUSES
    if not takes_place or is_over(opening, now):
        raise DomainError(*REFUSALS[Result.CLOSED])
    place = next_place(seats)
    if place is None:
        raise DomainError(*REFUSALS[Result.FULL])
    if place.status == "waitlisted":
        return "Every seat is taken: they get a place on the waiting list."
    return "They get a seat."


def entering_effects(place: str) -> list[str]:
    """What entering a person does, in sentences."""
    return [
        place,
        "They get a mail with a link to change or cancel it.",
        "Their address counts as not confirmed until they use a link that was mailed to it.",
    ]


OF_MAILS = ("time_zone", "language")
"""Data that mails need from everyone, whether the form asks for it or not."""


@dataclass(frozen=True, slots=True)
class CheckedAnswers:
    """Answers of a correction that were checked.

    Attributes:
        definition: the questions that are stored.
        answers: the checked answers.
    """

    definition: FormDefinition
    answers: Answers


def current_answers(person: Person) -> dict[str, Any]:
    """The clear answers of a registration by field name."""
    return clear_answers(person, person.registration)


def correctable(whole: FormDefinition, held: Mapping[str, Any]) -> FormDefinition:
    """The questions whose answers a coordinator can correct: all but sealed ones, consents and the address.

    Args:
        whole: all questions of the form.
        held: the clear answers of the registration: a choice that is full stays open to a person who has it.
    """
    fields = [
        _asked_by_desk(field, held.get(field.name))
        for field in whole.fields
        if not field.sealed and not field.kind.is_consent and field.name != ADDRESS_FIELD
    ]
    return _with_mail_fields(replace(whole, fields=tuple(fields)))


def enterable(whole: FormDefinition) -> FormDefinition:
    """The questions for a person who is entered: those of the first step. They answer later questions themselves."""
    return _with_mail_fields(whole.first_step)


def _asked_by_desk(field: Field, held: object) -> Field:
    chosen = held if isinstance(held, list) else [held]
    options = tuple(replace(option, full=option.full and option.value not in chosen) for option in field.options)
    return replace(field, options=options, required=field.required and not field.after_confirmation)


def _with_mail_fields(definition: FormDefinition) -> FormDefinition:
    """The questions, with those for zone and language where the form has none."""
    standard = standard_form("webinar", definition.slug, "-")
    missing = [standard.field(name) for name in OF_MAILS if not any(field.name == name for field in definition.fields)]
    # a browser would fill in what it knows of the coordinator
    fields = [replace(field, autocomplete="off") for field in (*definition.fields, *missing)]
    return replace(definition, fields=tuple(fields))


def check_answers(definition: FormDefinition, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> CheckedAnswers:
    """Check answers to some questions; all others stay as they are.

    An unchanged answer is dropped if its question no longer applies after the change. None deletes an answer.
    """
    names = {field.name for field in definition.fields}
    merged = {name: value for name, value in held.items() if name in names} | dict(wanted)
    answers = validate(definition, merged, "en")
    obsolete = {fault.pointer[1:] for fault in answers.errors if fault.code == "not-asked"} - wanted.keys()
    if obsolete:
        answers = validate(definition, {name: value for name, value in merged.items() if name not in obsolete}, "en")
    return CheckedAnswers(definition, answers)
