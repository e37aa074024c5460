"""What happened to one person, in words: every change, and each time that a seat was not theirs while they waited."""

from dataclasses import dataclass
from datetime import datetime

from services.registration.store.people import Change
from services.registration.store.promotions import PromotionLine
from services.registration.usecases.erase import Grave
from services.registration.usecases.list_people import PersonView


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """Attributes:
    status: after the change; empty where the person went on waiting.
    why: a sentence.
    by: the coordinator who decided it; empty if none did.
    seats_then: the capacity then in force, where a seat was given.
    """

    at: datetime
    status: str
    why: str
    by: str
    seats_then: int | None


def history_rows(view: PersonView) -> list[HistoryRow]:
    """Everything that happened, in order."""
    changes = [_changed(change) for change in view.history]
    waits = [_waited(line) for line in view.while_waiting]
    return sorted([*changes, *waits], key=lambda row: row.at)


def grave_rows(grave: Grave) -> list[HistoryRow]:
    """Everything that happened to whoever was erased, in order."""
    return [_changed(change) for change in grave.history]


def changes_since(view: PersonView, revision: int) -> list[HistoryRow]:
    """What was changed after somebody has seen ``revision``."""
    return [_changed(change) for change in view.history if change.revision > revision]


def _changed(change: Change) -> HistoryRow:
    why = f"{change.reason[0].upper()}{change.reason[1:]}"
    return HistoryRow(change.changed_at, change.status, why, change.changed_by or "", change.capacity_then)


def _waited(line: PromotionLine) -> HistoryRow:
    cause = f"{line.cause[0].upper()}{line.cause[1:]}"
    return HistoryRow(line.decided_at, "", f"{cause}{_consequence(line)}", "", None)


def _consequence(line: PromotionLine) -> str:
    """Why somebody who waited was not promoted."""
    if line.withheld == "too-late":
        return ", but too shortly before the start to tell anybody to come."
    if line.withheld == "not-taking-place":
        return ", but the event was not to take place as things stood."
    if line.withheld == "out-of-turn":
        return ": somebody else was given the seat, out of turn."
    if line.promoted:
        return f"{_given(line)} No seat was left for this person."
    return f", but {_all_taken(line.capacity)}."


def _given(line: PromotionLine) -> str:
    if line.promoted == 1:
        return ": the seat went to the first in line."
    return f": {line.promoted} seats went to the first {line.promoted} in line."


def _all_taken(capacity: int | None) -> str:
    if not capacity:
        return "there were no seats at all"
    return "the only seat was taken" if capacity == 1 else f"all {capacity} seats were taken"
