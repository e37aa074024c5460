"""When opening a list of sealed answers needs a second person, four eyes: too much for one reader. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.registration.sealed_lists.purposes import ALL_ANSWERS, PURPOSES, Purpose
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field

ONE_DAY, TOGETHER = timedelta(days=1), timedelta(days=30)
"""How long the lists of one reader count as one: for more than half of the questions, and for all of them."""


@dataclass(frozen=True, slots=True)
class OpenedAlone:
    """Names of the questions of a form that a reader has opened in lists, without a second person.

    Attributes:
        today: within ``ONE_DAY``.
        lately: within ``TOGETHER``.
    """

    today: frozenset[str]
    lately: frozenset[str]


def needs_second_person(
    purpose: Purpose,
    fields: Sequence[Field],
    definition: FormDefinition,
    opened: OpenedAlone,
    added: Collection[str],
) -> bool:
    """Return whether one reader opens too much alone: more than half of a form's sealed questions, or all of them.

    The lists of a day count as one, whatever their purposes and whoever is on them. What a single purpose needs may be
    more than half. All questions count for longer: a reader who opens them in parts has opened them all with the last
    part. Recently added questions do not count: the reader may have added them, and perhaps no one has answered them.

    Args:
        purpose: of the list.
        fields: that it opens.
        definition: of the form.
        opened: what this reader has opened before.
        added: names of questions recently added to the form.
    """
    names = {field.name for field in fields}
    sealed = {field.name for field in definition.fields if field.sealed}
    counted = sealed.difference(added) or sealed
    together, lately = names | opened.today, names | opened.lately
    too_many = 2 * len(together & counted) > len(counted) and not _for_one_purpose(together, definition)
    whole = counted <= lately and not _for_one_purpose(lately, definition)
    return purpose is ALL_ANSWERS or too_many or whole


def _for_one_purpose(names: Collection[str], definition: FormDefinition) -> bool:
    return any(set(names) <= {field.name for field in one.fields_of(definition)} for one in PURPOSES.values())
