"""Words for what happened to one person, for what a coordinator can decide, and for what that does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.registration.forms.seats import InLine, decide_promotion, give_back, let_pass
from services.registration.people.decisions import CANCEL, CONFIRM, OFFER, WITHDRAW
from services.registration.people.listing import PersonView
from services.registration.people.listing_store import RegistrationChange
from services.registration.people.model import check_cancelling, check_confirming, check_offering
from services.registration.people.waiting_list import PromotionLine
from shared.runtime.errors import DomainError
from shared.vocabulary.promotion import WITH_OFFERS


@dataclass(frozen=True, slots=True)
class OfferedDecision:
    """A decision that a coordinator can take, as the page offers it.

    Attributes:
        status: the status of the registration after the decision.
        question: the words of the question.
        button: the words on the button.
        effect: what it does to people, in sentences.
        refusal: why it cannot be done now; empty if it can.
        reason: whether a reason is ``required``, ``possible`` or, if empty, not asked for.
        hours: how long an offer is valid by default; None for every other decision.
    """

    status: str
    question: str
    button: str
    effect: str
    refusal: str
    reason: str = ""
    hours: int | None = None


def choices_for(view: PersonView, now: datetime) -> list[OfferedDecision]:
    """What a coordinator can decide about this registration now; nothing for one that has ended or not begun."""
    registration = view.person.registration
    choices = []
    if registration.status == "waitlisted":
        choices.append(_confirm_choice(view, now))
    if registration.hold == "offered":
        effect = _withdrawing(view, now)
        choices.append(OfferedDecision(WITHDRAW, "Withdraw the offer", "Withdraw the offer", effect, ""))
    elif registration.status == "waitlisted":
        choices.append(_offer_choice(view, now))
    if registration.status in ("confirmed", "waitlisted"):
        refusal = _refusal(lambda: check_cancelling(view.form.opening, registration, now))
        choices.append(
            OfferedDecision(
                CANCEL, "Cancel for this person", "Cancel this registration", _cancelling(view, now), refusal
            )
        )
    return choices


def _confirm_choice(view: PersonView, now: datetime) -> OfferedDecision:
    """With a reason they can be let in beyond what is free for them."""
    opening, seats, registration = view.form.opening, view.form.seats, view.person.registration
    question, button = "Give them a seat", "Confirm this person"
    if registration.hold == "offered":
        question, button = "Accept the offer for them", "Accept on their behalf"
    refusal = _refusal(lambda: check_confirming(opening, seats, registration, now, beyond=True))
    short = _refusal(lambda: check_confirming(opening, seats, registration, now))
    if refusal or not short:
        return OfferedDecision(CONFIRM, question, button, _confirming(view), refusal)
    return OfferedDecision(
        CONFIRM, "Give them a seat beyond the limit", button, _beyond(view, short), "", reason="required"
    )


def _beyond(view: PersonView, short: str) -> str:
    seats = view.form.seats
    over = max(0, seats.taken + 1 - (seats.capacity or 0))
    then = f" The form is then {over:,} over its {seats.capacity:,} seats." if over else ""
    sentence = short.partition(";")[0]
    return f"{sentence[0].upper()}{sentence[1:]}.{then} They get a seat now, and a mail about it. No one loses a seat."


def _offer_choice(view: PersonView, now: datetime) -> OfferedDecision:
    seats, registration = view.form.seats, view.person.registration
    refusal = _refusal(lambda: check_offering(view.form.opening, seats, registration, now))
    reason = "possible" if view.is_next else "required"
    effect = (
        "A seat is held for them, and a mail asks them to accept it in time. If they decline or do not answer, the "
        "seat goes to others, and they stay on the waiting list until a coordinator decides."
    )
    return OfferedDecision(OFFER, "Offer them a seat", "Offer a seat", effect, refusal, reason, seats.offer_hours)


def _withdrawing(view: PersonView, now: datetime) -> str:
    """Back in line: it may be they who are next."""
    form, who = view.form, view.person.registration
    seats = let_pass(form.seats, who.who, back_in_line=True)
    line = (*view.line, InLine(who.id, who.who)) if seats.pools else ()
    decided = decide_promotion(form.opening, seats, form.notice, now, line)
    gets = (
        "The seat goes to the next person on the list, possibly this one"
        if decided.count
        else "No one gets the seat automatically"
    )
    return f"They go back to the waiting list, and get a mail that the seat is no longer held for them. {gets}."


DONE = {
    OFFER: "A seat is held for them. They get a mail with the deadline.",
    WITHDRAW: "The offer is withdrawn. They get a mail.",
    CONFIRM: "They have a seat. They get a mail.",
    CANCEL: "The registration is cancelled. They get a mail.",
}
DONE_BESIDES = {
    "corrected": "The registration is corrected. They get a mail.",
    "entered": "The person is registered. They get a mail with a link to their registration.",
    "merged": "The two registrations are merged. The person gets a mail.",
    "sent": "A mail with the link to their registration is being sent.",
    "sent-recently": "Nothing was sent: the link was mailed within the last five minutes.",
    "noted": "The note is saved.",
    "note-deleted": "The note is deleted.",
    "tagged": "The tags are changed.",
}
"""Notice that is shown when it is done."""

OUTCOME_WORDS = {"sent": ("Sent", "good"), "bounced": ("Bounced", "wrong"), "suppressed": ("Unsubscribed", "mind")}
"""Word and tag style for the outcome of a mail."""


def is_done(view: PersonView, status: str) -> bool:
    """Whether a registration is as it is after the decision ``status``."""
    registration = view.person.registration
    if registration.hold == "offered":
        return status == OFFER
    return registration.status == ("waitlisted" if status == WITHDRAW else status)


def _confirming(view: PersonView) -> str:
    registration, seats = view.person.registration, view.form.seats
    others = f" {seats.waiting - 1} others stay on the waiting list." if seats.waiting > 2 else ""
    if registration.hold == "offered":
        return "They get the seat that is held for them: you accept the offer on their behalf, and they get a mail."
    number = f"No. {registration.position} on the waiting list"
    return f"{number} gets a free seat now, ahead of the others, and a mail about it.{others}"


def _cancelling(view: PersonView, now: datetime) -> str:
    form, registration = view.form, view.person.registration
    mailed = "They get a mail about the cancellation."
    if registration.status == "waitlisted" and registration.hold != "offered":
        return f"{mailed} No one else is affected."
    after = give_back(form.seats, registration.status, registration.who, registration.hold)
    following = decide_promotion(form.opening, after, form.notice, now, view.line)
    if following.count:
        gets = "is offered the seat" if after.mode == WITH_OFFERS else "gets a seat at once"
        return f"{mailed} The next person on the waiting list {gets}."
    waits = {
        "too-late": ": it is too close to the start",
        "not-taking-place": ": the event is not taking place",
    } | {
        "by-hand": ": coordinators decide about seats of this form",
        "reserved": ": it is reserved for others",
        "domain-share": ": the share of their mail domain is used up",
    }
    if after.in_line and following.withheld in waits:
        return f"{mailed} No one on the waiting list gets the seat automatically{waits[following.withheld]}."
    return f"{mailed} No one else is affected."


def _refusal(check: Callable[[], None]) -> str:
    try:
        check()
    except DomainError as refusal:
        return refusal.detail
    return ""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A row of a person's history.

    Attributes:
        status: the status after the change; empty where the person went on waiting.
        why: the reason, a sentence.
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


def change_rows(changes: Sequence[RegistrationChange]) -> list[HistoryRow]:
    """Each of ``changes``, in order."""
    return [_changed(change) for change in changes]


def changes_since(view: PersonView, revision: int) -> list[HistoryRow]:
    """What was changed after a person has seen ``revision``."""
    return [_changed(change) for change in view.history if change.revision > revision]


def _changed(change: RegistrationChange) -> HistoryRow:
    why = f"{change.reason[0].upper()}{change.reason[1:]}"
    return HistoryRow(change.changed_at, change.status, why, change.changed_by or "", change.capacity_then)


def _waited(line: PromotionLine) -> HistoryRow:
    cause = f"{line.cause[0].upper()}{line.cause[1:]}"
    return HistoryRow(line.decided_at, "", f"{cause}{_consequence(line)}", "", None)


def _consequence(line: PromotionLine) -> str:
    """Why a person who waited was not promoted."""
    if line.withheld == "too-late":
        return ", but too close to the start to invite the next person."
    if line.withheld == "not-taking-place":
        return ", but the event was not taking place then."
    if line.withheld == "by-hand":
        return ", and coordinators decide who gets it."
    if line.withheld == "reserved":
        return f"{_given(line) if line.promoted else '.'} The remaining seats were reserved for others."
    if line.withheld == "domain-share":
        return f"{_given(line) if line.promoted else '.'} The share of the mail domain of the others was used up."
    if line.withheld == "out-of-turn":
        return ": another person was given the seat out of order."
    if line.promoted:
        return f"{_given(line)} No seat was left for this person."
    return f", but {_all_taken(line.capacity)}."


def _given(line: PromotionLine) -> str:
    if line.promoted == 1:
        return ": the seat went to the first person on the list."
    return f": {line.promoted} seats went to the first {line.promoted} people on the list."


def _all_taken(capacity: int | None) -> str:
    if not capacity:
        return "there were no seats"
    return "the only seat was taken" if capacity == 1 else f"all {capacity} seats were taken"
