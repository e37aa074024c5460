"""The list of events: on now or ahead, all, or internal ones, in the order of any column."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden

from services.events.console.event_page import READERS
from services.events.store.events import (
    BY_CITY,
    BY_CONFIRMED,
    BY_NUMBER,
    BY_START,
    BY_STATUS,
    BY_TITLE,
    BY_WAITLISTED,
    SORTS,
    Audience,
    EventFilter,
)
from services.events.usecases.count_registrations import count_each, event_place
from services.events.usecases.list_events import has_events, list_events
from services.events.usecases.list_network import list_series
from services.events.usecases.positions import read_event_key
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs
from shared.web.console.navigation import HOME
from shared.web.paging import page_of, position_in

PAGE = 50
COLUMNS = {
    BY_TITLE: "Event",
    BY_START: "When",
    BY_CITY: "Where",
    BY_STATUS: "Status",
    BY_CONFIRMED: "Confirmed",
    BY_WAITLISTED: "Waiting",
}
"""The headings, by what the column is sorted by: the same names as in ``GET /v1/events``."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the table.

    Attributes:
        label: its words.
        address: of the list in its order, or in the opposite order if it has its order.
        order: ``ascending`` or ``descending``; empty if the list is in another column's order.
        is_number: whether its column holds numbers.
    """

    label: str
    address: str
    order: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class EventList:
    """Which events are listed: those that are over too, or internal ones instead, and in which order."""

    everything: bool
    internal: bool
    sort: str

    @property
    def is_descending(self) -> bool:
        """Whether the order is turned round."""
        return self.sort.startswith("-")

    def address(self, *, cursor: str = "") -> str:
        """Of this list, from where ``cursor`` says on."""
        given = {
            "internal": "true" if self.internal else "",
            "show": "all" if self.everything else "",
            "sort": "" if self.sort == BY_START else self.sort,
            "cursor": cursor,
        }
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{HOME}?{query}" if query else HOME

    def choices(self, coordinator: bool) -> Iterator[tuple[str, str, bool]]:
        """What else can be listed: its name, its address in this order, and whether it is this list."""
        lists = (("Current and upcoming", False, False), ("All", True, False), ("Internal", False, True))
        for name, everything, internal in lists if coordinator else lists[:2]:
            other = replace(self, everything=everything, internal=internal)
            yield name, other.address(), other == self

    def headings(self) -> Iterator[Heading]:
        """One for each column. Of numbers, the largest stand first at first."""
        for name, label in COLUMNS.items():
            order, first = "", f"-{name}" if name in BY_NUMBER else name
            if self.sort.removeprefix("-") == name:
                order = "descending" if self.is_descending else "ascending"
                first = name if self.is_descending else f"-{name}"
            yield Heading(label, replace(self, sort=first).address(), order, name in BY_NUMBER)


def add_event_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console``."""

    @blueprint.get("")
    @needs(*READERS)
    def list_page() -> str:
        shown, coordinator = _asked(), "coordinator" in holder().roles
        if shown.internal and not coordinator:
            raise Forbidden
        wanted = EventFilter(
            audience=Audience.COORDINATORS,
            internal=shown.internal,
            among=holder().forms,
            not_over_at=None if shown.everything or shown.internal else clock(),
            sort=shown.sort,
            after=position_in(request.args.get("cursor", ""), 2, lambda parts: read_event_key(parts, shown.sort)),
            limit=PAGE,
        )
        found = list_events(work, replace(wanted, limit=PAGE + 1))
        page = page_of(found, PAGE, lambda event: event_place(work, event, shown.sort))
        return render_template(
            "events/list.html",
            page=page,
            shown=shown,
            counts=count_each(work, [event.id for event in page.items]),
            none_yet=not page.items and not has_events(work),
            series={series.id: str(series.title) for series in list_series(work)},
            coordinator=coordinator,
            limited=holder().forms is not None,
        )


def _asked() -> EventList:
    sort = request.args.get("sort", BY_START)
    if sort not in SORTS:
        raise BadRequest("unknown order")
    return EventList(request.args.get("show") == "all", request.args.get("internal") == "true", sort)
