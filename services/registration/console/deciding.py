"""A coordinator's decisions about one person: what can be decided, what it does, and doing it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.registration.domain.deciding import check_cancelling, check_confirming
from services.registration.domain.promotion import decide_promotion
from services.registration.domain.seats import give_back
from services.registration.usecases.decide import CANCEL, CONFIRM
from services.registration.usecases.list_people import PersonView
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
"""What to say when it is done."""


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
