"""What one revision of a proposal changed, as coordinators may read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from services.events.domain.proposal import Proposal, ProposalStatus

Told = str | int | list[str] | None
"""What stands in a record: a text, a number, days as ISO 8601, or nothing."""

TOLD_FIELDS = (
    "title", "summary", "working_group", "organisation", "language", "attendance", "preferred_on", "unavailable_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One field as it was and as it is. Of ``speakers`` it says how many; of ``contact`` only that it is another."""

    field: str
    before: Told = None
    after: Told = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One line of a proposal's history.

    Attributes:
        changed_by: a coordinator's name, ``by link`` for whoever proposed it, empty for the first.
        changes: of what it says; empty where only the status is another.
    """

    number: int
    status: ProposalStatus
    note: str
    changed_by: str
    changed_at: datetime
    changes: tuple[Change, ...]


def changes_between(old: Proposal, new: Proposal, *, other_contact: bool = False) -> tuple[Change, ...]:
    """Every difference between two revisions of a proposal, in the order of the form.

    Args:
        other_contact: the name or the address of whoever proposed it is another one, which only the caller knows.
    """
    return (*_differences(old, new), *((Change("contact"),) if other_contact else ()))


def _differences(old: Proposal, new: Proposal) -> Iterator[Change]:
    for field in TOLD_FIELDS:
        before, after = _told(getattr(old, field)), _told(getattr(new, field))
        if before != after:
            yield Change(field, before, after)
    if set(old.speakers) != set(new.speakers):
        yield Change("speakers", len(old.speakers), len(new.speakers))


def _told(value: str | int | tuple[date, ...] | None) -> Told:
    return [day.isoformat() for day in value] if isinstance(value, tuple) else value
