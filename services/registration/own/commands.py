"""Commands that are sent by links: they wait in the same queue as submissions, and the decider decides them in order.

Programs send some of them over the API, with the token of a managing link.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from services.registration.intake.form_view import FormView
from services.registration.intake.model import ActResult, Choice, Result, read_results
from services.registration.intake.service import Intake, OwnChange
from services.registration.own.answers import check_change
from services.registration.own.service import WaitingForOwner, hash_of_link, show_own
from services.registration.own.store import OwnRegistration
from services.registration.people.model import OWN, UNDO_ADDRESS, VIEW
from services.registration.people.own_link import AnswersRefused, LinkAccess
from services.registration.people.store import Person
from services.registration.public.context import PublicContext
from shared.public_forms.validation import Answers
from shared.runtime.errors import DomainError, Unavailable

OUTCOME_WITHIN_S = 2.0
"""How long a page waits for the decider before it shows that the command is being processed."""

PAUSES_S = (0.02, 0.03, 0.05, 0.1)
"""Between two reads of an outcome; the last one repeats."""


def send_address_request(intake: Intake, view: FormView, token: str, email: str, network: bytes | None) -> str:
    """Queue a request to change the address of a registration to ``email``; return the command's receipt."""
    return intake.command(view, "change-address", {"email": email}, hash_of_link(token, OWN), network)


def send_address_undo(intake: Intake, view: FormView, token: str) -> str:
    """Queue the undo of a change of address; return the command's receipt."""
    return intake.command(view, "undo-address", {}, hash_of_link(token, UNDO_ADDRESS))


def send_choices(intake: Intake, view: FormView, waiting: WaitingForOwner, choices: Sequence[Choice]) -> str:
    """Store what the owner has chosen; returns the command's receipt.

    A choice about something that does not wait any more is stored too; its result reports that.
    """
    values = [asdict(choice) for choice in choices]
    return intake.command(view, "confirm", {"choices": values}, waiting.token_hash)


def send_link(intake: Intake, view: FormView, waiting: WaitingForOwner, registration: str) -> str:
    """Queue a request to mail the managing link of a registration; return the command's receipt."""
    return intake.command(view, "send-link", {"registration": registration}, waiting.token_hash)


def send_link_by_view(intake: Intake, view: FormView, token: str) -> str:
    """Store that a person wants the managing link mailed, by a read-only link; returns the command's receipt."""
    return intake.command(view, "send-link", {}, hash_of_link(token, VIEW))


def send_own(intake: Intake, view: FormView, token: str, command: str, values: Mapping[str, Any] | None = None) -> str:
    """Queue a command about the registration of a managing link; return the command's receipt."""
    return intake.command(view, command, values or {}, hash_of_link(token, OWN))


def verify(intake: Intake, view: FormView, token: str, purpose: str) -> str:
    """Queue the verification of an address whose owner uses a mailed link; return the command's receipt."""
    return intake.command(view, "verify", {}, hash_of_link(token, purpose))


def mute(intake: Intake, view: FormView, waiting: WaitingForOwner, *, muted: bool) -> str:
    """Store whether the owner wants mail about submissions they did not make; returns the command's receipt."""
    return intake.command(view, "mute" if muted else "unmute", {}, waiting.token_hash)


def send_change(
    intake: Intake, view: FormView, own: OwnRegistration, token: str, answers: Answers, *, revision: int, details: bool
) -> str:
    """Store a person's change of their answers; returns the command's receipt.

    Args:
        intake: the intake that stores the command.
        view: the form, with the questions that were asked as its definition.
        own: the registration.
        token: the token of the managing link.
        answers: the checked answers, without errors.
        revision: the revision of the registration from which the change was made.
        details: whether the answers are those that are asked for after the confirmation.
    """
    registration = own.person.registration
    change = OwnChange(revision, details, own.person.email, registration.language, registration.partner)
    return intake.change(view, answers, change, hash_of_link(token, OWN))


def wait_for_outcome(
    intake: Intake, receipt: str, within_s: float = OUTCOME_WITHIN_S, sleep: Callable[[float], object] = time.sleep
) -> Result | None:
    """Return the first result of a command once it is decided; None if that takes longer than ``within_s``.

    None as well if the database fails during the wait: the command is stored, and its outcome is shown later.
    """
    act = wait_for_act(intake, receipt, within_s, sleep)
    return None if act is None else act.result


def wait_for_act(
    intake: Intake, receipt: str, within_s: float = OUTCOME_WITHIN_S, sleep: Callable[[float], object] = time.sleep
) -> ActResult | None:
    """Return the same with what it is about."""
    deadline, attempt = time.monotonic() + within_s, 0
    while True:
        try:
            found = intake.receipt(receipt)
        except Unavailable:
            return None
        if found is not None and found.state == "decided":
            return next(iter(read_results(found.outcome)), None)
        if time.monotonic() >= deadline:
            return None
        sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
        attempt += 1


REFUSALS: dict[Result, tuple[str, str]] = {
    Result.GONE: ("no-place", "there is no seat left on the form"),
    Result.EVENT_OVER: ("event-over", "the event has begun"),
    Result.CHANGED_CONCURRENTLY: ("edit-conflict", "read it again and repeat your change"),
    Result.CLOSED: ("changes-closed", "answers cannot be changed any more"),
    Result.NAME_TAKEN: ("name-taken", "a person with this name is registered with the same address"),
    Result.OPTION_FULL: ("option-full", "an option that was chosen is full"),
}
"""Why nothing was changed: code and sentence by result."""


def link_access(context: PublicContext) -> LinkAccess:
    """Return what reads, changes and cancels registrations by their links."""

    def find(token: str) -> Person:
        return show_own(context.work, token, context.form_view, context.clock())[0].person

    def cancel(token: str, revision: int) -> Person:
        own, view = show_own(context.work, token, context.form_view, context.clock())
        _require(context, send_own(context.intake, view, token, "cancel", {"revision": revision}), Result.CANCELLED)
        before = own.person.registration
        return replace(
            own.person, registration=replace(before, status="cancelled", position=None, revision=revision + 1)
        )

    def change(token: str, revision: int, wanted: Mapping[str, Any]) -> Person:
        own, view = show_own(context.work, token, context.form_view, context.clock())
        checked = check_change(own, view.whole_for(own.person.registration.working_group), wanted)
        if not checked.answers.ok:
            raise AnswersRefused(checked.answers)
        asked = replace(view, definition=checked.definition)
        details = checked.step == "details"
        sent = send_change(context.intake, asked, own, token, checked.answers, revision=revision, details=details)
        _require(context, sent, Result.CHANGED, Result.KEPT)
        return find(token)

    return LinkAccess(find, cancel, change)


def _require(context: PublicContext, receipt: str, *results: Result) -> None:
    """Wait until a command is decided, and raise unless it had one of these results."""
    result = wait_for_outcome(context.intake, receipt)
    if result is None:
        raise DomainError("undecided", "the command is stored but not decided yet; read the registration again")
    if result not in results:
        raise DomainError(*REFUSALS[result])
