"""A registration by the token of its managing link, for programs."""

from dataclasses import replace

from services.registration.intake.model import Result
from services.registration.own.commands import cancel_own, wait_for_outcome
from services.registration.own.service import show_own
from services.registration.people.by_link import LinkAccess
from services.registration.people.store import Person
from services.registration.public.context import PublicContext
from shared.core.errors import DomainError, Unavailable

REFUSALS: dict[Result, tuple[str, str]] = {
    Result.GONE: ("no-place", "there is no place to give back"),
    Result.EVENT_OVER: ("event-over", "the event has begun"),
    Result.CHANGED_MEANWHILE: ("changed-meanwhile", "read it again and repeat your change"),
}
"""Why a place was not given back: code and sentence by result."""


def link_access(context: PublicContext) -> LinkAccess:
    """Return what reads and cancels registrations by their links."""

    def find(token: str) -> Person:
        return show_own(context.work, token, context.form_view, context.clock())[0].person

    def cancel(token: str, revision: int) -> Person:
        own, view = show_own(context.work, token, context.form_view, context.clock())
        outcome = wait_for_outcome(context.intake, cancel_own(context.intake, view, token, revision))
        if outcome is None:
            raise Unavailable("the command is stored and not decided yet; read the registration again")
        result = Result(outcome.outcome[0]["result"])
        if result is not Result.CANCELLED:
            raise DomainError(*REFUSALS[result])
        before = own.person.registration
        return replace(
            own.person, registration=replace(before, status="cancelled", position=None, revision=revision + 1)
        )

    return LinkAccess(find, cancel)
