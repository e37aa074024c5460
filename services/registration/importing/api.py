"""Import of people by programs: bring the file, map it, read the dry run, confirm, watch."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from services.registration.importing.exports import mapping_to_json
from services.registration.importing.model import ColumnMapping, Fate, ImportChoice, PeopleImport
from services.registration.importing.rules import refuse_others
from services.registration.importing.schemas import (
    ConfirmSchema,
    ImportListSchema,
    ImportSchema,
    MappingSchema,
    RowListSchema,
    UploadArguments,
    UploadedSchema,
)
from services.registration.importing.service import ImportDesk
from shared.web.access import holder, needs, require_touch
from shared.web.entity_tags import require_revision
from shared.web.operations import Blueprint
from shared.web.paging import PageArguments, position_in, to_cursor
from shared.web.problems import ProblemSchema

PREFIX = "/v1/imports"
HOW: tuple[str, ...] = ("encoding", "delimiter")
"""Parts of a mapping that say how the file is read."""

CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}


class RowArguments(PageArguments):
    """Which rows."""

    fate = ma.fields.String(load_default="", validate=ma.validate.OneOf(["", *Fate]))


def imports_blueprint(desk: ImportDesk) -> Any:
    """Routes below ``/v1/imports``."""
    blueprint = Blueprint("imports", __name__, url_prefix=PREFIX, description="Import of people from files")
    _add_reading(blueprint, desk)
    _add_rows(blueprint, desk)
    _add_upload(blueprint, desk)
    _add_steps(blueprint, desk)
    _add_ends(blueprint, desk)
    return blueprint


def _add_reading(blueprint: Any, desk: ImportDesk) -> None:
    @blueprint.get("")
    @blueprint.response(200, ImportListSchema)
    @needs("coordinator")
    def list_imports() -> dict[str, Any]:
        """The newest imports."""
        forms = holder().forms
        return {"items": [_values(one) for one in desk.imports(None if forms is None else sorted(forms))]}

    @blueprint.get("/<uuid:import_id>")
    @blueprint.response(200, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def show_import(import_id: UUID) -> Response:
        """An import: its state and progress."""
        return _tagged(_own(desk, import_id))


def _add_rows(blueprint: Any, desk: ImportDesk) -> None:
    @blueprint.get("/<uuid:import_id>/rows")
    @blueprint.arguments(RowArguments, location="query")
    @blueprint.response(200, RowListSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator")
    def list_rows(query: Mapping[str, Any], import_id: UUID) -> dict[str, Any]:
        """What happens to each row, and why; after the import, the outcome. Kept for a day."""
        people = _own(desk, import_id)
        batch, line = position_in(query["cursor"], 2, _read_position) or (0, 0)
        rows = ((at, row) for at, row in desk.rows(people.id, query["fate"], batch) if row.line > line)
        found = list(islice(rows, query["limit"] + 1))
        shown = found[: query["limit"]]
        more = to_cursor([str(shown[-1][0]), str(shown[-1][1].line)]) if len(found) > len(shown) else None
        return {"items": [asdict(row) for _, row in shown], "next": more}


def _read_position(parts: Any) -> tuple[int, int]:
    batch, line = (int(part) for part in parts)
    if not (0 <= batch < 2**31 and 0 <= line < 2**31):
        raise ValueError("no position")
    return batch, line


def _add_upload(blueprint: Any, desk: ImportDesk) -> None:
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
        identity = desk.upload(query["form"], request.get_data(), holder().name)
        view = desk.view(identity)
        table, proposal = view.table, view.proposal
        assert table is not None
        assert proposal is not None
        more = {
            "headings": table.headings,
            "encoding": table.encoding,
            "proposed": mapping_to_json(proposal.mapping),
            "source": proposal.source,
        }
        content = UploadedSchema().dump(_values(view.people) | more)
        return _with_tag(content, view.people), 201, {"Location": f"{PREFIX}/{identity}"}


def _add_steps(blueprint: Any, desk: ImportDesk) -> None:
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
        people = _own(desk, import_id)
        refuse_others(people, holder())
        require_revision(people.revision)
        how = {name: str(wanted.pop(name)) for name in HOW if name in wanted}
        return _tagged(desk.check(people.id, ColumnMapping(**wanted), holder().name, people.revision, how or None))

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
        people = _seen(desk, import_id)
        return _tagged(desk.confirm(people.id, ImportChoice(**wanted), holder().name, people.revision)), 202


def _add_ends(blueprint: Any, desk: ImportDesk) -> None:
    @blueprint.post("/<uuid:import_id>/resume")
    @blueprint.response(202, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def resume_import(import_id: UUID) -> tuple[Response, int]:
        """Continue a failed import."""
        return _tagged(desk.resume(_own(desk, import_id).id, holder().name)), 202

    @blueprint.delete("/<uuid:import_id>")
    @blueprint.response(200, ImportSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs("coordinator")
    def cancel_import(import_id: UUID) -> Response:
        """Stop an import and delete its file. People registered by it so far stay registered."""
        return _tagged(desk.cancel(_own(desk, import_id).id, holder().name))


def _own(desk: ImportDesk, import_id: UUID) -> PeopleImport:
    people = desk.find(str(import_id))
    require_touch(people.form)
    return people


def _seen(desk: ImportDesk, import_id: UUID) -> PeopleImport:
    people = _own(desk, import_id)
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
