"""Decisions about several people who are marked on a list, and a file of them.

A decision first shows its effect on each person; then each is decided, one after the other.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from services.registration.people.console import PATH, reason_and_hours
from services.registration.people.decisions import (
    CANCEL,
    CONFIRM,
    OFFER,
    SEAT_REASONS,
    WITHDRAW,
    SeatDecision,
    decide_seat,
)
from services.registration.people.filters import FILE_TITLES
from services.registration.people.listing import PersonView, people_file, show_person
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.messages import RegistrationMessages
from services.registration.people.notes import Tagging, read_tag, tag_registrations
from services.registration.people.wording import choices_for
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, require_recent_sign_in
from shared.http.headers import personal
from shared.http.lists import xlsx_answer
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError

SEATS_PAGE = re.compile(r"/console/registrations/forms/[a-z0-9-]+/seats")
MAX_MARKED = 200
TAG, UNTAG = "tag", "untag"
ACTS = {
    CONFIRM: "Give them seats",
    OFFER: "Offer them seats",
    WITHDRAW: "Withdraw their offers",
    CANCEL: "Cancel the registrations",
    TAG: "Add a tag",
    UNTAG: "Remove a tag",
}
SAVE = "export"
CHOICES = {**ACTS, SAVE: "Download them"}
"""What can be done with those who are marked, in words; a download shows no page first."""

TAGGING = (TAG, UNTAG)
"""These decisions cause no mail to the person and need no revision."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A person who is marked.

    Attributes:
        view: the registration.
        seen: the revision of the registration on the page where it was marked.
        effect: what the decision does to them.
        refusal: why it cannot be decided so; empty if it can.
    """

    view: PersonView
    seen: int
    effect: str
    refusal: str

    @property
    def id(self) -> str:
        """The id of the registration, UUID text."""
        return self.view.person.registration.id


NO_REASON = "out of order or beyond the free seats, a reason is needed: choose one above the list"


def add_marked(blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    """``/console/registrations/marked``."""

    @blueprint.post("/registrations/marked")
    @needs("coordinator")
    def decide_marked() -> Response:
        act, back = request.form.get("act", ""), _back(request.form.get("back", ""))
        if act not in CHOICES:
            raise BadRequest("unknown decision")
        if act == SAVE and request.form.getlist("marked"):
            require_recent_sign_in()
            return _file(work, clock)
        reason, hours, fault = _reason_and_hours()
        marked = [_inspect(work, clock, act, *pair, reason) for pair in _wanted(request.form.getlist("marked"))]
        results: list[tuple[Marked, str]] | None = None
        tag, is_confirmed = request.form.get("tag", ""), request.form.get("go") == "do" and not fault
        if is_confirmed and act in TAGGING:
            try:
                results = _tag(work, clock, act, tag, marked)
            except DomainError as refusal:
                fault = refusal.detail
        elif is_confirmed:
            wanted = [SeatDecision(person.id, person.seen, act, holder().name, reason, hours) for person in marked]
            answers = [_decide(work, clock, messages, decision) for decision in wanted]
            results = list(zip(marked, answers, strict=True))
        page = render_template(
            "registrations/marked.html",
            marked=marked,
            results=results,
            act=act,
            acts=CHOICES,
            back=back,
            tagging=act in TAGGING,
            reason=reason,
            hours=request.form.get("hours", ""),
            reasons=SEAT_REASONS,
            tag=tag,
            fault=fault,
        )
        return personal(make_response(page, 409 if fault else 200))


def _reason_and_hours() -> tuple[str, int | None, str]:
    """The chosen reason, how long offers are valid, and what is wrong with that; empty for nothing."""
    try:
        return *reason_and_hours(request.form), ""
    except DomainError as refusal:
        return request.form.get("reason", ""), None, refusal.detail


def _file(work: UnitOfWork, clock: Clock) -> Response:
    """A spreadsheet of those who are marked, as far as the key reaches."""
    ids = tuple(identity for identity, _ in _wanted(request.form.getlist("marked")))
    wanted = PeopleFilter(ids=ids, forms=holder().forms)
    return personal(xlsx_answer("registrations", *people_file(work, clock, holder().name, wanted, words=FILE_TITLES)))


def _wanted(values: Sequence[str]) -> list[tuple[str, int]]:
    """(id, revision) of each: ``<id>:<revision>``."""
    if len(values) > MAX_MARKED:
        raise BadRequest("too many are marked")
    found: dict[str, int] = {}
    for value in values:
        identity, _, revision = value.partition(":")
        if not (revision.isascii() and revision.isdecimal() and len(revision) < 10):
            raise BadRequest("unknown state")
        try:
            found[str(UUID(identity))] = int(revision)
        except ValueError:
            raise BadRequest("unknown registration") from None
    return list(found.items())


def _inspect(work: UnitOfWork, clock: Clock, act: str, identity: str, seen: int, reason: str) -> Marked:
    view = show_person(work, identity)
    if not may_touch(view.form.slug):
        raise DomainError("not-found")
    if act in TAGGING:
        return Marked(view, seen, f"Tags now: {', '.join(view.person.tags) or 'none'}.", "")
    choice = next((choice for choice in choices_for(view, clock()) if choice.status == act), None)
    if view.person.registration.revision != seen:
        return Marked(view, seen, "", "it was changed after you marked it")
    if choice is None:
        return Marked(view, seen, "", "the status does not allow it")
    if choice.reason == "required" and not reason:
        return Marked(view, seen, "", NO_REASON)
    return Marked(view, seen, choice.effect, choice.refusal)


def _decide(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: SeatDecision) -> str:
    """Return why it was not done; empty if it was. An earlier decision may have removed an obstacle that was shown."""
    return _refusal_of(lambda: decide_seat(work, clock, messages, decision))


def _refusal_of(act: Callable[[], object]) -> str:
    """Why it was not done; empty if it was."""
    try:
        act()
    except DomainError as refusal:
        return refusal.detail or refusal.code
    return ""


def _tag(work: UnitOfWork, clock: Clock, act: str, typed: str, marked: Sequence[Marked]) -> list[tuple[Marked, str]]:
    """Why each was not tagged; empty if it was.

    Raises:
        DomainError: ``invalid-tag``.
    """
    tag = read_tag(typed)
    added, removed = ([tag], []) if act == TAG else ([], [tag])
    taggings = [Tagging([person.id], added, removed, holder().name, holder().forms) for person in marked]
    refusals = [_refusal_of(partial(tag_registrations, work, clock, tagging)) for tagging in taggings]
    return list(zip(marked, refusals, strict=True))


def _back(path: str) -> str:
    """The list where they were marked; nothing else is led to."""
    parts = urlsplit(path)
    known = parts.path == PATH or SEATS_PAGE.fullmatch(parts.path) is not None
    return path if (parts.scheme, parts.netloc) == ("", "") and known else PATH
