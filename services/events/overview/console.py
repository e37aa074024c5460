"""The console's pages of numbers: overview, working groups, Geneva with missing travellers, missing translations."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from services.events.attendance.numbers import Traveller
from services.events.event.service import has_events, list_partner_names
from services.events.http import READERS, read_id_position
from services.events.known_values import require_known_values
from services.events.network.model import RoomKind, rooms_by_night
from services.events.network.service import list_hotels, show_titles
from services.events.overview.service import (
    Overview,
    count_travellers,
    list_delegation_forms,
    list_missing,
    list_missing_travellers,
    list_unrecorded,
    show_missing,
    show_overview,
)
from services.events.overview.store import KINDS
from services.events.rules import slug_rule
from services.events.side_events.model import ProposalStatus
from services.events.side_events.reading import count_proposals
from services.events.side_events.store import ProposalFilter
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.lists import page_of, position_in
from shared.i18n.languages import DEFAULT, LANGUAGE_NAMES
from shared.runtime.clock import Clock

PAGE = 50
MAX_RECIPIENTS = 5000
"""Registrations that a bulletin can name one by one."""

DAYS = 14
"""Days of the newest registrations that are shown."""

KIND_NAMES: Mapping[str, str] = {
    "event": "Events",
    "series": "Series",
    "working_group": "Working groups",
    "room": "Rooms",
    "resource": "Recordings, slides and briefs",
}
ADDRESSES: Mapping[str, str] = {
    "event": "/console/events/{id}/edit",
    "series": "/console/set-up/series/{id}",
    "working_group": "/console/set-up/working-groups/{id}",
    "room": "/console/set-up/rooms/{id}",
    "resource": "/console/set-up/resources/{id}",
}
"""Where the texts of each kind are written."""


def add_overview(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/overview``, ``/console/groups`` and ``/console/geneva``."""

    @blueprint.get("/overview")
    @needs_all_forms(*READERS)
    def overview() -> str:
        return _overview(work, clock)

    @blueprint.get("/groups")
    @needs_all_forms(*READERS)
    def groups() -> str:
        found = show_overview(work, clock, None)
        titles = _titles(found)
        only_without_mail = request.args.get("show") == "no-mail"
        shown = [group for group in found.groups if not (only_without_mail and group.contacted_this_month)]
        return render_template(
            "events/groups.html",
            groups=shown,
            titles=titles,
            only_without_mail=only_without_mail,
            coordinator=_writes(),
        )

    _add_geneva(blueprint, work)


def _add_geneva(blueprint: Blueprint, work: UnitOfWork) -> None:
    @blueprint.get("/geneva")
    @needs_all_forms(*READERS)
    def geneva() -> str:
        event = request.args.get("not_in") or None
        if event is not None and slug_rule("not_in", event):
            raise BadRequest("not an event's name")
        require_known_values(work, {"not_in": event})
        cursor = request.args.get("cursor", "")
        require_recent_beyond_a_page(cursor, PAGE)
        after = position_in(cursor, 1, read_id_position)
        found = list_missing_travellers(work, event, after, PAGE + 1)
        return render_template(
            "events/geneva.html",
            page=page_of(found, PAGE, _position),
            event=event,
            title=_title(work, event) if event else "",
            groups=show_titles(work).groups,
            delegations=list_delegation_forms(work),
            may_read_sealed="sealed-reader" in holder().roles,
            hotels=list_hotels(work),
            coordinator=_writes(),
            missing=[] if event else _registrations_missing(work),
            nights=rooms_by_night(list_hotels(work)),
            kinds=list(RoomKind),
            travellers=count_travellers(work),
        )


def _overview(work: UnitOfWork, clock: Clock) -> str:
    found = show_overview(work, clock, None)
    return render_template(
        "events/overview.html",
        found=found,
        days=list(found.by_day.items())[-DAYS:],
        hotels=list_hotels(work),
        titles=_titles(found),
        partner_name=_partner_namer(work),
        unrecorded=list_unrecorded(work, clock),
        delegations=list_delegation_forms(work),
        none_yet=not found.events and not has_events(work),
        new_proposals=count_proposals(work, ProposalFilter(status=ProposalStatus.SUBMITTED)),
        coordinator=_writes(),
    )


def _partner_namer(work: UnitOfWork) -> Callable[[str], str]:
    """Return a function from the slug of a partner to its name, or to the slug while no name is known."""
    names = list_partner_names(work)
    return lambda slug: names.get(slug, slug)


def _titles(found: Overview) -> dict[str, str]:
    return {line.event.id: str(line.event.title) for line in found.events}


def _title(work: UnitOfWork, event_id: str) -> str:
    """Of an event or of a form, by which travellers can be missed; the id itself if it is of neither."""
    titles = show_titles(work)
    return titles.events.get(event_id) or titles.forms.get(event_id, event_id)


def _writes() -> bool:
    """Whether the page leads on to a bulletin."""
    return "coordinator" in holder().roles


def _registrations_missing(work: UnitOfWork) -> list[str]:
    """Ids of the travellers' registrations, of each without the event that its own form names."""
    return [traveller.registration_id for traveller in list_missing_travellers(work, None, None, MAX_RECIPIENTS)]


def _position(traveller: Traveller) -> tuple[str]:
    return (traveller.registration_id,)


def add_translations(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/translations``."""

    @blueprint.get("/translations")
    @needs_all_forms(*READERS)
    def translations() -> str:
        counts = show_missing(work)
        language = request.args.get("language") or _most_needed(counts)
        if language not in LANGUAGE_NAMES:
            raise BadRequest("unknown language")
        after = position_in(request.args.get("cursor", ""), 2, _read_position) or ("", "")
        return render_template(
            "events/translations.html",
            counts=counts,
            kinds=KIND_NAMES,
            language=language,
            page=page_of(list_missing(work, language, after, PAGE + 1), PAGE, lambda one: (one.kind, one.id)),
            addresses=ADDRESSES,
        )


def _most_needed(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The language that lacks most; the first after English if none lacks anything."""
    others = [code for code in LANGUAGE_NAMES if code != DEFAULT]
    return max(others, key=lambda code: sum(counts.get(code, {}).values()))


def _read_position(parts: Sequence[Any]) -> tuple[str, str]:
    kind, name = parts
    if kind not in KINDS or not isinstance(name, str) or slug_rule("id", name):
        raise ValueError("not a place in this list")
    return kind, name
