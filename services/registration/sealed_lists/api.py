"""Lists of sealed answers for coordinators' programs: open one, and read it until it expires.

Filters are those of the list of registrations. Conditions on opened answers are checked in memory, and neither stored
nor logged: ``{"arrives_on.from": "2031-07-10"}``: a day or a number from there on; ``.until``: up to there, bounds
included; ``{"access_needs.contains": "caption"}``: part of a text; ``{"hotel": "block"}``: an answer, or one of
several.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.registration.sealed_lists.copies import CSV, file_of
from services.registration.sealed_lists.purposes import PURPOSES
from services.registration.sealed_lists.requests import read_conditions, read_request
from services.registration.sealed_lists.service import SealedListsContext
from services.registration.sealed_lists.store import Contents, SealedList
from services.registration.sealing.api import SLUG_OR_NOTHING
from services.registration.sealing.service import MAX_REASON, MIN_REASON, Approval
from shared.http.access import holder, may_touch, needs, needs_recent_sign_in, require_touch
from shared.http.headers import personal
from shared.http.lists import MEDIA_TYPE, wants_csv
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.messaging.contracts.schemas import StrictBoolean
from shared.runtime.clock import rfc3339
from shared.security.audit_log import AuditRecord, add_audit_record

PREFIX = "/v1/sealed-lists"
MAX_CONDITIONS = 10
_SHORT = ma.fields.String(validate=ma.validate.Length(min=1, max=200))
_NAME = ma.fields.String(validate=ma.validate.Length(min=1, max=80))


class ListWantedSchema(ma.Schema):
    """What is opened, about whom, and why."""

    class Meta:
        unknown = ma.RAISE

    purpose = ma.fields.String(required=True, validate=ma.validate.OneOf(list(PURPOSES)))
    form = ma.fields.String(required=True, validate=SLUG_OR_NOTHING)
    reason = ma.fields.String(required=True, validate=ma.validate.Length(min=MIN_REASON, max=MAX_REASON))
    chosen = ma.fields.List(
        _NAME,
        load_default=[],
        data_key="fields",
        validate=ma.validate.Length(max=100),
        metadata={"description": "For the purpose `custom`: the sealed questions to open"},
    )
    names = StrictBoolean(
        load_default=None,
        metadata={"description": "Whether the list has names; by default as the purpose needs it"},
    )
    filters = ma.fields.Dict(
        keys=_NAME,
        values=_SHORT,
        load_default={},
        validate=ma.validate.Length(max=40),
        metadata={
            "description": "As `GET /v1/registrations` has them; `status` is `confirmed` by default, `any` for all"
        },
    )
    where = ma.fields.Dict(
        keys=_NAME,
        values=_SHORT,
        load_default={},
        validate=ma.validate.Length(max=MAX_CONDITIONS),
        metadata={
            "description": "Conditions on the opened answers, for this response only; they are not stored: "
            '`{"arrives_on.from": "2031-07-10"}`, `.until`, `{"access_needs.contains": "caption"}`, `{"hotel": "own"}`'
        },
    )


class CountTableSchema(ma.Schema):
    """Numbers."""

    name = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    rows = ma.fields.List(ma.fields.Dict(keys=ma.fields.String()), required=True)


class SealedEntrySchema(ma.Schema):
    """A person on the list."""

    registration_id = ma.fields.String(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    organisation = ma.fields.String(required=True, allow_none=True)
    working_group = ma.fields.String(required=True, allow_none=True)
    answers = ma.fields.Dict(keys=ma.fields.String(), required=True)


class ListSchema(ma.Schema):
    """A list; without its entries while a second person has to approve it."""

    id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(["open", "waiting"]))
    purpose = ma.fields.String(required=True)
    form = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    people = ma.fields.Integer(required=True, metadata={"description": "Number of people in the log entry"})
    expires_at = ma.fields.String(
        required=True,
        metadata={"description": "Until when it can be read; before approval: until when it can be approved"},
    )
    fields_opened = ma.fields.List(ma.fields.String(), data_key="fields")
    approved_by = ma.fields.String(allow_none=True)
    matching = ma.fields.Integer(metadata={"description": "Number of people counted"})
    unreadable = ma.fields.Integer(metadata={"description": "Number of people whose answers cannot be decrypted"})
    counts = ma.fields.List(ma.fields.Nested(CountTableSchema))
    items = ma.fields.List(ma.fields.Nested(SealedEntrySchema))


def lists_blueprint(context: SealedListsContext) -> Any:
    """Routes below ``/v1/sealed-lists``."""
    blueprint = Blueprint("sealed-lists", __name__, url_prefix=PREFIX, description="Lists of sealed answers")
    _add_opening(blueprint, context)
    _add_reading(blueprint, context)
    return blueprint


def _add_opening(blueprint: Any, context: SealedListsContext) -> None:
    @blueprint.post("")
    @blueprint.arguments(ListWantedSchema)
    @blueprint.response(201, ListSchema)
    @blueprint.alt_response(202, schema=ListSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(410, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs("sealed-reader")
    def open_list(wanted: Mapping[str, Any]) -> tuple[Response, int, dict[str, str]]:
        """Open the answers that a purpose needs, of the people that the filters choose, with one entry in the log.

        Returns the content of the list. A list that opens too much for one person, with those that they opened before,
        waits for a second person: 202, and the list can be read under the same id once it is approved.
        """
        require_touch(wanted["form"])
        asked = {name: wanted[name] for name in ("purpose", "chosen", "names", "reason")}
        opened = context.open(read_request(context.work, holder(), wanted["form"], wanted["filters"], **asked))
        location = {"Location": f"{PREFIX}/{opened.id}"}
        if isinstance(opened, Approval):
            return personal(jsonify(_waiting(opened))), 202, location
        condition = partial(read_conditions, wanted["where"])
        return _answer(context.show(opened.id, holder().name, may_touch, condition)), 201, location


def _add_reading(blueprint: Any, context: SealedListsContext) -> None:
    @blueprint.get("/<uuid:list_id>")
    @blueprint.response(200, ListSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(410, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs("sealed-reader")
    def read_list(list_id: Any) -> Response:
        """Current content of one of your own lists; as CSV if `Accept` asks for it."""
        contents = context.show(str(list_id), holder().name, may_touch)
        if wants_csv():
            log_copy(context, contents, CSV)
            return file_of(contents, CSV, holder().name, context.clock())
        answer = _answer(contents)
        answer.headers["Vary"] = "Accept"
        return answer


def log_copy(context: SealedListsContext, contents: Contents, kind: str) -> None:
    """Write into the audit log that the caller takes a copy of a list."""
    detail = {"purpose": contents.opened.purpose, "form": contents.opened.form, "kind": kind}
    with context.work.transaction() as connection:
        add_audit_record(
            connection,
            AuditRecord(holder().name, "file-taken", "sealed-list", contents.opened.id, detail),
            context.clock(),
        )


def _answer(contents: Contents) -> Response:
    opened = contents.opened
    content = {
        **_head(opened, "open"),
        "fields": list(opened.fields),
        "approved_by": opened.approved_by,
        "matching": contents.matching,
        "unreadable": contents.unreadable,
        "counts": [
            {"name": table.name, "title": table.title, "rows": [_named(table.columns, row) for row in table.rows]}
            for table in contents.counts
        ],
        "items": SealedEntrySchema(many=True).dump(contents.entries),
    }
    return personal(jsonify(content))


def _named(columns: tuple[tuple[str, str], ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: value for (name, _), value in zip(columns, row, strict=True)}


def _waiting(asked: Approval) -> dict[str, Any]:
    return _head(asked, "waiting") | {"purpose": asked.purpose}


def _head(one: SealedList | Approval, state: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": state,
        "purpose": getattr(one, "purpose", ""),
        "form": one.form,
        "reason": one.reason,
        "people": len(one.people),
        "expires_at": rfc3339(one.expires_at),
    }
