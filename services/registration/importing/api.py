"""Import of people by programs: bring the file, map it, read the dry run, confirm, watch."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from services.registration.importing.mapping import (
    DATE_ORDERS,
    SEATS,
    mapping_to_json,
    refuse_others,
    unmapped_statuses,
)
from services.registration.importing.model import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_HEADING,
    SAME_ADDRESS,
    ColumnMapping,
    Fate,
    ImportChoice,
    PeopleImport,
)
from services.registration.importing.service import ImportContext
from shared.http.access import holder, needs, require_recent_beyond_a_page, require_touch
from shared.http.headers import require_revision
from shared.http.lists import PageArguments, position_in, to_cursor
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint, reason_field
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import SLUG, StrictBoolean

STATES = ("uploaded", "checked", "running", "done", "cancelled", "failed")
_ENCODINGS = ("", "utf-8", "utf-16", "windows-1252", "windows-1251", "windows-1256", "gb18030")
_DELIMITERS = ("", ",", ";", "\t", "|")


def _heading() -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.Length(min=1, max=MAX_HEADING))


class UploadArguments(ma.Schema):
    """Where the people of the file are registered."""

    form = ma.fields.String(
        required=True,
        validate=(ma.validate.Length(max=80), ma.validate.Regexp(f"^{SLUG}$")),
        metadata={"description": "Slug of the form"},
    )


class MappingSchema(ma.Schema):
    """What each column of the file is, and how the file is read."""

    class Meta:
        unknown = ma.RAISE

    columns = ma.fields.Dict(
        keys=_heading(),
        values=ma.fields.String(validate=ma.validate.Length(min=1, max=80)),
        required=True,
        validate=ma.validate.Length(min=1, max=MAX_COLUMNS),
        metadata={
            "description": "By heading: the name of a question, `@status`, `@received_at`, `@language` or `@time_zone`"
        },
    )
    values = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.Length(min=1, max=80)),
        values=ma.fields.Dict(
            keys=ma.fields.String(validate=ma.validate.Length(min=1, max=MAX_CELL)),
            values=ma.fields.String(validate=ma.validate.Length(min=1, max=200)),
        ),
        load_default=dict,
        validate=ma.validate.Length(max=100),
        metadata={"description": "By question: the choice that the text of a cell means"},
    )
    date_order = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(DATE_ORDERS),
        metadata={"description": "Order of dates with slashes; empty: ambiguous dates are refused"},
    )
    language = ma.fields.String(
        load_default="en",
        validate=ma.validate.OneOf(LANGUAGES),
        metadata={"description": "Language of rows without one"},
    )
    encoding = ma.fields.String(
        validate=ma.validate.OneOf(_ENCODINGS), metadata={"description": "Of a CSV; empty: detected"}
    )
    delimiter = ma.fields.String(
        validate=ma.validate.OneOf(_DELIMITERS), metadata={"description": "Of a CSV; empty: detected"}
    )


class ConfirmSchema(ma.Schema):
    """What is done with the people of the file."""

    class Meta:
        unknown = ma.RAISE

    seats = ma.fields.String(
        load_default="as-possible",
        validate=ma.validate.OneOf(SEATS),
        metadata={"description": "Free seats first, or the waiting list for all new people"},
    )
    mail = StrictBoolean(load_default=True, metadata={"description": "Whether each person gets a mail with their link"})
    changes = StrictBoolean(
        load_default=True,
        metadata={"description": "Whether answers of people who are registered already are changed"},
    )
    reason = reason_field("How these people agreed; stored with each consent")


class RowFaultSchema(ma.Schema):
    """Why a row is refused or left out."""

    heading = ma.fields.String(required=True, metadata={"description": "Of the column; empty: the whole row"})
    code = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)


class RowSchema(ma.Schema):
    """What becomes of a row."""

    line = ma.fields.Integer(required=True, metadata={"description": "Line of the file at which it begins"})
    fate = ma.fields.String(required=True, validate=ma.validate.OneOf([*Fate]))
    changes = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Names of answers"})
    twin = ma.fields.Integer(required=True, metadata={"description": "Line of the row that it repeats; 0: none"})
    address_registered = ma.fields.Boolean(
        required=True, metadata={"description": "In the dry run: the address is already registered, as another person"}
    )
    address_line = ma.fields.Integer(
        required=True,
        metadata={"description": "In the dry run: line of another person with the same address; 0: none"},
    )
    faults = ma.fields.List(ma.fields.Nested(RowFaultSchema), required=True)


class RowListSchema(ma.Schema):
    """Rows in order of the file."""

    items = ma.fields.List(ma.fields.Nested(RowSchema), required=True)
    next = ma.fields.String(allow_none=True, metadata={"description": "Cursor of the next page"})


def _counts(description: str) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True, metadata={"description": description}
    )


class ImportSchema(ma.Schema):
    """An import."""

    id = ma.fields.UUID(required=True)
    form = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    revision = ma.fields.Integer(required=True, metadata={"description": "Value for `If-Match` in the next step"})
    rows = ma.fields.Integer(required=True)
    done_rows = ma.fields.Integer(required=True, metadata={"description": "State of the import"})
    expected = _counts("Rows by fate in the dry run")
    same_address = ma.fields.Integer(
        required=True, metadata={"description": "Rows of the dry run that register an address for a further person"}
    )
    counts = _counts("Rows by fate so far")
    mapping: Any = ma.fields.Dict(
        keys=ma.fields.String(), required=True, metadata={"description": "Of the columns; empty before there is one"}
    )
    created_at = ma.fields.AwareDateTime(format="iso", required=True)
    created_by = ma.fields.String(required=True)
    confirmed_by = ma.fields.String(allow_none=True)
    finished_at = ma.fields.AwareDateTime(format="iso", allow_none=True)
    failure = ma.fields.String(allow_none=True)


class UploadedSchema(ImportSchema):
    """An import with its uploaded file."""

    headings = ma.fields.List(ma.fields.String(), required=True)
    encoding = ma.fields.String(required=True, metadata={"description": "As detected; empty: a spreadsheet"})
    proposed = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata={"description": "Proposed mapping"})
    source = ma.fields.String(
        required=True,
        metadata={"description": "Of the proposal: a known export, `last import`, or empty"},
    )
    unmapped_statuses = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={
            "description": "Headings that the proposal leaves out although they may state who was accepted: without "
            "`@status`, everyone in the file is registered"
        },
    )


class ImportListSchema(ma.Schema):
    """The newest imports."""

    items = ma.fields.List(ma.fields.Nested(ImportSchema), required=True)


PREFIX = "/v1/imports"
HOW: tuple[str, ...] = ("encoding", "delimiter")
"""Parts of a mapping that define how the file is read."""

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}


class RowArguments(PageArguments):
    """Which rows."""

    fate = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(["", *Fate, SAME_ADDRESS]),
        metadata={"description": "`same-address`: rows of the dry run that register an address for a further person"},
    )


def imports_blueprint(context: ImportContext) -> Any:
    """Routes below ``/v1/imports``."""
    blueprint = Blueprint("imports", __name__, url_prefix=PREFIX, description="Import of people from files")
    _add_reading(blueprint, context)
    _add_rows(blueprint, context)
    _add_upload(blueprint, context)
    _add_steps(blueprint, context)
    _add_ends(blueprint, context)
    return blueprint


def _add_reading(blueprint: Any, context: ImportContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, ImportListSchema)
    @needs("coordinator")
    def list_imports() -> dict[str, Any]:
        """The newest imports."""
        forms = holder().forms
        return {
            "items": [
                _values(people_import) for people_import in context.imports(None if forms is None else sorted(forms))
            ]
        }

    @blueprint.get("/<uuid:import_id>")
    @blueprint.response(200, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def show_import(import_id: UUID) -> Response:
        """An import: its state and progress."""
        return _tagged(_own(context, import_id))


def _add_rows(blueprint: Any, context: ImportContext) -> None:
    @blueprint.get("/<uuid:import_id>/rows")
    @blueprint.arguments(RowArguments, location="query")
    @blueprint.response(200, RowListSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def list_rows(query: Mapping[str, Any], import_id: UUID) -> dict[str, Any]:
        """What happens to each row, and why; after the import, the outcome. Kept for a day."""
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        people = _own(context, import_id)
        batch, line = position_in(query["cursor"], 2, _read_position) or (0, 0)
        rows = ((at, row) for at, row in context.rows(people.id, query["fate"], batch) if row.line > line)
        found = list(islice(rows, query["limit"] + 1))
        shown = found[: query["limit"]]
        more = to_cursor([str(shown[-1][0]), str(shown[-1][1].line)]) if len(found) > len(shown) else None
        return {"items": [asdict(row) for _, row in shown], "next": more}


def _read_position(parts: Any) -> tuple[int, int]:
    batch, line = (int(part) for part in parts)
    if not (0 <= batch < 2**31 and 0 <= line < 2**31):
        raise ValueError("no position")
    return batch, line


def _add_upload(blueprint: Any, context: ImportContext) -> None:
    @blueprint.post("")
    @blueprint.arguments(UploadArguments, location="query")
    @blueprint.response(201, UploadedSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(415, schema=ProblemSchema)
    @blueprint.alt_response(422, schema=ProblemSchema)
    @blueprint.doc(requestBody={"required": True, "content": {CSV: _FILE, XLSX: _FILE}})
    @needs("coordinator")
    def upload_people(query: Mapping[str, Any]) -> tuple[Response, int, dict[str, str]]:
        """Upload a file of people, CSV or .xlsx, of at most 20 MB and 100,000 rows. No one is registered yet."""
        require_touch(query["form"])
        if request.mimetype not in (CSV, XLSX):
            raise UnsupportedMediaType("send text/csv or a spreadsheet")
        identity = context.upload(query["form"], request.get_data(), holder().name)
        view = context.view(identity)
        table, proposal = view.table, view.proposal
        assert table is not None
        assert proposal is not None
        more = {
            "headings": table.headings,
            "encoding": table.encoding,
            "proposed": mapping_to_json(proposal.mapping),
            "source": proposal.source,
            "unmapped_statuses": unmapped_statuses(table.headings, proposal.mapping),
        }
        content = UploadedSchema().dump(_values(view.people) | more)
        return _with_tag(content, view.people), 201, {"Location": f"{PREFIX}/{identity}"}


def _add_steps(blueprint: Any, context: ImportContext) -> None:
    @blueprint.put("/<uuid:import_id>/mapping")
    @blueprint.arguments(MappingSchema)
    @blueprint.response(200, ImportSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def map_import(wanted: dict[str, Any], import_id: UUID) -> Response:
        """Set what each column is, and check every row. No one is registered yet. `If-Match`: the ETag.

        For the person who uploaded the file, and for readers of sealed answers.
        """
        people = _own(context, import_id)
        refuse_others(people, holder())
        require_revision(people.revision)
        how = {name: str(wanted.pop(name)) for name in HOW if name in wanted}
        return _tagged(context.check(people.id, ColumnMapping(**wanted), holder().name, people.revision, how or None))

    @blueprint.post("/<uuid:import_id>/confirm")
    @blueprint.arguments(ConfirmSchema)
    @blueprint.response(202, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def confirm_import(wanted: Mapping[str, Any], import_id: UUID) -> tuple[Response, int]:
        """Register the people as the dry run shows. It runs in the background. `If-Match`: the ETag."""
        people = _seen(context, import_id)
        return _tagged(context.confirm(people.id, ImportChoice(**wanted), holder().name, people.revision)), 202


def _add_ends(blueprint: Any, context: ImportContext) -> None:
    @blueprint.post("/<uuid:import_id>/resume")
    @blueprint.response(202, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def resume_import(import_id: UUID) -> tuple[Response, int]:
        """Continue a failed import."""
        return _tagged(context.resume(_own(context, import_id).id, holder().name)), 202

    @blueprint.delete("/<uuid:import_id>")
    @blueprint.response(200, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def cancel_import(import_id: UUID) -> Response:
        """Stop an import and delete its file. People registered by it so far stay registered."""
        return _tagged(context.cancel(_own(context, import_id).id, holder().name))


def _own(context: ImportContext, import_id: UUID) -> PeopleImport:
    people = context.find(str(import_id))
    require_touch(people.form)
    return people


def _seen(context: ImportContext, import_id: UUID) -> PeopleImport:
    people = _own(context, import_id)
    require_revision(people.revision)
    return people


def _values(people: PeopleImport) -> dict[str, Any]:
    return {**asdict(people), "done_rows": people.done_rows}


def _tagged(people: PeopleImport) -> Response:
    return _with_tag(ImportSchema().dump(_values(people)), people)


def _with_tag(content: Any, people: PeopleImport) -> Response:
    response = jsonify(content)
    response.set_etag(str(people.revision))
    return response
