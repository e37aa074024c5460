"""What a person's own program may do with their registration, by the token of their own link in place of a key."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import g
from werkzeug.exceptions import Forbidden

from services.registration.api.tools import Tools
from services.registration.intake.model import Result
from services.registration.own.service import cancel_own, show_own, wait_for_outcome
from services.registration.store.registrations import Person
from services.registration.usecases.decide import CANCEL
from services.registration.usecases.look_up import FormView
from shared.core.errors import DomainError, Unavailable
from shared.web.access import link_token, refuse_key
from shared.web.entity_tags import require_match
from shared.web.limits import spend

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class OwnLink:
    """The token that was sent, and whose registration it opens: the one in the path."""

    token: str
    person: Person
    view: FormView


def or_own_link(tools: Tools | None) -> Callable[[View], View]:
    """Around a view that ``needs_or_link``, outside of what reads the request: no key means the link of just this one.

    A token that opens nothing, or another registration, is refused like any key that nobody holds: whether there is a
    registration with the id in the path, nobody learns.
    """

    def around(view: View) -> View:
        @wraps(view)
        def asked(*args: Any, registration_id: UUID, **values: Any) -> Any:
            token = link_token()
            if token and tools is None:
                refuse_key()
            g.own_link = _opened(tools, token, str(registration_id)) if token and tools is not None else None
            return view(*args, registration_id=registration_id, **values)

        return asked  # type: ignore[return-value]  # wraps keeps its shape

    return around


def own_link() -> OwnLink | None:
    """By which link the caller comes; None for the holder of a key."""
    found: OwnLink | None = g.own_link
    return found


def change_own(tools: Tools, own: OwnLink, status: str) -> Person:
    """Do what somebody wants of their own registration: it can be cancelled. `If-Match` names the revision seen.

    Raises:
        Forbidden: anything else is wanted.
        DomainError: ``if-match-required``, ``changed-meanwhile``; ``no-place``, ``event-over``: too late.
    """
    if status != CANCEL:
        raise Forbidden
    revision = own.person.registration.revision
    require_match(str(revision))
    outcome = wait_for_outcome(tools.intake, cancel_own(tools.intake, own.view, own.token, revision))
    if outcome is None:
        raise Unavailable("the command is stored and not decided yet; read the registration again")
    result = Result(outcome.outcome[0]["result"])
    if result is not Result.CANCELLED:
        raise DomainError(*REFUSALS[result])
    return show_own(tools.work, own.token, tools.form_view, tools.clock())[0].person


REFUSALS: dict[Result, tuple[str, str]] = {
    Result.GONE: ("no-place", "there is no place to give back"),
    Result.EVENT_OVER: ("event-over", "the event has begun"),
    Result.CHANGED_MEANWHILE: ("changed-meanwhile", "read it again and repeat your change"),
}
"""Why a place was not given back: code and sentence by result."""


def _opened(tools: Tools, token: str, registration_id: str) -> OwnLink:
    spend("link")
    try:
        own, view = show_own(tools.work, token, tools.form_view, tools.clock())
    except DomainError:
        refuse_key()
    if own.person.registration.id != registration_id:
        refuse_key()
    return OwnLink(token, own.person, view)
