"""Decisions in the console: about one person, on a page with name and address, or about several who are marked.

A decision about several first shows its effect on each person; then each is decided, one after the other.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened
from services.registration.forms.model import MAX_OFFER_HOURS
from services.registration.forms.service import list_partners, working_group_titles
from services.registration.forms.standard_forms import with_working_groups
from services.registration.forms.store import all_forms
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
from services.registration.people.notes import (
    Tagging,
    delete_note,
    dossier_of,
    known_tags,
    read_tag,
    tag_registrations,
    write_note,
)
from services.registration.people.wording import (
    DONE,
    DONE_BESIDES,
    OUTCOME_WORDS,
    changes_since,
    choices_for,
    history_rows,
    is_done,
)
from services.registration.sealing.key_store import FormKeys
from services.registration.sealing.service import ReadingRequest, read_sealed
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, needs_recent_sign_in, require_recent_sign_in, require_touch
from shared.http.headers import personal
from shared.http.lists import xlsx_answer
from shared.public_forms.definition import parse_definition
from shared.public_forms.rendering import answers_for_display, sealed_for_display, withdrawn_answers
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

PATH = "/console/registrations"


@dataclass(frozen=True, slots=True)
class PersonPages:
    """What the pages about one person work with.

    Attributes:
        work: transactions on the service's database.
        clock: of the project.
        messages: of what happens to registrations.
        keys: of sealed answers.
        erasure_reasons: for which a person can be erased, in words.
        erased_page: the page of an erased registration; raises ``DomainError`` if it was not erased.
    """

    work: UnitOfWork
    clock: Clock
    messages: RegistrationMessages
    keys: FormKeys
    erasure_reasons: Mapping[str, str]
    erased_page: Callable[[UUID], Response]


def add_person(blueprint: Blueprint, pages: PersonPages) -> None:
    """``/console/registrations/<id>`` and what can be done there."""
    _add_page(blueprint, pages)
    _add_decisions(blueprint, pages)
    _add_sealed(blueprint, pages)


def _add_page(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.get("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def person_page(registration_id: UUID) -> Response:
        try:
            view = _view(pages.work, registration_id)
        except DomainError as refusal:
            if refusal.code != "not-found":
                raise
            return pages.erased_page(registration_id)
        done = request.args.get("done", "")
        return _person(pages, view, done=DONE.get(done, "") if is_done(view, done) else DONE_BESIDES.get(done, ""))


def _add_decisions(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>")
    @needs("coordinator")
    def decide_it(registration_id: UUID) -> AnyResponse:
        _view(pages.work, registration_id)
        status, seen = request.form.get("status", ""), request.form.get("seen", "")
        if status not in DONE or not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
            raise BadRequest("unknown decision")
        try:
            reason, hours = reason_and_hours(request.form)
            decision = SeatDecision(str(registration_id), int(seen), status, holder().name, reason, hours)
            decide_seat(pages.work, pages.clock, pages.messages, decision)
        except DomainError as refusal:
            return _refused(pages, _view(pages.work, registration_id), refusal, int(seen))
        return redirect(f"{PATH}/{registration_id}?done={status}", 303)


def _add_sealed(blueprint: Blueprint, pages: PersonPages) -> None:
    @blueprint.post("/registrations/<uuid:registration_id>/sealed")
    @needs_recent_sign_in
    @needs("sealed-reader")
    def sealed_page(registration_id: UUID) -> Response:
        view = _view(pages.work, registration_id)
        reason = request.form.get("reason", "")
        asked = ReadingRequest(str(registration_id), holder().name, reason, may_touch)
        try:
            answers = read_sealed(pages.work, pages.clock, pages.keys, asked)
        except DomainError as refusal:
            return _person(pages, view, status=422, reason=reason, refused=refusal.detail)
        definition = parse_definition(view.form.definition)
        return _person(pages, view, opened=sealed_for_display(definition, answers, "en"), reason=reason)


def _view(work: UnitOfWork, registration_id: UUID) -> PersonView:
    view = show_person(work, str(registration_id))
    require_touch(view.form.slug)
    return view


def _refused(pages: PersonPages, view: PersonView, refusal: DomainError, seen: int) -> Response:
    """The page as it is now; where another person was faster, with what they did."""
    if refusal.code == "edit-conflict":
        return _person(pages, view, 412, notice=changed_since_opened("registration"), newer=changes_since(view, seen))
    return _person(pages, view, 409, notice=f"This cannot be done: {refusal.detail}.")


def _person(pages: PersonPages, view: PersonView, status: int = 200, **more: Any) -> Response:
    """The page of one person; ``more`` is what came of reading what is sealed, or of a decision."""
    groups = working_group_titles(pages.work)
    definition = with_working_groups(parse_definition(view.form.definition), tuple(groups.items()))
    coordinates = "coordinator" in holder().roles
    with pages.work.transaction() as connection:
        dossier = dossier_of(connection, view.person.registration, holder().forms) if coordinates else None
        tags = known_tags(connection, holder().forms) if coordinates else []
        titles = {form.slug: form.title for form in all_forms(connection)}
    shown = {"opened": None, "reason": "", "refused": "", **more}
    page = render_template(
        "registrations/person.html",
        view=view,
        person=view.person if coordinates else None,
        title=definition.title.in_language("en"),
        answers=answers_for_display(definition, view.person.answers, "en"),
        withdrawn=withdrawn_answers(definition, view.person.answers),
        groups=groups,
        partners={one.slug: one.name for one in list_partners(pages.work, None)},
        dossier=dossier,
        known_tags=tags,
        note_id=new_id(),
        form_titles=titles,
        outcome_words=OUTCOME_WORDS,
        asks_details=bool(definition.second_step.fields),
        history=history_rows(view),
        choices=choices_for(view, pages.clock()) if coordinates else (),
        erasing=pages.erasure_reasons if coordinates else {},
        full=view.form.seats.free == 0,
        reasons=SEAT_REASONS,
        may_read_sealed="sealed-reader" in holder().roles,
        **shown,
    )
    return personal(make_response(page, status))


def add_notes(blueprint: Blueprint, pages: PersonPages) -> None:
    """``POST /console/registrations/<id>/tags`` and ``…/notes``."""
    work, clock = pages.work, pages.clock

    @blueprint.post("/registrations/<uuid:registration_id>/tags")
    @needs("coordinator")
    def change_tags(registration_id: UUID) -> AnyResponse:
        view = _view(work, registration_id)
        try:
            added = [read_tag(one) for one in request.form.get("add", "").split(",") if one.strip()]
        except DomainError as refusal:
            raise BadRequest(refusal.detail) from None
        removed = request.form.getlist("remove")
        tagging = Tagging([str(registration_id)], added, removed, holder().name, holder().forms)
        try:
            tag_registrations(work, clock, tagging)
        except DomainError as refusal:
            return _refused(pages, view, refusal, view.person.registration.revision)
        return redirect(f"/console/registrations/{registration_id}?done=tagged", 303)

    @blueprint.post("/registrations/<uuid:registration_id>/notes")
    @needs("coordinator")
    def change_notes(registration_id: UUID) -> AnyResponse:
        _view(work, registration_id)
        identity, deleted = str(registration_id), request.form.get("delete", "")
        try:
            if deleted:
                delete_note(work, clock, identity, str(UUID(deleted)), holder().name, holder().forms)
                return redirect(f"/console/registrations/{identity}", 303)
            note_id = str(UUID(request.form.get("note_id", "")))
            write_note(work, clock, identity, request.form.get("words", ""), holder().name, note_id)
        except (DomainError, ValueError) as refusal:
            raise BadRequest(getattr(refusal, "detail", "unknown note")) from None
        return redirect(f"/console/registrations/{identity}?done=noted", 303)


LIST = "/console/registrations"
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


NO_REASON = "out of order or beyond the free seats, a reason is needed: choose one above the list"


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
        marked = [_inspect(work, clock, act, *one, reason) for one in _wanted(request.form.getlist("marked"))]
        results: list[tuple[Marked, str]] | None = None
        if act in TAGGING and request.form.get("go") == "do":
            results = _tag(work, clock, act, request.form.get("tag", ""), marked)
        elif request.form.get("go") == "do":
            wanted = [SeatDecision(one.id, one.seen, act, holder().name, reason, hours) for one in marked]
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


def reason_and_hours(given: Mapping[str, str]) -> tuple[str, int | None]:
    """Return the chosen reason, empty for none, and how long an offer is valid; None for the form's ``offer_hours``."""
    reason, hours = given.get("reason", ""), given.get("hours", "")
    if reason and reason not in SEAT_REASONS:
        raise BadRequest("unknown reason")
    if not hours:
        return reason, None
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 4 and 1 <= int(hours) <= MAX_OFFER_HOURS):
        raise DomainError("wrong-hours", f"an offer is valid for 1 to {MAX_OFFER_HOURS} hours")
    return reason, int(hours)


def _inspect(work: UnitOfWork, clock: Clock, act: str, identity: str, seen: int, reason: str) -> Marked:
    view = show_person(work, identity)
    if not may_touch(view.form.slug):
        raise DomainError("not-found")
    if act in TAGGING:
        return Marked(view, seen, f"Tags now: {', '.join(view.person.tags) or 'none'}.", "")
    choice = next((one for one in choices_for(view, clock()) if one.status == act), None)
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
    try:
        tag = read_tag(typed)
    except DomainError as refusal:
        raise BadRequest(refusal.detail) from None
    added, removed = ([tag], []) if act == TAG else ([], [tag])
    taggings = [Tagging([one.id], added, removed, holder().name, holder().forms) for one in marked]
    refusals = [_refusal_of(partial(tag_registrations, work, clock, tagging)) for tagging in taggings]
    return list(zip(marked, refusals, strict=True))


def _back(path: str) -> str:
    """The list where they were marked; nothing else is led to."""
    parts = urlsplit(path)
    known = parts.path == LIST or SEATS_PAGE.fullmatch(parts.path) is not None
    return path if (parts.scheme, parts.netloc) == ("", "") and known else LIST
