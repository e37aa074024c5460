"""Options with a limit: how many live registrations may hold one, and how many do. The limit is never exceeded.

A registration with a seat or on the waiting list holds its options; the counts are stored with the seats and change
under the same lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OptionLimits:
    """Limits of the choices of one form, and how many people hold each.

    Attributes:
        limits: by ``field=value``.
        taken: the same.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)

    def chosen(self, answers: Answers | None) -> frozenset[str]:
        """Return the limited choices among clear answers; none for None."""
        return frozenset() if answers is None else frozenset(key for key in self.limits if _is_chosen(key, answers))

    def has_room(self, answers: Answers, held: Answers | None = None) -> bool:
        """Return whether each limited choice has a place left, or is one of those that are ``held`` already."""
        wanted = self.chosen(answers) - self.chosen(held)
        return all(self.taken.get(key, 0) < self.limits[key] for key in wanted)

    def after_change(self, before: Answers | None, after: Answers | None) -> "OptionLimits":
        """Return the counts once the answers ``before`` are ``after``: None before a registration, and once it ends."""
        given, returned = self.chosen(after), self.chosen(before)
        if given == returned:
            return self
        return replace(
            self,
            taken={key: self.taken.get(key, 0) + (key in given) - (key in returned) for key in self.limits},
        )


def read_option_limits(stored: Mapping[str, Mapping[str, int]]) -> OptionLimits:
    """Return the limits as the seats' row holds them: ``{"field=value": {"limit": 20, "taken": 3}}``."""
    return OptionLimits(
        {key: one["limit"] for key, one in stored.items()}, {key: one["taken"] for key, one in stored.items()}
    )


def _is_chosen(key: str, answers: Answers) -> bool:
    name, _, value = key.partition("=")
    answer = answers.get(name)
    return value in answer if isinstance(answer, list) else answer == value
