"""Who did what in all three services, for programs and in the console: searched, page by page, or as one file."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint as PageBlueprint
from flask import Response, make_response, render_template, request

from services.console_words import utc_text
from services.registration.access.console import end_of_day
from shared.console.frame import pages_blueprint
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, needs_recent_sign_in, require_recent_sign_in
from shared.http.audit_log import IN_PAST_TENSE, ActSchema, audit_log_page, filter_field
from shared.http.headers import personal
from shared.http.holders import MAX_HOLDER_NAME_LENGTH
from shared.http.lists import MEDIA_TYPE, PageArguments, csv_answer, wants_csv
from shared.http.request_data import Blueprint
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.clock import Clock, rfc3339
from shared.security.audit_log import (
    WHOLE_LOG,
    AuditEntry,
    AuditFilter,
    AuditRecord,
    add_audit_record,
    read_audit_log,
)

WATCHERS = ("coordinator", "operator", "administrator")
"""Roles that may see who did what."""

CSV_CHUNK = 500
COLUMNS = ("at", "service", "who", "act", "kind", "subject", "detail")


class AuditQuery(PageArguments):
    """Filters of the audit log."""

    who = filter_field(MAX_HOLDER_NAME_LENGTH)
    act = filter_field()
    kind = filter_field(40)
    subject = filter_field(200)
    service = ma.fields.String(load_default="", validate=ma.validate.OneOf(("", *SERVICES)))
    since = ma.fields.AwareDateTime(format="iso", load_default=None, metadata={"description": "At or after"})
    until = ma.fields.AwareDateTime(format="iso", load_default=None, metadata={"description": "Before"})
    q = filter_field(description="Text anywhere in an entry, upper or lower case alike")


class AuditEntrySchema(ActSchema):
    """What a person did."""

    service = ma.fields.String(required=True)
    act = ma.fields.String(required=True, metadata={"description": IN_PAST_TENSE})


class AuditLogSchema(ma.Schema):
    """One page of the audit log."""

    items = ma.fields.List(ma.fields.Nested(AuditEntrySchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


def audit_log_api(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/audit-log``."""
    blueprint = Blueprint("audit_log", __name__, url_prefix="/v1/audit-log", description="Who did what")

    @blueprint.get("")
    @blueprint.arguments(AuditQuery, location="query")
    @blueprint.response(200, AuditLogSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @needs_all_forms(*WATCHERS)
    def list_them(query: dict[str, Any]) -> dict[str, Any] | Response:
        """Audit log of all services, newest first; as CSV if `Accept` asks for it, then all of it."""
        wanted = filter_in(query)
        if wants_csv():
            require_recent_sign_in()
            return audit_file(work, clock, wanted)
        page = audit_log_page(work, WHOLE_LOG, wanted, query["cursor"], query["limit"])
        return {"items": page.items, "next": page.next}

    return blueprint


def filter_in(query: Mapping[str, Any]) -> AuditFilter:
    """The filter that checked arguments ask for."""
    return AuditFilter(**{name: query[name] for name in AuditFilter.__dataclass_fields__})


def audit_file(work: UnitOfWork, clock: Clock, wanted: AuditFilter) -> Response:
    """All entries as CSV; that it was taken is an entry too."""
    with work.transaction() as connection:
        add_audit_record(connection, AuditRecord(holder().name, "audit-log-exported"), clock())
    return csv_answer("audit-log", COLUMNS, _lines(work, wanted))


def _lines(work: UnitOfWork, wanted: AuditFilter) -> Iterator[Sequence[object]]:
    before: tuple[datetime, str] | None = None
    while True:
        with work.transaction() as connection:
            found = read_audit_log(connection, WHOLE_LOG, wanted, before, CSV_CHUNK)
        for entry in found:
            values = asdict(entry) | {"at": rfc3339(entry.at), "detail": json.dumps(entry.detail, ensure_ascii=False)}
            yield [values[name] for name in COLUMNS]
        if len(found) < CSV_CHUNK:
            return
        before = (found[-1].at, found[-1].key)


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
"""Words for acts that are named by their step."""

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


def audit_log_blueprint(work: UnitOfWork, clock: Clock) -> PageBlueprint:
    """The page, and the file."""
    blueprint = pages_blueprint("audit_log_console", __name__)

    @blueprint.get("/audit-log")
    @needs_all_forms(*WATCHERS)
    def show_audit_log() -> Response:
        wanted, given, faults = _asked()
        cursor = request.args.get("cursor", "")
        page = audit_log_page(work, WHOLE_LOG, wanted, cursor, LINES)
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
    """An act as words: ``bulletin-sent`` is ``Bulletin sent``, ``event-made`` is ``Event created``."""
    return ACT_WORDS.get(act, re.sub("-made$", " created", act).replace("-", " ").capitalize())


def kind_of(kind: str) -> str:
    """What an act was done to, as words: ``sealed-list`` is ``Sealed list``."""
    return KIND_WORDS.get(kind, kind.replace("-", " ").capitalize())


def is_id(subject: str) -> bool:
    """Whether a subject is a generated id, which has no meaning for a reader."""
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
            faults[name], days[name] = "Enter a day, such as 2026-12-31.", None
    rest: dict[str, Any] = {name: value for name, value in given.items() if name not in days}
    try:
        return filter_in(AuditQuery().load(rest) | days), given, faults
    except ma.ValidationError as error:
        return AuditFilter(), given, faults | dict.fromkeys(error.messages_dict, "This text cannot be searched for.")
