"""The pages of numbers: the overview, the working groups, and Geneva with the travellers who are missing."""

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from services.events.domain.rules import slug_rule
from services.events.store.overview import Traveller
from services.events.usecases.positions import read_registration_position
from services.events.usecases.resources import list_hotels
from services.events.usecases.show_overview import list_missing_travellers, show_overview
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import needs_all_forms
from shared.web.paging import page_of, position_in

READERS = ("viewer", "coordinator")
PAGE = 50
DAYS = 14
"""Days of the newest registrations that are shown."""


def add_overview(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/overview``, ``/console/groups`` and ``/console/geneva``."""

    @blueprint.get("/overview")
    @needs_all_forms(*READERS)
    def overview() -> str:
        found = show_overview(work, clock, None)
        days = list(found.by_day.items())[-DAYS:]
        return render_template("events/overview.html", found=found, days=days, hotels=list_hotels(work))

    @blueprint.get("/groups")
    @needs_all_forms(*READERS)
    def groups() -> str:
        found = show_overview(work, clock, None)
        titles = {line.event.id: str(line.event.title) for line in found.events}
        only_silent = request.args.get("show") == "no-mail"
        shown = [group for group in found.groups if not (only_silent and group.mailed_this_month)]
        return render_template("events/groups.html", groups=shown, titles=titles, only_silent=only_silent)

    @blueprint.get("/geneva")
    @needs_all_forms(*READERS)
    def geneva() -> str:
        event = request.args.get("not_in") or None
        if event is not None and slug_rule("not_in", event):
            raise BadRequest("not an event's name")
        after = position_in(request.args.get("cursor", ""), 1, read_registration_position)
        found = list_missing_travellers(work, event, after, PAGE + 1)
        return render_template(
            "events/geneva.html", page=page_of(found, PAGE, _position), event=event, hotels=list_hotels(work)
        )


def _position(traveller: Traveller) -> tuple[str]:
    return (traveller.registration_id,)
