"""How long answers are kept: each field its days, the person ninety; what counts stays.

Days run from a registration's *last day*: the end of its event, the day a form without an event was closed, or the day
the registration itself ended, whichever comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEALED_DAYS = 14
PERSON_DAYS = 90


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept how long on one form.

    Attributes:
        person_days: until the person is erased.
        sealed: names of the sealed answers that are kept longer, by the days after which all others go. So an answer
            to a question that the form has no more goes with the first.
        fields: names of further answers by the days after which they go.
    """

    person_days: int
    sealed: Mapping[int, tuple[str, ...]]
    fields: Mapping[int, tuple[str, ...]]


def retention_of(questions: Sequence[Mapping[str, Any]], person_days: int) -> Retention:
    """The retention of a form with these ``questions``: plain mappings, as they are stored."""
    sealed = {one["name"]: _days(one, min(SEALED_DAYS, person_days)) for one in questions if one.get("sealed")}
    fields: dict[int, tuple[str, ...]] = {}
    for one in questions:
        days = one.get("retention_days")
        if days is not None and not one.get("sealed"):
            fields[days] = (*fields.get(days, ()), one["name"])
    return Retention(person_days, {days: _longer(sealed, days) for days in sorted(set(sealed.values()))}, fields)


def retention_faults(questions: Sequence[Mapping[str, Any]], person_days: int, columns: frozenset[str]) -> list[str]:
    """What is wrong with the days that a form gives its fields; empty if nothing is.

    Args:
        questions: plain mappings, as they are stored.
        person_days: until the person is erased, and every answer with them.
        columns: fields that are part of the registration itself, and go with the person.
    """
    given = [(one["name"], one["retention_days"]) for one in questions if one.get("retention_days") is not None]
    late = [
        f"{name}: is kept longer than the person, who is erased after {person_days}"
        for name, days in given
        if days > person_days
    ]
    whole = [f"{name}: goes with the person and has no days of its own" for name, _days in given if name in columns]
    return late + whole


def _longer(kept: Mapping[str, int], days: int) -> tuple[str, ...]:
    return tuple(name for name, its_days in kept.items() if its_days > days)


def _days(question: Mapping[str, Any], otherwise: int) -> int:
    days = question.get("retention_days")
    return otherwise if days is None else int(days)
