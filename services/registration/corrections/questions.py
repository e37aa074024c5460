"""The questions that coordinators see when they correct, enter or merge: the form's own, by the shared engine."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.registration.people.model import clear_answers
from services.registration.people.store import Person
from shared.public_forms.definition import ADDRESS_FIELD, Field, FormDefinition
from shared.public_forms.standard import standard_form
from shared.public_forms.validation import Answers, validate

OF_MAILS = ("time_zone", "language")
"""What mails need of everybody, whether the form asks for it or not."""


@dataclass(frozen=True, slots=True)
class CheckedAnswers:
    """Attributes:
    definition: the questions that are stored.
    answers: checked.
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
        held: clear answers of the registration: a choice that is full stays open to whoever has it.
    """
    fields = [
        _asked_by_desk(field, held.get(field.name))
        for field in whole.fields
        if not field.sealed and not field.kind.is_consent and field.name != ADDRESS_FIELD
    ]
    return _with_mail_fields(replace(whole, fields=tuple(fields)))


def enterable(whole: FormDefinition) -> FormDefinition:
    """The questions for somebody who is entered: those of the first step. What is asked later is left to them."""
    return _with_mail_fields(whole.first_step)


def _asked_by_desk(field: Field, held: object) -> Field:
    chosen = held if isinstance(held, list) else [held]
    options = tuple(replace(one, full=one.full and one.value not in chosen) for one in field.options)
    return replace(field, options=options, required=field.required and not field.after_confirmation)


def _with_mail_fields(definition: FormDefinition) -> FormDefinition:
    """The questions, with those for zone and language where the form has none."""
    standard = standard_form("webinar", definition.slug, "-")
    missing = [standard.field(name) for name in OF_MAILS if not any(one.name == name for one in definition.fields)]
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
        answers = validate(definition, {name: one for name, one in merged.items() if name not in obsolete}, "en")
    return CheckedAnswers(definition, answers)
