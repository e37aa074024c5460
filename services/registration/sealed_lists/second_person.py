"""When opening a list of sealed answers needs a second person, four eyes: too much for one reader. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.registration.sealed_lists.purposes import ALL_ANSWERS, PURPOSES, Purpose
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field

ONE_DAY, TOGETHER = timedelta(days=1), timedelta(days=30)
"""How long the lists of one reader count as one: for people and half of the questions, and for all of the questions."""

MAX_PEOPLE_ALONE = 1_000
"""People whose answers one reader opens alone in a day, on all forms: the whole list of most events in one place."""


@dataclass(frozen=True, slots=True)
class OpenedAlone:
    """What a reader has opened without a second person.

    Attributes:
        today: the names of the questions of the form, in lists within ``ONE_DAY``.
        lately: the names of the questions of the form, in lists within ``TOGETHER``.
        people: the ids of registrations on any form, in lists and one by one, within ``ONE_DAY``.
    """

    today: frozenset[str]
    lately: frozenset[str]
    people: frozenset[str]


def needs_second_person(
    purpose: Purpose,
    fields: Sequence[Field],
    people: Collection[str],
    definition: FormDefinition,
    opened: OpenedAlone,
    added: Collection[str],
) -> bool:
    """Return whether one reader opens too much alone: more than half of a form's sealed questions, or too many people.

    The lists of a day count as one, whatever their purposes and people. What a single purpose needs may be
    more than half. All questions count for longer: a reader who opens them in parts has opened them all with the last
    part. Recently added questions do not count: the reader may have added them, and perhaps no one has answered them.
    People count on all forms together, each person once.

    Args:
        purpose: the purpose of the list.
        fields: the questions that it opens.
        people: the ids of the registrations on it.
        definition: the definition of the form.
        opened: what this reader has opened before.
        added: the names of questions recently added to the form.
    """
    names = {field.name for field in fields}
    sealed = {field.name for field in definition.fields if field.sealed}
    counted = sealed.difference(added) or sealed
    together, lately = names | opened.today, names | opened.lately
    too_many = 2 * len(together & counted) > len(counted) and not _for_one_purpose(together, definition)
    whole = counted <= lately and not _for_one_purpose(lately, definition)
    crowd = len(opened.people.union(people)) > MAX_PEOPLE_ALONE
    return purpose is ALL_ANSWERS or too_many or whole or crowd


def _for_one_purpose(names: Collection[str], definition: FormDefinition) -> bool:
    return any(set(names) <= {field.name for field in purpose.fields_of(definition)} for purpose in PURPOSES.values())
