"""The questions on a participant's own page: those of the registration again, or the further details."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from services.registration.forms.opening import Opening
from services.registration.own.store import OwnRegistration
from services.registration.people.details import RETURNED
from services.registration.people.model import clear_answers
from shared.public_forms.definition import ADDRESS_FIELD, Field, FormDefinition
from shared.public_forms.rendering import answers_for_display
from shared.public_forms.validation import Answers, validate

FormStep = Literal["answers", "details"]
"""``answers``: those of the first step; ``details``: what is asked after the confirmation."""


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """An answer that would change; ``before`` or ``after`` is ``""`` where there is no answer."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CheckedChange:
    """A change of answers that was checked: the questions whose answers are stored, and the answers."""

    step: FormStep
    definition: FormDefinition
    answers: Answers


def own_definition(
    whole: FormDefinition, step: FormStep, *, given: bool, held: Mapping[str, Any] | None = None
) -> FormDefinition:
    """Return the questions of a step.

    The address is changed in another way, and a consent that was given stays as it was given.

    Args:
        whole: all questions of the form.
        step: which of them.
        given: whether sealed answers of this step were given before: leaving one empty keeps it, so none is required.
        held: the clear answers of the registration: a choice that is full stays open to a person who has it.
    """
    asked = whole.second_step if step == "details" else whole.first_step
    fields = tuple(
        _asked_again(field, given=given, held=(held or {}).get(field.name))
        for field in asked.fields
        if field.name != ADDRESS_FIELD and not field.kind.is_consent
    )
    return replace(asked, fields=fields)


def _asked_again(field: Field, *, given: bool, held: object) -> Field:
    if field.sealed:
        return replace(field, required=field.required and not given)
    if not field.full_options:
        return field
    chosen = held if isinstance(held, list) else [held]
    return replace(
        field,
        options=tuple(replace(option, full=option.full and option.value not in chosen) for option in field.options),
    )


def stored_questions(definition: FormDefinition, answers: Answers, *, given: bool, forget: bool) -> FormDefinition:
    """Return the questions whose answers are stored: sealed ones that are left empty keep their stored answer.

    The first time, and when earlier answers are to be deleted, every sealed question is encrypted, so that the stored
    value does not reveal which of them were answered.

    Args:
        definition: the questions of the step.
        answers: the checked answers.
        given: whether sealed answers of this step were given before.
        forget: whether those are deleted.
    """
    if forget or (not given and answers.sealed):
        return definition
    return replace(
        definition,
        fields=tuple(field for field in definition.fields if not field.sealed or field.name in answers.sealed),
    )


def given_at(own: OwnRegistration, step: FormStep) -> datetime | None:
    """Return when sealed answers of a step were last given; None if they never were."""
    return own.person.details_at if step == "details" else own.sealed_at


def ends_at(own: OwnRegistration, opening: Opening, step: FormStep) -> datetime | None:
    """Return until when the answers of a step can be given or changed; None for always, and for a returned proposal."""
    if own.proposal is not None and own.proposal.status == RETURNED:
        return None
    return opening.details_until if step == "details" else opening.changes_until


def current_values(own: OwnRegistration) -> dict[str, Any]:
    """Return the clear answers of a registration by field name."""
    return clear_answers(own.person, own.person.registration)


def check_change(own: OwnRegistration, whole: FormDefinition, wanted: Mapping[str, Any]) -> CheckedChange:
    """Check answers to some questions of a registration; all others stay as they are.

    An unchanged answer is dropped if its question no longer applies after the change.
    """
    step: FormStep = "details" if wanted.keys() & {field.name for field in whole.second_step.fields} else "answers"
    current, given = current_values(own), given_at(own, step) is not None
    definition = own_definition(whole, step, given=given, held=current)
    names = {field.name for field in definition.fields}
    merged = {name: value for name, value in current.items() if name in names} | dict(wanted)
    language = own.person.registration.language
    answers = validate(definition, merged, language)
    obsolete = {fault.pointer[1:] for fault in answers.errors if fault.code == "not-asked"} - wanted.keys()
    if obsolete:
        answers = validate(
            definition, {name: value for name, value in merged.items() if name not in obsolete}, language
        )
    return CheckedChange(step, stored_questions(definition, answers, given=given, forget=False), answers)


def differences(
    definition: FormDefinition, before: Mapping[str, Any], after: Mapping[str, Any], language: str
) -> tuple[AnswerDifference, ...]:
    """Return the clear answers that differ, as text for a person to read; sealed answers are never compared."""
    old = dict(answers_for_display(definition, before, language))
    new = dict(answers_for_display(definition, after, language))
    return tuple(
        AnswerDifference(label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys([*old, *new])
        if old.get(label, "") != new.get(label, "")
    )
