"""The console's pages of proposals: what came in, was sent again or is suggested, and decisions on one or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import cleaned
from services.events.event.service import list_partner_names
from services.events.http import READERS, read_id_position
from services.events.network.service import list_working_groups
from services.events.side_events.model import NEXT, Proposal, ProposalRevision, ProposalStatus
from services.events.side_events.reading import (
    ShownProposal,
    SideEventsContext,
    list_proposal_forms,
    list_proposals,
    list_resubmissions,
    show_history,
    show_proposal,
)
from services.events.side_events.service import (
    ProposalDecision,
    SeenProposal,
    adopt_suggestion,
    decide_proposal,
    dismiss_suggestion,
)
from services.events.side_events.store import ProposalFilter
from services.events.side_events.wording import DECISIONS, STATUSES, ChangeWords, action_text, change_text
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.lists import Page, page_of, position_in
from shared.runtime.errors import DomainError

MARKABLE = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED)
"""Statuses in which several can be decided at once. A scheduled one is decided alone: accepting it unschedules it."""

MAX_MARKED = 200
MAX_NOTE = 2000
MAX_DIGITS = 18
CHANGED = "it was changed after you opened the page"
GONE = "it no longer exists"

PAGE = 50
SIDE_EVENTS = "/console/side-events"
TIMETABLE = "/console/timetable"
SUGGESTIONS = {"adopt": adopt_suggestion, "dismiss": dismiss_suggestion}


@dataclass(frozen=True, slots=True)
class MarkedProposal:
    """A proposal that is marked.

    Attributes:
        proposal: the proposal as it is now.
        seen: its revision on the page where it was marked.
        refusal: why it cannot be decided so; empty if it can.
    """

    proposal: Proposal
    seen: int
    refusal: str


def add_marked_proposals(blueprint: Blueprint, context: SideEventsContext) -> None:
    """``/console/side-events/marked``."""

    @blueprint.post("/side-events/marked")
    @needs_all_forms("coordinator")
    def decide_marked() -> str:
        decision, note = request.form.get("decision", ""), cleaned(request.form.get("note", ""))
        if decision not in DECISIONS or len(note) > MAX_NOTE:
            raise BadRequest("no such decision")
        word, status = DECISIONS[decision]
        marked = [_marked_proposal(context, proposal_id, seen, status) for proposal_id, seen in _marked()]
        results = _decide_each(context, marked, status, note) if request.form.get("go") == "do" else None
        view = {name: request.form.get(name, "") for name in ("status", "cursor")}
        return render_template(
            "events/proposals_marked.html", marked=marked, results=results, decision=decision, word=word, note=note,
            became=STATUSES[status][0], view=view,
        )  # fmt: skip


def _marked() -> list[tuple[str, int]]:
    """Ids with the revisions that were seen, each once.

    Raises:
        BadRequest: an entry is invalid, or there are too many.
    """
    found: dict[str, int] = {}
    for marked in request.form.getlist("marked"):
        name, _, seen = marked.partition(":")
        try:
            found[read_id_position([name])] = int(seen if seen.isascii() and len(seen) <= MAX_DIGITS else "")
        except ValueError:
            raise BadRequest("the marked proposals cannot be read") from None
    if len(found) > MAX_MARKED:
        raise BadRequest(f"at most {MAX_MARKED} at once")
    return list(found.items())


def _marked_proposal(context: SideEventsContext, name: str, seen: int, status: ProposalStatus) -> MarkedProposal:
    """A marked proposal as it is now. If it no longer exists, the whole request is refused.

    Raises:
        DomainError: ``not-found``.
    """
    proposal = show_proposal(context.work, context.keys, name).proposal
    if proposal.revision != seen:
        return MarkedProposal(proposal, seen, CHANGED)
    if proposal.status not in MARKABLE or status not in NEXT[proposal.status]:
        word = STATUSES[proposal.status][0]
        return MarkedProposal(proposal, seen, f"its status is “{word}”")
    return MarkedProposal(proposal, seen, "")


def _decide_each(
    context: SideEventsContext, marked: Sequence[MarkedProposal], status: ProposalStatus, note: str
) -> list[str]:
    """Why each was not decided, in the order of ``marked``; empty where it was."""
    return [proposal.refusal or _decide_one(context, proposal, status, note) for proposal in marked]


def _decide_one(context: SideEventsContext, one: MarkedProposal, status: ProposalStatus, note: str) -> str:
    try:
        seen = SeenProposal(one.proposal.id, one.seen, holder().name)
        decide_proposal(context.work, context.clock, context.keys, ProposalDecision(seen, status, note))
    except DomainError as refusal:
        return {"edit-conflict": CHANGED, "not-found": GONE}.get(refusal.code, refusal.detail)
    return ""


@dataclass(frozen=True, slots=True)
class ProposalListView:
    """Which part of the list is shown: a status ("" for all) and a cursor ("" for the first page)."""

    status: str
    cursor: str

    def address(self, **more: str) -> str:
        """Of this part of the list."""
        given = {"status": self.status, "cursor": self.cursor, **more}
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{SIDE_EVENTS}?{query}" if query else SIDE_EVENTS


@dataclass(frozen=True, slots=True)
class Resubmission:
    """When a proposal was sent again, and what that changed."""

    at: datetime
    changes: list[ChangeWords]


@dataclass(frozen=True, slots=True)
class LaterChange:
    """A change of a proposal after it was read: its time, the action in words, and the changed fields."""

    at: datetime
    action: str
    changes: list[ChangeWords]


@dataclass(frozen=True, slots=True)
class ProposalEditConflict:
    """A decision on a proposal that has changed since it was read: the note, if any, and the later changes."""

    note: str
    since: list[LaterChange]


def add_proposals(blueprint: Blueprint, context: SideEventsContext) -> None:
    """``/console/side-events``, and deciding on one of them or on what is suggested for it."""
    _add_suggestions(blueprint, context)
    add_marked_proposals(blueprint, context)

    @blueprint.get("/side-events")
    @needs_all_forms(*READERS)
    def proposals_page() -> str:
        view = _view_of(request.args)
        require_recent_beyond_a_page(view.cursor, PAGE)
        after = position_in(view.cursor, 1, read_id_position)
        wanted = ProposalFilter(status=view.status or None, after=after, limit=PAGE + 1)
        page = page_of(list_proposals(context.work, context.keys, wanted), PAGE, lambda shown: [shown.proposal.id])
        return _shown(context, page, view, decided=_decided(context, page.items))

    @blueprint.post("/side-events/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def decide(proposal_id: Any) -> AnyResponse:
        named = DECISIONS.get(request.form.get("decision", ""))
        if named is None:
            raise BadRequest("no such decision")
        seen = SeenProposal(str(proposal_id), seen_in_form(), holder().name)
        decision = ProposalDecision(seen, named[1], cleaned(request.form.get("note", "")))
        try:
            decide_proposal(context.work, context.clock, context.keys, decision)
        except DomainError as refusal:
            if refusal.code != "edit-conflict":
                raise
            return _conflict_page(context, seen, decision.note)
        return redirect(f"{_view_of(request.form).address(decided=str(proposal_id))}#p-{proposal_id}", 303)


def _add_suggestions(blueprint: Blueprint, context: SideEventsContext) -> None:
    @blueprint.post("/side-events/<uuid:proposal_id>/suggestion")
    @needs_all_forms("coordinator")
    def resolve_suggestion(proposal_id: Any) -> AnyResponse:
        act = SUGGESTIONS.get(request.form.get("action", ""))
        if act is None:
            raise BadRequest("no such action")
        seen = SeenProposal(str(proposal_id), seen_in_form(), holder().name)
        try:
            act(context.work, context.clock, seen)
        except DomainError as refusal:
            if refusal.code not in ("edit-conflict", "no-suggestion", "proposal-not-accepted"):
                raise
            return _conflict_page(context, seen)
        if request.form.get("from") == "timetable":
            return redirect(TIMETABLE, 303)
        return redirect(f"{_view_of(request.form).address()}#p-{proposal_id}", 303)


def _view_of(given: Mapping[str, str]) -> ProposalListView:
    """The part of the list that an address, or a form on its page, names."""
    status = given.get("status", "")
    return ProposalListView(status if status in STATUSES else "", given.get("cursor", ""))


def _decided(context: SideEventsContext, page: Sequence[ShownProposal]) -> ShownProposal | None:
    """The proposal that the last request decided on, if it is no longer on the page."""
    named = request.args.get("decided", "")
    if not named or any(shown.proposal.id == named for shown in page):
        return None
    try:
        return show_proposal(context.work, context.keys, read_id_position([named]))
    except (ValueError, DomainError):
        return None


def seen_in_form() -> int:
    """The revision that the page showed.

    Raises:
        BadRequest: it is missing.
    """
    text = request.form.get("seen", "")
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise BadRequest("the revision that was seen is missing")
    return int(text)


def group_titles(context: SideEventsContext) -> dict[str, str]:
    """Titles of the working groups by id."""
    return {group.id: str(group.title) for group in list_working_groups(context.work)}


def _conflict_page(context: SideEventsContext, seen: SeenProposal, note: str = "") -> AnyResponse:
    """Show the proposal alone, as it is now, with the changes since it was read and the note that was sent."""
    shown = show_proposal(context.work, context.keys, seen.id)
    groups = group_titles(context)
    since = [
        _later_change(revision, groups)
        for revision in show_history(context.work, seen.id)
        if revision.number > seen.revision
    ]
    view = _view_of(request.form)
    return make_response(_shown(context, Page([shown], ""), view, late=ProposalEditConflict(note, since)), 412)


def _later_change(revision: ProposalRevision, groups: Mapping[str, str]) -> LaterChange:
    changes = [change_text(change, groups) for change in revision.changes]
    return LaterChange(revision.changed_at, action_text(revision), changes)


def suggested_words(page: Sequence[ShownProposal], groups: Mapping[str, str]) -> dict[str, list[ChangeWords]]:
    """The suggested changes of each of these proposals, in words; proposals without a suggestion are left out."""
    return {
        shown.proposal.id: [change_text(change, groups) for change in shown.suggestion.changes]
        for shown in page
        if shown.suggestion is not None
    }


def _shown(
    context: SideEventsContext,
    page: Page[ShownProposal],
    view: ProposalListView,
    *,
    late: ProposalEditConflict | None = None,
    decided: ShownProposal | None = None,
) -> str:
    groups, coordinator = group_titles(context), "coordinator" in holder().roles
    return render_template(
        "events/proposals.html",
        page=page,
        groups=groups,
        partners=list_partner_names(context.work),
        again={} if late else _resubmissions(context, page.items, groups),
        suggested=suggested_words(page.items, groups) if coordinator else {},
        view=view,
        mark_all=request.args.get("marked") == "all",
        markable=MARKABLE,
        next=replace(view, cursor=page.next).address() if page.next else "",
        late=late,
        decided=decided and decided.proposal,
        may_decide=coordinator,
        forms=[] if page.items else list_proposal_forms(context.work),
    )


def _resubmissions(
    context: SideEventsContext, page: Sequence[ShownProposal], groups: Mapping[str, str]
) -> dict[str, Resubmission]:
    """Resubmitted proposals that wait for a decision: when, and what that changed, in words."""
    waiting = [shown.proposal.id for shown in page if shown.proposal.status is ProposalStatus.SUBMITTED]
    return {
        name: Resubmission(revision.changed_at, [change_text(change, groups) for change in revision.changes])
        for name, revision in list_resubmissions(context.work, waiting).items()
    }
