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
        sealed_days: until the sealed answers go; None where nothing is sealed.
        fields: names of further answers by the days after which they go.
    """

    person_days: int
    sealed_days: int | None
    fields: Mapping[int, tuple[str, ...]]


def retention_of(questions: Sequence[Mapping[str, Any]], person_days: int) -> Retention:
    """The retention of a form with these ``questions``: plain mappings, as they are stored."""
    sealed = [_days(one, min(SEALED_DAYS, person_days)) for one in questions if one.get("sealed")]
    fields: dict[int, tuple[str, ...]] = {}
    for one in questions:
        days = one.get("retention_days")
        if days is not None and not one.get("sealed"):
            fields[days] = (*fields.get(days, ()), one["name"])
    return Retention(person_days, min(sealed) if sealed else None, fields)


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
    sealed = {_days(one, min(SEALED_DAYS, person_days)) for one in questions if one.get("sealed")}
    together = (
        ["sealed answers are closed together, so all of a form's are kept equally long"] if len(sealed) > 1 else []
    )
    return late + whole + together


def _days(question: Mapping[str, Any], otherwise: int) -> int:
    days = question.get("retention_days")
    return otherwise if days is None else int(days)
