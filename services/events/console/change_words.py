"""Words for what changed in a proposal that was sent again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.events.console.wording import language_name
from services.events.domain.proposal_changes import Change
from services.events.domain.proposal_changes import Told as Value
from shared.i18n.when import compact_day

FIELDS: Mapping[str, str] = {
    "title": "Title",
    "summary": "What it is about",
    "working_group": "Working group",
    "organisation": "Organisation",
    "language": "Language",
    "attendance": "Expected",
    "preferred_on": "Preferred days",
    "unavailable_on": "Not possible",
    "speakers": "Speakers",
    "contact": "Who proposed it",
}
OTHERS = "other people"
NOT_SHOWN = "another name or address, not shown here"


@dataclass(frozen=True, slots=True)
class Told:
    """What is another, as it was and as it is; ``before`` is empty where that is not shown."""

    what: str
    before: str
    now: str


def change_text(change: Change, groups: Mapping[str, str]) -> Told:
    """A change in words. Who proposed it is not shown, and speakers are counted.

    Args:
        groups: titles of working groups by id.
    """
    what = FIELDS[change.field]
    if change.field == "contact":
        return Told(what, "", NOT_SHOWN)
    if change.field == "speakers" and change.before == change.after:
        return Told(what, f"{change.before}", f"{change.after}, {OTHERS}")
    if change.field == "speakers":
        return Told(what, str(change.before or "nobody"), str(change.after or "nobody"))
    return Told(what, _text(change.field, change.before, groups), _text(change.field, change.after, groups))


def _text(field: str, value: Value, groups: Mapping[str, str]) -> str:
    if value is None or value == "" or value == []:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(compact_day(date.fromisoformat(day)) for day in value)
    if field == "language":
        return language_name(str(value))
    if field == "working_group":
        return groups.get(str(value), str(value))
    return f"{value} people" if field == "attendance" else str(value)
