"""The coordinators' page about proposals: what came in, what was sent again or is suggested, and deciding on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import schedule_words
from services.events.console.fields import cleaned
from services.events.console.pages import READERS
from services.events.console.proposals_marked import MARKABLE, add_marked_proposals
from services.events.console.schedule_words import ChangeWords
from services.events.domain.proposal import ProposalStatus
from services.events.domain.proposal_history import Revision
from services.events.store.proposal_lists import ProposalFilter
from services.events.usecases.decide_proposal import (
    Decision,
    SeenProposal,
    adopt_suggestion,
    decide_proposal,
    dismiss_suggestion,
)
from services.events.usecases.list_network import list_partner_names, list_working_groups
from services.events.usecases.list_proposals import (
    ShownProposal,
    list_proposal_forms,
    list_proposals,
    list_sent_again,
    show_history,
    show_proposal,
)
from services.events.usecases.positions import read_registration_position
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError
from shared.web.access import holder, needs_all_forms
from shared.web.paging import Page, page_of, position_in

PAGE = 50
SIDE_EVENTS = "/console/side-events"
TIMETABLE = "/console/timetable"
SUGGESTIONS = {"adopt": adopt_suggestion, "dismiss": dismiss_suggestion}


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
    changes: list[ChangeWords]


@dataclass(frozen=True, slots=True)
class Since:
    """What somebody did to a proposal after it was read: when, in words, and what it says otherwise."""

    at: datetime
    action: str
    changes: list[ChangeWords]


@dataclass(frozen=True, slots=True)
class Late:
    """A decision on what has changed meanwhile: the note that was typed, if any, and what was done since."""

    note: str
    since: list[Since]


def add_proposals(blueprint: Blueprint, tools: SideTools) -> None:
    """``/console/side-events``, and deciding on one of them or on what is suggested for it."""
    _add_suggestions(blueprint, tools)
    add_marked_proposals(blueprint, tools)

    @blueprint.get("/side-events")
    @needs_all_forms(*READERS)
    def proposals_page() -> str:
        view = _view_of(request.args)
        after = position_in(view.cursor, 1, read_registration_position)
        wanted = ProposalFilter(status=view.status or None, after=after, limit=PAGE + 1)
        page = page_of(list_proposals(tools.work, tools.keys, wanted), PAGE, lambda shown: [shown.proposal.id])
        return _shown(tools, page, view, decided=_decided(tools, page.items))

    @blueprint.post("/side-events/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def decide(proposal_id: Any) -> AnyResponse:
        named = schedule_words.DECISIONS.get(request.form.get("decision", ""))
        if named is None:
            raise BadRequest("no such decision")
        seen = SeenProposal(str(proposal_id), seen_in_form(), holder().name)
        decision = Decision(seen, named[1], cleaned(request.form.get("note", "")))
        try:
            decide_proposal(tools.work, tools.clock, tools.keys, decision)
        except DomainError as refusal:
            if refusal.code != "changed-meanwhile":
                raise
            return _too_late(tools, seen, decision.note)
        return redirect(f"{_view_of(request.form).address(decided=str(proposal_id))}#p-{proposal_id}", 303)


def _add_suggestions(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.post("/side-events/<uuid:proposal_id>/suggestion")
    @needs_all_forms("coordinator")
    def settle(proposal_id: Any) -> AnyResponse:
        act = SUGGESTIONS.get(request.form.get("action", ""))
        if act is None:
            raise BadRequest("no such action")
        seen = SeenProposal(str(proposal_id), seen_in_form(), holder().name)
        try:
            act(tools.work, tools.clock, seen)
        except DomainError as refusal:
            if refusal.code not in ("changed-meanwhile", "no-suggestion", "proposal-not-accepted"):
                raise
            return _too_late(tools, seen)
        if request.form.get("from") == "timetable":
            return redirect(TIMETABLE, 303)
        return redirect(f"{_view_of(request.form).address()}#p-{proposal_id}", 303)


def _view_of(given: Mapping[str, str]) -> ListView:
    """The part of the list that an address, or a form on its page, names."""
    status = given.get("status", "")
    return ListView(status if status in schedule_words.STATUSES else "", given.get("cursor", ""))


def _decided(tools: SideTools, page: Sequence[ShownProposal]) -> ShownProposal | None:
    """The proposal that was just decided on, if it is no longer on the page that was looked at."""
    named = request.args.get("decided", "")
    if not named or any(shown.proposal.id == named for shown in page):
        return None
    try:
        return show_proposal(tools.work, tools.keys, read_registration_position([named]))
    except (ValueError, DomainError):
        return None


def seen_in_form() -> int:
    """The revision that the page showed.

    Raises:
        BadRequest: it does not say which.
    """
    text = request.form.get("seen", "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest("the revision that was seen is missing")
    return int(text)


def group_titles(tools: SideTools) -> dict[str, str]:
    """Titles of the working groups by id."""
    return {group.id: str(group.title) for group in list_working_groups(tools.work)}


def _too_late(tools: SideTools, seen: SeenProposal, note: str = "") -> AnyResponse:
    """The proposal alone, as it is now, with what was done to it since it was read. What was typed is still there."""
    shown = show_proposal(tools.work, tools.keys, seen.id)
    groups = group_titles(tools)
    since = [_since(one, groups) for one in show_history(tools.work, seen.id) if one.number > seen.revision]
    view = _view_of(request.form)
    return make_response(_shown(tools, Page([shown], ""), view, late=Late(note, since)), 412)


def _since(revision: Revision, groups: Mapping[str, str]) -> Since:
    changes = [schedule_words.change_text(one, groups) for one in revision.changes]
    return Since(revision.changed_at, schedule_words.action_text(revision), changes)


def suggested_words(page: Sequence[ShownProposal], groups: Mapping[str, str]) -> dict[str, list[ChangeWords]]:
    """What is suggested for each of these proposals, in words; without those for which nothing is."""
    return {
        shown.proposal.id: [schedule_words.change_text(one, groups) for one in shown.suggestion.changes]
        for shown in page
        if shown.suggestion is not None
    }


def _shown(
    tools: SideTools,
    page: Page[ShownProposal],
    view: ListView,
    *,
    late: Late | None = None,
    decided: ShownProposal | None = None,
) -> str:
    groups, coordinator = group_titles(tools), "coordinator" in holder().roles
    return render_template(
        "events/proposals.html",
        page=page,
        groups=groups,
        partners=list_partner_names(tools.work),
        again={} if late else _sent_again(tools, page.items, groups),
        suggested=suggested_words(page.items, groups) if coordinator else {},
        view=view,
        mark_all=request.args.get("marked") == "all",
        markable=MARKABLE,
        next=replace(view, cursor=page.next).address() if page.next else "",
        late=late,
        decided=decided and decided.proposal,
        may_decide=coordinator,
        forms=[] if page.items else list_proposal_forms(tools.work),
    )


def _sent_again(tools: SideTools, page: Sequence[ShownProposal], groups: Mapping[str, str]) -> dict[str, SentAgain]:
    """Which proposals wait for a second look: when they were sent again, and what that changed, in words."""
    waiting = [shown.proposal.id for shown in page if shown.proposal.status is ProposalStatus.SUBMITTED]
    return {
        name: SentAgain(revision.changed_at, [schedule_words.change_text(one, groups) for one in revision.changes])
        for name, revision in list_sent_again(tools.work, waiting).items()
    }
