"""What a person's own program may do with their registration, by the token of their managing link in place of a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from flask import g
from werkzeug.exceptions import Forbidden

from services.registration.people.decisions import CANCEL
from services.registration.people.store import Person
from shared.core.errors import DomainError
from shared.public_forms.validation import Answers
from shared.web.access import link_token, refuse_key
from shared.web.entity_tags import require_match
from shared.web.limits import spend

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
        find: returns the person whose registration a token opens. Raises ``DomainError``: ``not-found``.
        cancel: gives the place back, with the revision that was seen; returns the person as they are afterwards. Raises
            ``DomainError``: ``changed-meanwhile``, ``no-place``, ``event-over``.
        change: replaces some answers, with the revision that was seen; returns the person as they are afterwards.
            Raises ``AnswersRefused``; ``DomainError``: ``changed-meanwhile``, ``no-place``, ``changes-closed``,
            ``name-taken``, ``option-full``.
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
    """Around a view that ``needs_or_link``, outside of what reads the request: no key means the link of just this one.

    A token that opens nothing, or another registration, is refused like any key that nobody holds: whether there is a
    registration with the id in the path, nobody learns. ``links`` is None for an application that takes no links.
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
    """By which link the caller comes; None for the holder of a key."""
    found: OwnLink | None = g.own_link
    return found


def change_own(links: LinkAccess, own: OwnLink, wanted: Mapping[str, Any]) -> Person:
    """Change the answers of somebody's own registration, or cancel it. `If-Match` names the revision seen.

    Args:
        links: that does it.
        own: the link.
        wanted: ``answers`` by field, or the ``status`` ``cancelled``.

    Raises:
        Forbidden: another status is wanted.
        DomainError: ``if-match-required``, and what ``LinkAccess`` says.
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
    spend("link")
    try:
        person = links.find(token)
    except DomainError:
        refuse_key()
    if person.registration.id != registration_id:
        refuse_key()
    return OwnLink(token, person)
