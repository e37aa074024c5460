"""The coordinators' pages about side events: what is proposed, and the timetable that is being made."""

from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.events.console import moments, schedule_words, search_words, wording
from services.events.console.pages import READERS
from services.events.console.proposals_page import (
    TIMETABLE,
    add_proposals,
    group_titles,
    seen_in_form,
    suggested_words,
)
from services.events.console.timetable_grid import days_of, slot_choices
from services.events.domain.proposal import NEXT
from services.events.domain.schedule import Placement
from services.events.usecases.arrange_schedule import Board, place_proposal, show_board, take_off
from services.events.usecases.list_proposals import list_suggestions, show_proposal, shown_proposal
from services.events.usecases.planned_around import show_left_behind
from services.events.usecases.publish_schedule import publish_schedule
from services.events.usecases.side_tools import SideTools
from services.events.usecases.solve_schedule import ask_for_schedule
from shared.i18n.when import compact_day
from shared.web.access import holder, needs_all_forms
from shared.web.console.frame import pages_blueprint


def timetable_console(tools: SideTools, public_url: str) -> Blueprint:
    """``/console/side-events`` and ``/console/timetable``; forms are below ``public_url``, another host maybe."""
    blueprint = pages_blueprint("timetable_console", __name__)
    blueprint.context_processor(
        lambda: {
            "moments": moments,
            "words": schedule_words,
            "wording": wording,
            "next_of": NEXT,
            "form_address": lambda form: f"{public_url}/embed/{form.id}",
        }
    )
    blueprint.add_app_template_filter(compact_day, "day_text")
    add_proposals(blueprint, tools)
    _add_board(blueprint, tools)
    _add_publishing(blueprint, tools)
    _add_placing(blueprint, tools)
    return blueprint


def _add_board(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.get("/timetable")
    @needs_all_forms(*READERS)
    def timetable_page() -> str:
        board = show_board(tools.work)
        anchors, lost = show_left_behind(tools.work, tools.clock())
        conflicts, coordinator = board.snapshot.conflicts, "coordinator" in holder().roles
        groups = group_titles(tools)
        suggestions = list_suggestions(tools.keys, board.snapshot.proposals.values()) if coordinator else []
        return render_template(
            "events/timetable.html",
            board=board,
            conflicts=[schedule_words.conflict_text(conflict, board.snapshot) for conflict in conflicts],
            days=days_of(board.snapshot, conflicts),
            groups=groups,
            names=_names(tools, board) if coordinator else {},
            suggestions=[shown.proposal for shown in suggestions],
            suggested=suggested_words(suggestions, groups),
            reasons=_reasons(board),
            search=_search(board),
            impossible=list(search_words.impossible_text(board.snapshot)),
            notified=_notified(board),
            anchors=anchors,
            left_behind=lost,
            may_change=coordinator,
        )

    @blueprint.post("/timetable/schedule")
    @needs_all_forms("coordinator")
    def schedule() -> AnyResponse:
        ask_for_schedule(tools.work, tools.clock, holder().name)
        return redirect(TIMETABLE, 303)


def _add_publishing(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.post("/timetable/publish")
    @needs_all_forms("coordinator")
    def publish() -> AnyResponse:
        publish_schedule(tools.work, tools.clock, tools.keys, holder().name, seen_in_form())
        return redirect(TIMETABLE, 303)


def _add_placing(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.get("/timetable/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def place_page(proposal_id: Any) -> str:
        board = show_board(tools.work)
        placements = {placement.proposal_id: placement for placement in board.snapshot.placements}
        shown = show_proposal(tools.work, tools.keys, str(proposal_id))
        return render_template(
            "events/timetable_place.html",
            proposal=shown.proposal,
            speakers=shown.speakers,
            placement=placements.get(str(proposal_id)),
            board=board,
            slots=list(slot_choices(board.snapshot)),
            groups=group_titles(tools),
        )

    @blueprint.post("/timetable/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def place(proposal_id: Any) -> AnyResponse:
        form = request.form
        if form.get("action") == "take-off":
            take_off(tools.work, str(proposal_id), seen_in_form())
        else:
            pinned = form.get("pinned") == "yes"
            placement = Placement(str(proposal_id), form.get("room", ""), form.get("slot", ""), pinned)
            place_proposal(tools.work, placement, seen_in_form())
        return redirect(TIMETABLE, 303)


def _names(tools: SideTools, board: Board) -> dict[str, tuple[str, ...]]:
    """Speakers of those on the board."""
    placed = {placement.proposal_id for placement in board.snapshot.placements}
    found = (shown_proposal(tools.keys, one) for name, one in board.snapshot.proposals.items() if name in placed)
    return {shown.proposal.id: shown.speakers or () for shown in found}


def _search(board: Board) -> list[str]:
    """What the last search reached, and how many wishes the draft meets."""
    report = board.job.report if board.job else None
    said = search_words.search_text(report) if report else []
    return [sentence for sentence in (*said, search_words.wishes_text(board.snapshot)) if sentence]


def _reasons(board: Board) -> dict[str, str]:
    """Why those who wait have no place, as the last search said; without who came later."""
    report = board.job.report if board.job else None
    if not report:
        return {}
    unplaced, proofs = report["unplaced"], report["proofs"]
    return {
        proposal.id: f"{search_words.reasons_text(proposal, unplaced[proposal.id], board.snapshot)} "
        f"{search_words.proof_text(proofs.get(proposal.id), board.snapshot)}"
        for proposal in board.snapshot.waiting
        if proposal.id in unplaced
    }


def _notified(board: Board) -> list[tuple[str, str]]:
    """(title, what changes) of each group that gets a mail when the board is published."""
    titles = {name: proposal.title for name, proposal in board.snapshot.proposals.items()}
    return [
        *((titles[name], "gets a place") for name in board.difference.added),
        *((titles[name], "gets another place") for name in board.difference.moved),
    ]
