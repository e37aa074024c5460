"""``GET /v1/audit-log``: who did what in all three services, searched, page by page or as one CSV file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response

from services.registration.audit_log.store import AuditEntry, AuditFilter, read_audit_log
from shared.contracts.registry import SERVICES
from shared.core.clock import Clock, parse_rfc3339, rfc3339
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import LONGEST_NAME, holder, needs_all_forms
from shared.web.browser_session import require_recent_sign_in
from shared.web.csv_lines import MEDIA_TYPE, csv_answer, wants_csv
from shared.web.operations import Blueprint
from shared.web.paging import Page, PageArguments, page_of, position_in

WATCHERS = ("coordinator", "operator", "administrator")
"""Roles that may see who did what."""

CSV_CHUNK = 500
COLUMNS = ("at", "service", "who", "act", "kind", "subject", "detail")
_PLAIN = ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$")


def _words(most: int) -> ma.fields.String:
    return ma.fields.String(load_default="", validate=[ma.validate.Length(max=most), _PLAIN])


class AuditQuery(PageArguments):
    """Filters of the audit log."""

    who = _words(LONGEST_NAME)
    act = _words(100)
    kind = _words(40)
    subject = _words(200)
    service = ma.fields.String(load_default="", validate=ma.validate.OneOf(("", *SERVICES)))
    since = ma.fields.AwareDateTime(format="iso", load_default=None, metadata={"description": "At or after"})
    until = ma.fields.AwareDateTime(format="iso", load_default=None, metadata={"description": "Before"})
    q = ma.fields.String(
        load_default="",
        validate=[ma.validate.Length(max=100), _PLAIN],
        metadata={"description": "Text anywhere in an entry, upper or lower case alike"},
    )


class AuditEntrySchema(ma.Schema):
    """What somebody did."""

    service = ma.fields.String(required=True)
    at = ma.fields.AwareDateTime(format="iso", required=True)
    who = ma.fields.String(required=True, metadata={"description": "Name of the holder"})
    act = ma.fields.String(required=True, metadata={"description": "In the past tense: `bulletin-sent`"})
    kind = ma.fields.String(required=True, metadata={"description": "Of what it was done to; may be empty"})
    subject = ma.fields.String(required=True, metadata={"description": "Its id or slug; may be empty"})
    detail = ma.fields.Dict(keys=ma.fields.String(), required=True)


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
        page = audit_page(work, wanted, query["cursor"], query["limit"])
        return {"items": page.items, "next": page.next}

    return blueprint


def filter_in(query: Mapping[str, Any]) -> AuditFilter:
    """The filter that checked arguments ask for."""
    return AuditFilter(**{name: query[name] for name in AuditFilter.__dataclass_fields__})


def audit_page(work: UnitOfWork, wanted: AuditFilter, cursor: str, limit: int) -> Page[AuditEntry]:
    """Entries, newest first.

    Raises:
        BadRequest: ``cursor`` is none of ours.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = read_audit_log(connection, wanted, position_in(cursor, 2, _position), limit + 1)
    return page_of(found, limit, lambda entry: [rfc3339(entry.at), entry.key])


def audit_file(work: UnitOfWork, clock: Clock, wanted: AuditFilter) -> Response:
    """All entries as CSV; that it was taken is an entry too."""
    with work.transaction() as connection:
        note_deed(connection, Deed(holder().name, "audit-log-exported"), clock())
    return csv_answer("audit-log", COLUMNS, _lines(work, wanted))


def _lines(work: UnitOfWork, wanted: AuditFilter) -> Iterator[Sequence[object]]:
    before: tuple[datetime, str] | None = None
    while True:
        with work.transaction() as connection:
            found = read_audit_log(connection, wanted, before, CSV_CHUNK)
        for entry in found:
            values = asdict(entry) | {"at": rfc3339(entry.at), "detail": json.dumps(entry.detail, ensure_ascii=False)}
            yield [values[name] for name in COLUMNS]
        if len(found) < CSV_CHUNK:
            return
        before = (found[-1].at, found[-1].key)


def _position(key: Sequence[str]) -> tuple[datetime, str]:
    if "\x00" in key[1]:
        raise ValueError("not the key of an entry")
    return parse_rfc3339(key[0]), key[1]
