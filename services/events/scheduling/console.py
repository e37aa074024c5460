"""The console's pages of the draft timetable: a table for each day, a row for each slot, a column for each room."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened
from services.events import console
from services.events.desk.service import show_left_behind
from services.events.http import READERS
from services.events.scheduling.model import Conflict
from services.events.scheduling.preview import RefusedEntry
from services.events.scheduling.publishing import publish_schedule
from services.events.scheduling.service import (
    Board,
    place_proposal,
    remove_placement,
    request_schedule,
    show_board,
    show_board_and_publication,
)
from services.events.scheduling.snapshot import Snapshot
from services.events.scheduling.wording import (
    clash_text,
    conflict_text,
    impossible_text,
    preferences_text,
    proof_text,
    reasons_text,
    search_text,
)
from services.events.side_events import wording
from services.events.side_events.console import TIMETABLE, add_proposals, group_titles, seen_in_form, suggested_words
from services.events.side_events.model import NEXT, Proposal
from services.events.side_events.reading import SideEventsContext, list_suggestions, show_proposal, shown_proposal
from services.events.venue.model import Placement, Room, TimeSlot
from shared.console.frame import pages_blueprint
from shared.http.access import holder, needs_all_forms
from shared.i18n.when import Period, compact_day, compact_hours, zone_name
from shared.runtime.errors import DomainError


@dataclass(frozen=True, slots=True)
class BoardCard:
    """A proposal in its place; ``clashes`` describes each conflict that involves it, in a few words."""

    proposal: Proposal
    pinned: bool
    clashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoardCell:
    """What is in a room in a slot; ``closed`` means that the room is not available then."""

    room: Room
    closed: bool
    cards: tuple[BoardCard, ...]


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A slot, by its times in its own zone and that zone's name, with a cell for each room."""

    slot: TimeSlot
    times: str
    zone: str
    cells: tuple[BoardCell, ...]


@dataclass(frozen=True, slots=True)
class BoardDay:
    """A day's rows, under its name."""

    on: date
    title: str
    rows: tuple[BoardRow, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is placed on it: a narrow window shows no rows then."""
        return not any(cell.cards for row in self.rows for cell in row.cells)


def days_of(snapshot: Snapshot, conflicts: Sequence[Conflict], refused: Sequence[RefusedEntry]) -> tuple[BoardDay, ...]:
    """Return the whole board with every slot and every room, also empty ones."""
    cards = _cards(snapshot, conflicts, refused)
    rooms = sorted(snapshot.rooms.values(), key=lambda room: (-room.capacity, room.id))
    slots = sorted(snapshot.slots.values(), key=lambda slot: slot.span.starts_at)
    return tuple(
        BoardDay(day, compact_day(day), tuple(_row(slot, rooms, cards) for slot in of_day))
        for day, of_day in groupby(slots, key=lambda slot: slot.on)
    )


def slot_choices(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(id, words) of each slot, by time."""
    for slot in sorted(snapshot.slots.values(), key=lambda one: one.span.starts_at):
        yield slot.id, f"{compact_day(slot.on)}, {times_text(slot)}, {zone_text(slot)}"


def times_text(slot: TimeSlot) -> str:
    """``09:00 to 10:00``, in the slot's own zone."""
    return compact_hours(Period(slot.span.starts_at, slot.span.ends_at, slot.time_zone))


def zone_text(slot: TimeSlot) -> str:
    """``Geneva time (CEST, UTC+2)``: the slot's own zone, at its start."""
    return zone_name(slot.span.starts_at, slot.time_zone, "en")


def _row(slot: TimeSlot, rooms: Sequence[Room], cards: dict[tuple[str, str], list[BoardCard]]) -> BoardRow:
    cells = (BoardCell(room, not room.is_open(slot.span), tuple(cards.get((slot.id, room.id), ()))) for room in rooms)
    return BoardRow(slot, times_text(slot), zone_text(slot), tuple(cells))


def _cards(
    snapshot: Snapshot, conflicts: Sequence[Conflict], refused: Sequence[RefusedEntry]
) -> dict[tuple[str, str], list[BoardCard]]:
    clashes: defaultdict[str, list[str]] = defaultdict(list)
    for entry in refused:
        clashes[entry.proposal_id].append(f"the side event was {entry.event.status}")
    for conflict in conflicts:
        for name in conflict.proposals:
            clashes[name].append(clash_text(conflict, name, snapshot))
    found: defaultdict[tuple[str, str], list[BoardCard]] = defaultdict(list)
    for placement in snapshot.placements:
        proposal = snapshot.proposals[placement.proposal_id]
        card = BoardCard(proposal, placement.pinned, tuple(clashes[proposal.id]))
        found[placement.slot_id, placement.room_id].append(card)
    return found


def timetable_console(context: SideEventsContext, public_url: str) -> Blueprint:
    """``/console/side-events`` and ``/console/timetable``; forms are below ``public_url``, possibly on another host."""
    blueprint = pages_blueprint("timetable_console", __name__)
    blueprint.context_processor(
        lambda: {
            "words": wording,
            "wording": console,
            "next_of": NEXT,
            "form_address": lambda form: f"{public_url}/embed/{form.id}",
        }
    )
    blueprint.add_app_template_filter(compact_day, "day_text")
    add_proposals(blueprint, context)
    _add_board(blueprint, context)
    _add_publishing(blueprint, context)
    _add_placing(blueprint, context)
    return blueprint


def _add_board(blueprint: Blueprint, context: SideEventsContext) -> None:
    @blueprint.get("/timetable")
    @needs_all_forms(*READERS)
    def timetable_page() -> Response:
        return _board_page(context)

    @blueprint.post("/timetable/schedule")
    @needs_all_forms("coordinator")
    def schedule() -> AnyResponse:
        request_schedule(context.work, context.clock, holder().name)
        return redirect(TIMETABLE, 303)


def _board_page(context: SideEventsContext, notice: str = "", status: int = 200) -> Response:
    """The draft timetable; ``notice`` is why it was not published."""
    board, publication = show_board_and_publication(context.work, context.clock)
    anchors, lost = show_left_behind(context.work, context.clock())
    conflicts, coordinator = board.snapshot.conflicts, "coordinator" in holder().roles
    groups = group_titles(context)
    suggestions = list_suggestions(context.keys, board.snapshot.proposals.values()) if coordinator else []
    page = render_template(
        "events/timetable.html",
        notice=notice,
        board=board,
        conflicts=[conflict_text(conflict, board.snapshot) for conflict in conflicts],
        days=days_of(board.snapshot, conflicts, publication.refused),
        publication=publication,
        groups=groups,
        names=_names(context, board) if coordinator else {},
        suggestions=[shown.proposal for shown in suggestions],
        suggested=suggested_words(suggestions, groups),
        reasons=_reasons(board),
        search=_search(board),
        impossible=list(impossible_text(board.snapshot)),
        notified=_notified(board),
        anchors=anchors,
        left_behind=lost,
        may_change=coordinator,
    )
    return make_response(page, status)


def _add_publishing(blueprint: Blueprint, context: SideEventsContext) -> None:
    @blueprint.post("/timetable/publish")
    @needs_all_forms("coordinator")
    def publish() -> AnyResponse:
        try:
            publish_schedule(context.work, context.clock, context.keys, holder().name, seen_in_form())
        except DomainError as refusal:
            return _board_page(context, *_refusal(refusal, "Not published"))
        return redirect(TIMETABLE, 303)


def _add_placing(blueprint: Blueprint, context: SideEventsContext) -> None:
    @blueprint.get("/timetable/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def place_page(proposal_id: Any) -> Response:
        return _place_page(context, str(proposal_id))

    @blueprint.post("/timetable/<uuid:proposal_id>")
    @needs_all_forms("coordinator")
    def place(proposal_id: Any) -> AnyResponse:
        form, name = request.form, str(proposal_id)
        typed = Placement(name, form.get("room", ""), form.get("slot", ""), form.get("pinned") == "yes")
        try:
            if form.get("action") == "take-off":
                remove_placement(context.work, name, seen_in_form())
            else:
                place_proposal(context.work, typed, seen_in_form())
        except DomainError as refusal:
            if refusal.code == "not-found":
                raise
            return _place_page(context, name, typed, *_refusal(refusal, "Nothing was changed"))
        return redirect(TIMETABLE, 303)


def _refusal(refusal: DomainError, nothing: str) -> tuple[str, int]:
    """A notice and the status of the page that shows it; ``nothing`` says what was not done."""
    if refusal.code == "edit-conflict":
        return changed_since_opened("timetable"), 412
    return f"{nothing}: {refusal.detail}.", 409


def _place_page(
    context: SideEventsContext, name: str, typed: Placement | None = None, notice: str = "", status: int = 200
) -> Response:
    """The choice of a place for a proposal, as it was ``typed`` before a refusal, or as it is."""
    board, shown = show_board(context.work), show_proposal(context.work, context.keys, name)
    stored = next((placement for placement in board.snapshot.placements if placement.proposal_id == name), None)
    page = render_template(
        "events/timetable_place.html",
        notice=notice,
        proposal=shown.proposal,
        speakers=shown.speakers,
        is_placed=stored is not None,
        chosen=typed or stored,
        pinned=typed.pinned if typed else True,
        board=board,
        slots=list(slot_choices(board.snapshot)),
        groups=group_titles(context),
    )
    return make_response(page, status)


def _names(context: SideEventsContext, board: Board) -> dict[str, tuple[str, ...]]:
    """Speakers of those on the board."""
    placed = {placement.proposal_id for placement in board.snapshot.placements}
    found = (
        shown_proposal(context.keys, proposal) for name, proposal in board.snapshot.proposals.items() if name in placed
    )
    return {shown.proposal.id: shown.speakers or () for shown in found}


def _search(board: Board) -> list[str]:
    """The result of the last search, and how many preferences the draft meets."""
    report = board.job.report if board.job else None
    sentences = search_text(report) if report else []
    return [sentence for sentence in (*sentences, preferences_text(board.snapshot)) if sentence]


def _reasons(board: Board) -> dict[str, str]:
    """Return why waiting proposals have no place, as reported by the last search; later proposals are left out."""
    report = board.job.report if board.job else None
    if not report:
        return {}
    unplaced, proofs = report["unplaced"], report["proofs"]
    return {
        proposal.id: f"{reasons_text(proposal, unplaced[proposal.id], board.snapshot)} "
        f"{proof_text(proofs.get(proposal.id), board.snapshot)}"
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
