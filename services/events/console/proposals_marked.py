"""Decide about several proposals at once: what becomes of each is shown first, then they are decided in turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from services.events.console import schedule_words
from services.events.console.fields import cleaned
from services.events.domain.proposal import NEXT, Proposal, ProposalStatus
from services.events.usecases.decide_proposal import Decision, SeenProposal, decide_proposal
from services.events.usecases.list_proposals import show_proposal
from services.events.usecases.positions import read_registration_position
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError
from shared.web.access import holder, needs_all_forms

MARKABLE = (ProposalStatus.SUBMITTED, ProposalStatus.RETURNED, ProposalStatus.ACCEPTED)
"""A proposal in the timetable is decided about alone: accepting it takes it off."""

MOST = 200
MOST_NOTE = 2000
MOST_DIGITS = 18
CHANGED = "it was changed after you opened the page"
GONE = "it no longer exists"


@dataclass(frozen=True, slots=True)
class MarkedProposal:
    """A proposal that is marked.

    Attributes:
        proposal: as it is now.
        seen: its revision on the page where it was marked.
        refusal: why it cannot be decided so; empty if it can.
    """

    proposal: Proposal
    seen: int
    refusal: str


def add_marked_proposals(blueprint: Blueprint, tools: SideTools) -> None:
    """``/console/side-events/marked``."""

    @blueprint.post("/side-events/marked")
    @needs_all_forms("coordinator")
    def decide_marked() -> str:
        decision, note = request.form.get("decision", ""), cleaned(request.form.get("note", ""))
        if decision not in schedule_words.DECISIONS or len(note) > MOST_NOTE:
            raise BadRequest("no such decision")
        word, status = schedule_words.DECISIONS[decision]
        marked = [_looked_at(tools, one, seen, status) for one, seen in _marked()]
        results = _decide(tools, marked, status, note) if request.form.get("go") == "do" else None
        view = {name: request.form.get(name, "") for name in ("status", "cursor")}
        return render_template(
            "events/proposals_marked.html", marked=marked, results=results, decision=decision, word=word, note=note,
            became=schedule_words.STATUSES[status][0], view=view,
        )  # fmt: skip


def _marked() -> list[tuple[str, int]]:
    """Ids with the revisions that were seen, each once.

    Raises:
        BadRequest: one is none, or they are too many.
    """
    found: dict[str, int] = {}
    for one in request.form.getlist("marked"):
        name, _, seen = one.partition(":")
        try:
            found[read_registration_position([name])] = int(seen if seen.isascii() and len(seen) <= MOST_DIGITS else "")
        except ValueError:
            raise BadRequest("the marked proposals cannot be read") from None
    if len(found) > MOST:
        raise BadRequest(f"at most {MOST} at once")
    return list(found.items())


def _looked_at(tools: SideTools, name: str, seen: int, status: ProposalStatus) -> MarkedProposal:
    """One that is gone by now is not hidden: the whole act is refused, as nobody can say what it was about.

    Raises:
        DomainError: ``not-found``.
    """
    proposal = show_proposal(tools.work, tools.keys, name).proposal
    if proposal.revision != seen:
        return MarkedProposal(proposal, seen, CHANGED)
    if proposal.status not in MARKABLE or status not in NEXT[proposal.status]:
        word = schedule_words.STATUSES[proposal.status][0]
        return MarkedProposal(proposal, seen, f"its status is “{word}”")
    return MarkedProposal(proposal, seen, "")


def _decide(tools: SideTools, marked: Sequence[MarkedProposal], status: ProposalStatus, note: str) -> list[str]:
    """Why each was not decided, in the order of ``marked``; empty where it was."""
    return [one.refusal or _one(tools, one, status, note) for one in marked]


def _one(tools: SideTools, one: MarkedProposal, status: ProposalStatus, note: str) -> str:
    try:
        seen = SeenProposal(one.proposal.id, one.seen, holder().name)
        decide_proposal(tools.work, tools.clock, tools.keys, Decision(seen, status, note))
    except DomainError as refusal:
        return {"changed-meanwhile": CHANGED, "not-found": GONE}.get(refusal.code, refusal.detail)
    return ""
