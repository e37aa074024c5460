"""Which of the working groups asked to an event have somebody there, and which have not."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.events.domain.event import EVERY_GROUP


@dataclass(frozen=True, slots=True)
class Coverage:
    """Ids of the asked groups with and without a representative, each sorted; together all asked."""

    covered: tuple[str, ...]
    missing: tuple[str, ...]


def asked_of(asked_groups: Collection[str], every_group: Iterable[str]) -> frozenset[str]:
    """The ids of the groups that ``asked_groups`` of an event means, ``*`` being ``every_group`` there is."""
    return frozenset(every_group) if EVERY_GROUP in asked_groups else frozenset(asked_groups)


def coverage(asked: Iterable[str], represented: Collection[str]) -> Coverage:
    """Split ``asked`` (ids of groups) by whether they are among ``represented``.

    Args:
        asked: ids of the groups, as from ``asked_of``.
        represented: ids of the groups with a live registration of a representative; others do no harm.
    """
    groups = frozenset(asked)
    present = groups.intersection(represented)
    return Coverage(tuple(sorted(present)), tuple(sorted(groups - present)))
