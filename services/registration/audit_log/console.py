"""``/console/audit-log``: who did what in all three services, with filters and as a file."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint, Response, make_response, render_template, request

from services.registration.access.fields import end_of_day
from services.registration.audit_log.api import WATCHERS, AuditQuery, audit_file, audit_page, filter_in
from services.registration.audit_log.store import AuditEntry, AuditFilter
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import needs_all_forms
from shared.web.browser_session import needs_recent_sign_in
from shared.web.console.frame import pages_blueprint
from shared.web.console.words import utc_text
from shared.web.headers import personal

PATH = "/console/audit-log"
LINES = 50
KIND_WORDS = {"holder": "Colleague", "sealed-approval": "Request for approval", "job": "Search for a timetable"}
ACT_WORDS = {
    "event-announce": "Event announced",
    "event-confirm": "Date of an event confirmed",
    "event-postpone": "Event postponed",
    "event-reschedule": "Date of an event changed",
    "event-cancel": "Event cancelled",
    "event-revive": "Event revived",
    "event-hold": "Event marked as held",
}
"""Acts whose names are steps, not words for what happened."""

_MADE_ID = re.compile(r"[0-9a-f]{12}$")
SERVICE_WORDS = {"": "All", "events": "Events", "registration": "Registrations", "notifications": "Mail"}
PLACES: Mapping[str, str] = {
    "registration": "/console/registrations/{}",
    "form": "/console/registrations/forms/{}",
    "event": "/console/events/{}",
    "bulletin": "/console/mail/bulletins/{}",
    "partner": "/console/registrations/partners/{}",
    "holder": "/console/access/{}",
    "working-group": "/console/set-up/working-groups/{}",
    "group-contact": "/console/set-up/group-contacts/{}",
    "consultation": "/console/set-up/consultations/{}",
    "room": "/console/set-up/rooms/{}",
    "slot": "/console/set-up/slots/{}",
    "hotel": "/console/set-up/hotels/{}",
    "series": "/console/set-up/series/{}",
}
"""The page of what something was done to, by its kind."""


def audit_log_blueprint(work: UnitOfWork, clock: Clock) -> Blueprint:
    """The page, and the file."""
    blueprint = pages_blueprint("audit_log_console", __name__)

    @blueprint.get("/audit-log")
    @needs_all_forms(*WATCHERS)
    def audit_log_page() -> Response:
        wanted, given, faults = _asked()
        cursor = request.args.get("cursor", "")
        page = audit_page(work, wanted, cursor, LINES)
        shown = render_template(
            "audit_log/log.html",
            path=PATH,
            lines=[(entry, utc_text(entry.at), word_of(entry.act), place_of(entry)) for entry in page.items],
            given=given,
            faults=faults,
            services=SERVICE_WORDS,
            kind_of=kind_of,
            is_id=is_id,
            paged=bool(cursor),
            file=f"{PATH}.csv?{urlencode(given)}",
            next=f"{PATH}?{urlencode({**given, 'cursor': page.next})}" if page.next else "",
        )
        return personal(make_response(shown, 422 if faults else 200))

    @blueprint.get("/audit-log.csv")
    @needs_recent_sign_in
    @needs_all_forms(*WATCHERS)
    def audit_log_file() -> Response:
        return personal(audit_file(work, clock, _asked()[0]))

    return blueprint


def word_of(act: str) -> str:
    """An act as words: ``bulletin-sent`` is ``Bulletin sent``."""
    return ACT_WORDS.get(act, act.replace("-", " ").capitalize())


def kind_of(kind: str) -> str:
    """What an act was done to, as words: ``sealed-list`` is ``Sealed list``."""
    return KIND_WORDS.get(kind, kind.replace("-", " ").capitalize())


def is_id(subject: str) -> bool:
    """Whether a subject is an id that programs made, which says nothing to a reader."""
    return bool(_MADE_ID.search(subject))


def place_of(entry: AuditEntry) -> str:
    """Where what it was done to can be seen; empty for nowhere."""
    return PLACES[entry.kind].format(entry.subject) if entry.kind in PLACES and entry.subject else ""


def _asked() -> tuple[AuditFilter, dict[str, str], dict[str, str]]:
    """The filter, what was typed, and what is wrong with it; days are whole ones in UTC, the last one included."""
    given = {name: value for name, value in request.args.items() if value and name not in ("cursor",)}
    days: dict[str, datetime | None] = {}
    faults: dict[str, str] = {}
    for name in ("since", "until"):
        try:
            end = end_of_day(given[name]) if given.get(name) else None
            days[name] = end if end is None or name == "until" else end - timedelta(days=1)
        except ValueError:
            faults[name], days[name] = "Give a day, such as 2026-12-31.", None
    rest: dict[str, Any] = {name: value for name, value in given.items() if name not in days}
    try:
        return filter_in(AuditQuery().load(rest) | days), given, faults
    except ma.ValidationError as error:
        return AuditFilter(), given, faults | dict.fromkeys(error.messages_dict, "This cannot be searched for.")
