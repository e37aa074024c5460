"""Words for what happened to one person, for what a coordinator can decide, and for what that does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.registration.forms.seats import decide_promotion, give_back
from services.registration.people.decisions import CANCEL, CONFIRM
from services.registration.people.listing import PersonView
from services.registration.people.listing_store import Change
from services.registration.people.model import check_cancelling, check_confirming
from services.registration.people.waiting_list import PromotionLine
from shared.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision that is offered.

    Attributes:
        status: what the registration is then.
        question, button: words for it.
        effect: what it does to people, in sentences.
        refusal: why it cannot be done now; empty if it can.
    """

    status: str
    question: str
    button: str
    effect: str
    refusal: str


def choices_for(view: PersonView, now: datetime) -> list[Choice]:
    """What a coordinator can decide about this registration now; nothing for one that has ended or not begun."""
    registration = view.person.registration
    choices = []
    if registration.status == "waitlisted":
        refusal = _refusal(lambda: check_confirming(view.form.opening, view.form.seats, registration, now))
        choices.append(Choice(CONFIRM, "Give them a seat", "Confirm this person", _confirming(view), refusal))
    if registration.status in ("confirmed", "waitlisted"):
        refusal = _refusal(lambda: check_cancelling(view.form.opening, registration, now))
        choices.append(Choice(CANCEL, "Cancel for them", "Cancel this registration", _cancelling(view, now), refusal))
    return choices


DONE = {
    CONFIRM: "They have a seat. A mail tells them.",
    CANCEL: "The registration is cancelled. A mail tells them.",
}
DONE_BESIDES = {
    "corrected": "It is corrected, and a mail tells them.",
    "entered": "They are registered. A mail tells them, with a link to their registration.",
    "merged": "There is one registration left. A mail tells them.",
    "sent": "A mail with the link to their registration is on its way.",
    "sent-recently": "Nothing was sent: the link was mailed within the last five minutes.",
    "noted": "The note is kept.",
    "tagged": "The tags are changed.",
}
"""What to say when it is done."""

OUTCOME_WORDS = {"sent": ("Sent", "good"), "bounced": ("Came back", "wrong"), "suppressed": ("Not wanted", "mind")}
"""Word and look of what became of a mail."""

MAIL_WORDS = {
    "confirmation": "You are registered",
    "waiting-list": "You are on the waiting list",
    "promotion": "A seat for you",
    "cancelled-by-you": "Registration cancelled",
    "changed": "Your registration has changed",
    "link": "The link to your registration",
    "details": "Further details are missing",
    "reminder-7-days": "Reminder, 7 days before",
    "reminder-1-day": "Reminder, a day before",
    "reminder-1-hour": "Reminder, an hour before",
    "recording-available": "The recording is available",
    "bulletin": "Bulletin",
}
"""Kinds of mail in words; any other kind is shown by its name."""


def _confirming(view: PersonView) -> str:
    registration, seats = view.person.registration, view.form.seats
    others = f" {seats.waiting - 1} others go on waiting." if seats.waiting > 2 else ""
    return f"No. {registration.position} in line gets a free seat now, before anybody else, and a mail says so.{others}"


def _cancelling(view: PersonView, now: datetime) -> str:
    form, registration = view.form, view.person.registration
    told = "A mail tells them that their registration was cancelled."
    if registration.status == "waitlisted":
        return f"{told} Nobody else is affected."
    after = give_back(form.seats, registration.status)
    following = decide_promotion(form.opening, after, form.notice, now)
    if following.count:
        return f"{told} The next person on the waiting list gets a seat at once."
    waits = {"too-late": ": it is too shortly before the start", "not-taking-place": ": the event is not taking place"}
    if after.waiting and following.withheld in waits:
        return f"{told} Nobody of the waiting list gets the seat by itself{waits[following.withheld]}."
    return f"{told} Nobody else is affected."


def _refusal(check: Callable[[], None]) -> str:
    try:
        check()
    except DomainError as refusal:
        return refusal.detail
    return ""


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


def change_rows(changes: Sequence[Change]) -> list[HistoryRow]:
    """Each of ``changes``, in order."""
    return [_changed(change) for change in changes]


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
