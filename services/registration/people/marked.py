"""Decide about several people at once: what it does to each is shown first, then they are decided in turn."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from services.registration.forms.model import MAX_OFFER_HOURS
from services.registration.people.decisions import CANCEL, CONFIRM, OFFER, SEAT_REASONS, WITHDRAW, Decision, decide_seat
from services.registration.people.filters import FILE_TITLES
from services.registration.people.listing import PersonView, people_file, show_person
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.messages import RegistrationMessages
from services.registration.people.notes import Tagging, read_tag, tag_registrations
from services.registration.people.wording import choices_for
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs
from shared.web.browser_session import require_recent_sign_in
from shared.web.headers import personal
from shared.web.xlsx_lines import xlsx_answer

LIST = "/console/registrations"
SEATS_PAGE = re.compile(r"/console/registrations/forms/[a-z0-9-]+/seats")
MOST = 200
TAG, UNTAG = "tag", "untag"
ACTS = {
    CONFIRM: "Give them seats",
    OFFER: "Offer them seats",
    WITHDRAW: "Withdraw their offers",
    CANCEL: "Cancel for them",
    TAG: "Add a tag",
    UNTAG: "Take a tag off",
}
SAVE = "export"
CHOICES = {**ACTS, SAVE: "Download them"}
"""What can be done with those who are marked, in words; a download shows no page first."""

TAGGING = (TAG, UNTAG)
"""Nobody outside gets a mail about these, and no revision matters."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Somebody who is marked.

    Attributes:
        view: the registration.
        seen: its revision on the page where it was marked.
        effect: what the decision does to them.
        refusal: why it cannot be decided so; empty if it can.
    """

    view: PersonView
    seen: int
    effect: str
    refusal: str

    @property
    def id(self) -> str:
        """Of the registration, UUID text."""
        return self.view.person.registration.id


NO_REASON = "out of order, or beyond what is free, it needs a reason: choose one above the list"


def add_marked(blueprint: Blueprint, work: UnitOfWork, clock: Clock, messages: RegistrationMessages) -> None:
    """``/console/registrations/marked``."""

    @blueprint.post("/registrations/marked")
    @needs("coordinator")
    def decide_marked() -> Response:
        act, back = request.form.get("act", ""), _back(request.form.get("back", ""))
        if act == SAVE:
            require_recent_sign_in()
            return _file(work, clock)
        if act not in ACTS:
            raise BadRequest("unknown decision")
        reason, hours = reason_and_hours(request.form)
        marked = [_look(work, clock, act, *one, reason) for one in _wanted(request.form.getlist("marked"))]
        results: list[tuple[Marked, str]] | None = None
        if act in TAGGING and request.form.get("go") == "do":
            results = _tag(work, clock, act, request.form.get("tag", ""), marked)
        elif request.form.get("go") == "do":
            wanted = [Decision(one.id, one.seen, act, holder().name, reason, hours) for one in marked]
            results = [(one, _decide(work, clock, messages, each)) for one, each in zip(marked, wanted, strict=True)]
        page = render_template(
            "registrations/marked.html",
            marked=marked,
            results=results,
            act=act,
            acts=ACTS,
            back=back,
            tagging=act in TAGGING,
            reason=reason,
            hours=hours,
            reasons=SEAT_REASONS,
        )
        return personal(make_response(page))


def _file(work: UnitOfWork, clock: Clock) -> Response:
    """A spreadsheet of those who are marked, as far as the key reaches."""
    ids = tuple(identity for identity, _ in _wanted(request.form.getlist("marked")))
    if not ids:
        raise BadRequest("no registration is marked")
    wanted = PeopleFilter(ids=ids, forms=holder().forms)
    return personal(xlsx_answer("registrations", *people_file(work, clock, holder().name, wanted, words=FILE_TITLES)))


def _wanted(values: Sequence[str]) -> list[tuple[str, int]]:
    """(id, revision) of each: ``<id>:<revision>``."""
    if len(values) > MOST:
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


def reason_and_hours(given: Mapping[str, str]) -> tuple[str, int | None]:
    """The reason that was chosen, empty for none, and how long an offer stands, None for as long as the form says."""
    reason, hours = given.get("reason", ""), given.get("hours", "")
    if reason and reason not in SEAT_REASONS:
        raise BadRequest("unknown reason")
    if not hours:
        return reason, None
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 4 and 1 <= int(hours) <= MAX_OFFER_HOURS):
        raise DomainError("wrong-hours", f"an offer stands from 1 to {MAX_OFFER_HOURS} hours")
    return reason, int(hours)


def _look(work: UnitOfWork, clock: Clock, act: str, identity: str, seen: int, reason: str) -> Marked:
    view = show_person(work, identity)
    if not may_touch(view.form.slug):
        raise DomainError("not-found")
    if act in TAGGING:
        return Marked(view, seen, f"Tags now: {', '.join(view.person.tags) or 'none'}.", "")
    choice = next((one for one in choices_for(view, clock()) if one.status == act), None)
    if view.person.registration.revision != seen:
        return Marked(view, seen, "", "it was changed after you had marked it")
    if choice is None:
        return Marked(view, seen, "", "it does not fit the status")
    if choice.reason == "required" and not reason:
        return Marked(view, seen, "", NO_REASON)
    return Marked(view, seen, choice.effect, choice.refusal)


def _decide(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> str:
    """Why it was not done; empty if it was. What stood in the way on the page may be gone by an earlier decision."""
    try:
        decide_seat(work, clock, messages, decision)
    except DomainError as refusal:
        return refusal.detail or refusal.code
    return ""


def _tag(work: UnitOfWork, clock: Clock, act: str, typed: str, marked: Sequence[Marked]) -> list[tuple[Marked, str]]:
    try:
        tag = read_tag(typed)
    except DomainError as refusal:
        raise BadRequest(refusal.detail) from None
    added, removed = ([tag], []) if act == TAG else ([], [tag])
    ids = [one.view.person.registration.id for one in marked]
    tag_registrations(work, clock, Tagging(ids, added, removed, holder().name, holder().forms))
    return [(one, "") for one in marked]


def _back(path: str) -> str:
    """The list where they were marked; nothing else is led to."""
    parts = urlsplit(path)
    known = parts.path == LIST or SEATS_PAGE.fullmatch(parts.path) is not None
    return path if (parts.scheme, parts.netloc) == ("", "") and known else LIST
