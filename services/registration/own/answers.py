"""What somebody is asked on their own page: their answers once more, or what is left for after the confirmation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from services.registration.forms.opening import Opening
from services.registration.own.store import OwnRegistration
from services.registration.people.model import clear_answers
from shared.forms.definition import Field, FormDefinition
from shared.forms.rendering import answers_for_display

Step = Literal["answers", "details"]
"""``answers``: those of the first step; ``details``: what is asked after the confirmation."""

KINDS_LEFT_OUT = frozenset({"email", "consent"})
"""The address is changed in another way, and a consent that was given stays as it was given."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that would change; ``before`` or ``after`` is ``""`` where there is no answer."""

    label: str
    before: str
    after: str


def own_definition(
    whole: FormDefinition, step: Step, *, given: bool, held: Mapping[str, Any] | None = None
) -> FormDefinition:
    """Return the questions of a step.

    Args:
        whole: all questions of the form.
        step: which of them.
        given: sealed answers of this step were given before: leaving one empty keeps it, so none is required.
        held: clear answers of the registration: a choice that is full stays open to whoever has it.
    """
    asked = whole.second_step if step == "details" else whole.first_step
    fields = tuple(
        _asked_again(field, given=given, held=(held or {}).get(field.name))
        for field in asked.fields
        if field.kind not in KINDS_LEFT_OUT
    )
    return replace(asked, fields=fields)


def _asked_again(field: Field, *, given: bool, held: object) -> Field:
    if field.sealed:
        return replace(field, required=field.required and not given)
    if not field.full_options:
        return field
    chosen = held if isinstance(held, list) else [held]
    return replace(
        field, options=tuple(replace(one, full=one.full and one.value not in chosen) for one in field.options)
    )


def given_at(own: OwnRegistration, step: Step) -> datetime | None:
    """Return when sealed answers of a step were last given; None if they never were."""
    return own.person.details_at if step == "details" else own.sealed_at


def ends_at(opening: Opening, step: Step) -> datetime | None:
    """Return until when the answers of a step can be given or changed; None for always."""
    return opening.details_until if step == "details" else opening.changes_until


def current_values(own: OwnRegistration) -> dict[str, Any]:
    """Return the clear answers of a registration by field name."""
    return clear_answers(own.person, own.person.registration)


def details_are_missing(own: OwnRegistration, whole: FormDefinition) -> bool:
    """Return whether something is asked after the confirmation that somebody with a place has not given yet."""
    has_place = own.person.registration.status in ("confirmed", "waitlisted")
    return has_place and bool(whole.second_step.fields) and own.person.details_at is None


def differences(
    definition: FormDefinition, before: Mapping[str, Any], after: Mapping[str, Any], language: str
) -> tuple[Difference, ...]:
    """Return the clear answers that differ, as text for a person to read; sealed answers are never compared."""
    old = dict(answers_for_display(definition, before, language))
    new = dict(answers_for_display(definition, after, language))
    return tuple(
        Difference(label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys([*old, *new])
        if old.get(label, "") != new.get(label, "")
    )
