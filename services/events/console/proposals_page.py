"""The coordinators' page about proposals: what came in, what was sent again, and deciding on what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import change_words, schedule_words
from services.events.console.change_words import Told
from services.events.console.fields import cleaned
from services.events.console.pages import READERS
from services.events.domain.erasing import REASONS
from services.events.domain.proposal import Proposal, ProposalStatus
from services.events.domain.proposal_changes import Revision
from services.events.store.proposals import ProposalFilter
from services.events.usecases.decide_proposal import Decision, decide_proposal
from services.events.usecases.erase_proposal import erase_proposal
from services.events.usecases.list_network import list_working_groups
from services.events.usecases.list_proposals import list_proposals, list_sent_again, show_history, show_proposal
from services.events.usecases.positions import read_registration_position
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError
from shared.web.access import holder, needs_all_forms
from shared.web.paging import Page, page_of, position_in

PAGE = 25
SIDE_EVENTS = "/console/side-events"


@dataclass(frozen=True, slots=True)
class ListView:
    """Which part of the list somebody looks at: a status ("" for all) and a cursor ("" for the first page)."""

    status: str
    cursor: str

    def address(self, **more: str) -> str:
        """Of this part of the list."""
        given = {"status": self.status, "cursor": self.cursor, **more}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{SIDE_EVENTS}?{query}" if query else SIDE_EVENTS


@dataclass(frozen=True, slots=True)
class SentAgain:
    """When a proposal was sent again, and what it says otherwise than before."""

    at: datetime
    changes: list[Told]


@dataclass(frozen=True, slots=True)
class Since:
    """What somebody did to a proposal after it was read: when, in words, and what it says otherwise."""

    at: datetime
    deed: str
    changes: list[Told]


@dataclass(frozen=True, slots=True)
class Late:
    """A decision on what has changed meanwhile: the note that was typed, and what was done since."""

    note: str
    since: list[Since]


def add_proposals(blueprint: Blueprint, tools: SideTools) -> None:
    """``/console/side-events``, deciding on one of them, and erasing whoever made it."""
    _add_erasing(blueprint, tools)

    @blueprint.get("/side-events")
    @needs_all_forms(*READERS)
    def proposals_page() -> str:
        view = _view_of(request.args)
        after = position_in(view.cursor, 1, read_registration_position)
        found = list_proposals(tools.work, ProposalFilter(status=view.status or None, after=after, limit=PAGE + 1))
        page = page_of(found, PAGE, lambda proposal: [proposal.id])
        return _shown(tools, page, view, decided=_decided(tools, page.items))

    @blueprint.post("/side-events/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def decide(proposal_id: Any) -> AnyResponse:
        named = schedule_words.DECISIONS.get(request.form.get("decision", ""))
        if named is None:
            raise BadRequest("no such decision")
        note = cleaned(request.form.get("note", ""))
        decision = Decision(str(proposal_id), seen_in_form(), named[1], note, holder().name)
        try:
            decide_proposal(tools.work, tools.clock, tools.keys, decision)
        except DomainError as refusal:
            if refusal.code != "changed-meanwhile":
                raise
            return _too_late(tools, decision)
        return redirect(f"{_view_of(request.form).address(decided=str(proposal_id))}#p-{proposal_id}", 303)


def _add_erasing(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.post("/side-events/<uuid:proposal_id>/erasure")
    @needs_all_forms("coordinator")
    def erase(proposal_id: Any) -> AnyResponse:
        reason = request.form.get("reason", "")
        if reason not in REASONS or request.form.get("sure") != "yes":
            raise BadRequest("unknown reason, or not confirmed")
        erase_proposal(tools.work, tools.clock, str(proposal_id), reason, holder().name)
        return redirect(_view_of(request.form).address(), 303)


def _view_of(given: Mapping[str, str]) -> ListView:
    """The part of the list that an address, or a form on its page, names."""
    status = given.get("status", "")
    return ListView(status if status in schedule_words.STATUSES else "", given.get("cursor", ""))


def _decided(tools: SideTools, shown: Sequence[Proposal]) -> Proposal | None:
    """The proposal that was just decided on, if it is no longer on the page that was looked at."""
    named = request.args.get("decided", "")
    if not named or any(proposal.id == named for proposal in shown):
        return None
    try:
        found = show_proposal(tools.work, read_registration_position([named]))
    except (ValueError, DomainError):
        return None
    return found if found.status in schedule_words.STATUSES else None


def seen_in_form() -> int:
    """The revision that the page showed.

    Raises:
        BadRequest: it does not say which.
    """
    text = request.form.get("seen", "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest("which state was seen is missing")
    return int(text)


def group_titles(tools: SideTools) -> dict[str, str]:
    """Titles of the working groups by id."""
    return {group.id: group.title for group in list_working_groups(tools.work)}


def _too_late(tools: SideTools, decision: Decision) -> AnyResponse:
    """The proposal alone, as it is now, with what was done to it since it was read. What was typed is still there."""
    proposal = show_proposal(tools.work, decision.proposal_id)
    groups = group_titles(tools)
    history = show_history(tools.work, proposal.id)
    since = [_since(revision, groups) for revision in history if revision.number > decision.seen]
    view = _view_of(request.form)
    return make_response(_shown(tools, Page([proposal], ""), view, late=Late(decision.note, since)), 412)


def _since(revision: Revision, groups: Mapping[str, str]) -> Since:
    changes = [change_words.change_text(one, groups) for one in revision.changes]
    return Since(revision.changed_at, schedule_words.deed_text(revision), changes)


def _shown(
    tools: SideTools,
    page: Page[Proposal],
    view: ListView,
    *,
    late: Late | None = None,
    decided: Proposal | None = None,
) -> str:
    groups = group_titles(tools)
    return render_template(
        "events/proposals.html",
        page=page,
        groups=groups,
        again={} if late else _sent_again(tools, page.items, groups),
        view=view,
        next=replace(view, cursor=page.next).address() if page.next else "",
        late=late,
        decided=decided,
        may_decide="coordinator" in holder().roles,
        erasing=REASONS,
    )


def _sent_again(tools: SideTools, found: Sequence[Proposal], groups: Mapping[str, str]) -> dict[str, SentAgain]:
    """Which proposals wait for a second look: when they were sent again, and what that changed, in words."""
    waiting = [proposal.id for proposal in found if proposal.status is ProposalStatus.SUBMITTED]
    return {
        name: SentAgain(revision.changed_at, [change_words.change_text(one, groups) for one in revision.changes])
        for name, revision in list_sent_again(tools.work, waiting).items()
    }
