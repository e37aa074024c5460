"""What a person's own program may do with the token of a managing link."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, g, request
from werkzeug.exceptions import Forbidden

from services.registration.people.decisions import CANCEL
from services.registration.people.schemas import (
    PersonSchema,
)
from services.registration.people.seats import tagged, to_public
from services.registration.people.store import Person
from shared.http.access import (
    RECOGNISED,
    link_token,
    refuse_key,
)
from shared.http.headers import require_match
from shared.public_forms.validation import Answers
from shared.runtime.errors import DomainError
from shared.security.rate_limits import spend

View = TypeVar("View", bound=Callable[..., Any])


class AnswersRefused(Exception):
    """The answers of a change have faults."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("the answers have faults")
        self.answers = answers


@dataclass(frozen=True, slots=True)
class LinkAccess:
    """Reads, changes and cancels registrations by the tokens of their managing links.

    Attributes:
        find: a function that returns the person whose registration a token opens. Raises ``DomainError``:
            ``not-found``.
        cancel: a function that cancels the registration with the revision that was seen; returns the person after that.
            Raises ``DomainError``: ``edit-conflict``, ``no-place``, ``event-over``.
        change: a function that replaces some answers of the registration with the revision that was seen; returns the
            person after that. Raises ``AnswersRefused``; ``DomainError``: ``edit-conflict``, ``no-place``,
            ``changes-closed``, ``name-taken``, ``option-full``.
    """

    find: Callable[[str], Person]
    cancel: Callable[[str, int], Person]
    change: Callable[[str, int, Mapping[str, Any]], Person]


@dataclass(frozen=True, slots=True)
class OwnLink:
    """The token that was sent, and whose registration it opens: the one in the path."""

    token: str
    person: Person


def or_own_link(links: LinkAccess | None) -> Callable[[View], View]:
    """Decorate a view that ``needs_or_link``, outside of what reads the request: without a key, it needs its own link.

    A token that opens nothing, or another registration, is refused like an unknown key: the response does not reveal
    whether a registration with the id in the path exists. ``links`` is None for an application that takes no links.
    """

    def around(view: View) -> View:
        @wraps(view)
        def asked(*args: Any, registration_id: UUID, **values: Any) -> Any:
            token = link_token()
            g.own_link = _opened(links, token, str(registration_id)) if token else None
            return view(*args, registration_id=registration_id, **values)

        return asked  # type: ignore[return-value]  # wraps keeps its shape

    return around


def own_link() -> OwnLink | None:
    """The link of the caller; None for the holder of a key."""
    found: OwnLink | None = g.own_link
    return found


def change_own(links: LinkAccess, own: OwnLink, wanted: Mapping[str, Any]) -> Person:
    """Change the answers of a person's own registration, or cancel it. `If-Match` names the revision seen.

    Args:
        links: the functions that change and cancel a registration by the token of its link.
        own: the link of the caller.
        wanted: ``answers`` by field, or the ``status`` ``cancelled``.

    Raises:
        Forbidden: another status is wanted.
        DomainError: ``if-match-required``, and the errors of ``LinkAccess``.
        AnswersRefused: the answers have faults.
    """
    if wanted.get("status", CANCEL) != CANCEL:
        raise Forbidden
    revision = own.person.registration.revision
    require_match(str(revision))
    if "answers" in wanted:
        return links.change(own.token, revision, wanted["answers"])
    return links.cancel(own.token, revision)


def _opened(links: LinkAccess | None, token: str, registration_id: str) -> OwnLink:
    if links is None:
        refuse_key()
    spend("link" if request.method == "GET" else "command")
    try:
        person = links.find(token)
    except DomainError:
        refuse_key()
    if person.registration.id != registration_id:
        refuse_key()
    request.environ[RECOGNISED] = True
    return OwnLink(token, person)


def _to_their_own(person: Person) -> Response:
    """A registration as its own link shows it: without the tags that coordinators work with."""
    content = to_public(person)
    del content["tags"]
    return tagged(PersonSchema().dump(content), person)
