"""Which registrations mean attendance, whom a change of an event notifies, and coverage of groups. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.events.event.model import EVERY_GROUP, Event, EventStatus, Mode
from shared.vocabulary.form_kinds import FORM_KINDS

LIVE = ("confirmed", "waitlisted")
"""Statuses of a registration that has or may still get a seat."""


def opens_remote(old: Event, new: Event) -> bool:
    """Whether ``new`` can be attended remotely and ``old`` could not: people on an interest form wait for that."""
    return old.mode is Mode.IN_PERSON and new.mode is not Mode.IN_PERSON and new.status is not EventStatus.DRAFT


@dataclass(frozen=True, slots=True)
class RegistrationGroup:
    """Live or ended registrations of one event with the same values."""

    form_kind: str
    status: str
    language: str
    registrations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAudience:
    """People whom a change of an event concerns.

    Attributes:
        people: distinct people who will be notified; a person on two forms is notified once.
        by_status: registrations of attendance by status, also those that ended.
        by_form_kind: live registrations by kind of form, interest included.
        by_language: live registrations of those who will be notified, by language.
    """

    people: int = 0
    by_status: Mapping[str, int] = field(default_factory=dict)
    by_form_kind: Mapping[str, int] = field(default_factory=dict)
    by_language: Mapping[str, int] = field(default_factory=dict)


def audience_of(groups: Sequence[RegistrationGroup], notified_kinds: Sequence[str], people: int) -> ChangeAudience:
    """The audience in ``groups`` if those on forms of ``notified_kinds`` are notified: ``people`` of them."""
    live = [group for group in groups if group.status in LIVE]
    notified = [group for group in live if group.form_kind in notified_kinds]
    return ChangeAudience(
        people=people,
        by_status=_sums((group.status, group) for group in groups if FORM_KINDS[group.form_kind].attends),
        by_form_kind=_sums((group.form_kind, group) for group in live),
        by_language=_sums((group.language, group) for group in notified),
    )


def _sums(pairs: Iterable[tuple[str, RegistrationGroup]]) -> Mapping[str, int]:
    sums: dict[str, int] = {}
    for name, group in pairs:
        sums[name] = sums.get(name, 0) + group.registrations
    return dict(sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Ids of the asked groups with and without a representative, each sorted; together all asked."""

    covered: tuple[str, ...]
    missing: tuple[str, ...]


def asked_of(asked_groups: Collection[str], every_group: Iterable[str]) -> frozenset[str]:
    """The ids of the groups that ``asked_groups`` of an event means, where ``*`` means all of ``every_group``."""
    return frozenset(every_group) if EVERY_GROUP in asked_groups else frozenset(asked_groups)


def coverage(asked: Iterable[str], represented: Collection[str]) -> Coverage:
    """Split ``asked`` (ids of groups) by whether they are among ``represented``.

    Args:
        asked: ids of the groups, as from ``asked_of``.
        represented: ids of the groups with a live registration of a representative; others are ignored.
    """
    groups = frozenset(asked)
    present = groups.intersection(represented)
    return Coverage(tuple(sorted(present)), tuple(sorted(groups - present)))
