"""Audit log over HTTP, and the export of one person's data, which the audit log records; the same in each service."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma
from sqlalchemy import TextClause

from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.holders import MAX_HOLDER_NAME_LENGTH
from shared.http.lists import Page, PageArguments, page_of, position_in
from shared.http.request_data import Blueprint, reason_field
from shared.runtime.clock import Clock, parse_rfc3339, rfc3339
from shared.runtime.ids import new_id
from shared.security.audit_log import (
    OWN_LOG,
    AuditEntry,
    AuditFilter,
    AuditRecord,
    add_audit_record,
    read_audit_log,
)

AUDIT_LOG_READERS = ("coordinator", "operator")
"""Roles that may read the audit log."""

MAX_WORD_LENGTH = 100
IN_PAST_TENSE = "In the past tense: `person-exported`"
_PLAIN = ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$")


def filter_field(max_length: int = MAX_WORD_LENGTH, description: str = "") -> ma.fields.String:
    """A filter of the audit log: one line of text; an empty one does not filter."""
    metadata = {"description": description} if description else {}
    return ma.fields.String(load_default="", validate=[ma.validate.Length(max=max_length), _PLAIN], metadata=metadata)


class ServiceAuditQuery(PageArguments):
    """Filters of a service's audit log."""

    who = filter_field(MAX_HOLDER_NAME_LENGTH)
    action = filter_field()


class ActSchema(ma.Schema):
    """One act of the holder of a key, without its name."""

    at = ma.fields.AwareDateTime(format="iso", required=True)
    who = ma.fields.String(required=True, metadata={"description": "Name of the holder"})
    kind = ma.fields.String(required=True, metadata={"description": "Kind of its subject; may be empty"})
    subject = ma.fields.String(required=True, metadata={"description": "Id or slug of its subject; may be empty"})
    detail = ma.fields.Dict(keys=ma.fields.String(), required=True)


class AuditRecordSchema(ActSchema):
    """One act of the holder of a key."""

    action = ma.fields.String(required=True, metadata={"description": IN_PAST_TENSE})


class AuditRecordPageSchema(ma.Schema):
    """One page of a service's audit log."""

    items = ma.fields.List(ma.fields.Nested(AuditRecordSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


def audit_log_routes(service: str, work: UnitOfWork) -> Any:
    """``GET /v1/service-audit/{service}``."""
    blueprint = Blueprint("service-audit-log", __name__, url_prefix="/v1/service-audit", description="Who did what")

    @blueprint.get(f"/{service}")
    @blueprint.arguments(ServiceAuditQuery, location="query")
    @blueprint.response(200, AuditRecordPageSchema)
    @needs_all_forms(*AUDIT_LOG_READERS)
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """Actions of key holders in this service, newest first."""
        wanted = AuditFilter(who=query["who"], act=query["action"])
        page = audit_log_page(work, OWN_LOG, wanted, query["cursor"], query["limit"])
        return {"items": [{**asdict(entry), "action": entry.act} for entry in page.items], "next": page.next}

    return blueprint


def audit_log_page(work: UnitOfWork, log: TextClause, wanted: AuditFilter, cursor: str, limit: int) -> Page[AuditEntry]:
    """Entries of an audit log, newest first; after the first page only soon after signing in.

    Args:
        work: the unit of work on the service's database.
        log: ``OWN_LOG`` or ``WHOLE_LOG``.
        wanted: which entries.
        cursor: the cursor that the previous page returned; empty for the first page.
        limit: entries on the page.

    Raises:
        BadRequest: not one of our cursors.
        RecentSignInRequired: the browser's sign-in is too long ago.
        Unavailable: the database is down.
    """
    require_recent_beyond_a_page(cursor, limit)
    with work.transaction() as connection:
        found = read_audit_log(connection, log, wanted, position_in(cursor, 2, _position), limit + 1)
    return page_of(found, limit, lambda entry: [rfc3339(entry.at), entry.key])


def _position(key: Sequence[str]) -> tuple[datetime, str]:
    if "\x00" in key[1]:
        raise ValueError("not the key of an entry")
    return parse_rfc3339(key[0]), key[1]


MAX_SUBJECTS, MAX_REFERENCES = 1000, 100
"""Both together, and a reason, fit into a request (``MAX_BODY_BYTES``). Each service answers one reference."""

PATH = "/v1/person-export"
"""Followed by the name of a service: each exports what it holds, and nothing of the others."""

REFERENCE = ma.validate.Regexp(re.compile(r"^[0-9a-f]{64}$"))


class ExportRequestSchema(ma.Schema):
    """Why one person's data is exported."""

    class Meta:
        unknown = ma.RAISE

    reason = reason_field("Recorded in the audit log: leave out names and addresses")
    export_id = ma.fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The same for all services: their audit entries name it. Generated if left out"},
    )


class ExportSchema(ma.Schema):
    """What one service holds about a person."""

    service = ma.fields.String(required=True)
    export_id = ma.fields.String(required=True)
    made_at = ma.fields.String(required=True)
    person_refs = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "For the other services"})
    subjects = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={"description": "Other references of the person, for the services that know no person_ref"},
    )
    tables = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "Rows by table"})
    left_out = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "Columns, with reasons"})
    notes = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Notes to read before passing it on"}
    )
    opened = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "What is stored encrypted, by row"}
    )


def record_export(work: UnitOfWork, clock: Clock, asked: Mapping[str, Any], **detail: Any) -> str:
    """Add the audit entry, before anything is read; returns the id of the export.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        asked: loaded by :class:`ExportRequestSchema`.
        detail: what else to record; nothing about the person.
    """
    export_id = str(asked["export_id"] or new_id())
    entry = AuditRecord(holder().name, "person-exported", "export", export_id, {"reason": asked["reason"], **detail})
    with work.transaction() as connection:
        add_audit_record(connection, entry, clock())
    return export_id


def export_content(service: str, export_id: str, clock: Clock, **parts: Any) -> dict[str, Any]:
    """Return the answer of a service; ``parts`` are the other members of :class:`ExportSchema`."""
    empty: dict[str, Any] = {"person_refs": [], "subjects": [], "opened": {}, "notes": []}
    return {"service": service, "export_id": export_id, "made_at": rfc3339(clock()), **empty, **parts}
