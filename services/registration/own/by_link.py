"""Access to a registration over the API, by the token of its managing link."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.registration.intake.model import Result
from services.registration.own.answers import check_change
from services.registration.own.commands import cancel_own, send_change, wait_for_outcome
from services.registration.own.service import show_own
from services.registration.people.by_link import AnswersRefused, LinkAccess
from services.registration.people.store import Person
from services.registration.public.context import PublicContext
from shared.core.errors import DomainError

REFUSALS: dict[Result, tuple[str, str]] = {
    Result.GONE: ("no-place", "there is no place on the form any more"),
    Result.EVENT_OVER: ("event-over", "the event has begun"),
    Result.CHANGED_MEANWHILE: ("changed-meanwhile", "read it again and repeat your change"),
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
        _require(context, cancel_own(context.intake, view, token, revision), Result.CANCELLED)
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
        raise DomainError("undecided", "the command is stored and not decided yet; read the registration again")
    if result not in results:
        raise DomainError(*REFUSALS[result])
