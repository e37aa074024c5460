"""Pages of an import: upload a file of people, map its columns, check the dry run, confirm."""

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from itertools import islice
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms.service import list_forms
from services.registration.importing import wording
from services.registration.importing.cell_reading import has_choices
from services.registration.importing.mapping import (
    check_how,
    drop_obsolete,
    mapping_from_json,
    may_see_file,
    refuse_others,
    targets_of,
    unmapped_statuses,
)
from services.registration.importing.model import (
    SAME_ADDRESS,
    ColumnMapping,
    Fate,
    ImportChoice,
    PeopleImport,
    PreparedRow,
)
from services.registration.importing.service import ImportContext, ImportView
from services.registration.importing.table_reading import DELIMITERS, ENCODINGS
from shared.console.frame import seen_revision
from shared.http.access import (
    holder,
    may_touch,
    needs,
    needs_recent_sign_in,
    require_recent_beyond_a_page,
    require_touch,
)
from shared.http.headers import personal
from shared.http.lists import csv_answer
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.fields import ADDRESS_FIELD
from shared.runtime.errors import DomainError

PATH = "/console/registrations/imports"
SAMPLES = 3


def add_mapping(blueprint: Blueprint, context: ImportContext) -> None:
    """Below an import: ``/mapping`` and ``/values``."""

    @blueprint.post("/registrations/imports/<uuid:import_id>/mapping")
    @needs("coordinator")
    def map_columns(import_id: UUID) -> AnyResponse:
        people, how = own_file(context, import_id), _how()
        view = _read(context, people, how)
        if isinstance(view, str):
            return mapping_page(context.view(people.id), fault=view, status=422)
        mapping = _mapping(view)
        if request.form.get("go") == "read":
            return mapping_page(view, mapping=view.proposal.mapping if view.proposal else mapping, how=how)
        try:
            context.check(people.id, mapping, holder().name, seen_revision(), how)
        except DomainError as refusal:
            if refusal.code != "bad-mapping":
                raise
            fault = f"{refusal.detail[:1].upper()}{refusal.detail[1:]}."
            return mapping_page(view, mapping=mapping, how=how, fault=fault, status=422)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/values")
    @needs("coordinator")
    def map_values(import_id: UUID) -> AnyResponse:
        people = own_file(context, import_id)
        stored = mapping_from_json(people.mapping)
        if stored is None:
            raise BadRequest("no mapping yet")
        before = drop_obsolete(stored, context.form(people.form)[1])
        values = {name: dict(table) for name, table in before.values.items()}
        for key, choice in request.form.items():
            kind, _, rest = key.partition(":")
            name, _, text = rest.partition(":")
            if kind == "value" and choice:
                values.setdefault(name, {})[text] = choice
        mapping = ColumnMapping(before.columns, values, before.date_order, before.language)
        context.check(people.id, mapping, holder().name, seen_revision())
        return redirect(f"{PATH}/{people.id}", 303)


def _read(context: ImportContext, people: PeopleImport, how: Mapping[str, str]) -> ImportView | str:
    try:
        return context.view(people.id, how)
    except DomainError as refusal:
        if refusal.code != "file-refused":
            raise
        return refusal.detail


def _how() -> dict[str, str]:
    how = {name: request.form.get(name, "") for name in ("encoding", "delimiter")}
    check_how(how)
    return how


def _mapping(view: ImportView) -> ColumnMapping:
    headings = view.table.headings if view.table is not None else ()
    columns = {
        heading: target
        for number, heading in enumerate(headings)
        if (target := request.form.get(f"column-{number}", ""))
    }
    proposed = view.proposal.mapping if view.proposal else ColumnMapping()
    values = drop_obsolete(mapping_from_json(view.people.mapping) or proposed, view.definition).values
    kept = {name: table for name, table in values.items() if name in columns.values()}
    return ColumnMapping(columns, kept, request.form.get("date_order", ""), request.form.get("language", "en"))


def mapping_page(
    view: ImportView,
    *,
    mapping: ColumnMapping | None = None,
    how: Mapping[str, str] | None = None,
    fault: str = "",
    status: int = 200,
) -> Response:
    """Return the page on which the columns are chosen, with the mapping typed, the one before, or the one proposed."""
    proposed = view.proposal.mapping if view.proposal else ColumnMapping()
    shown = mapping or mapping_from_json(view.people.mapping) or proposed
    used = view.how if how is None else how
    missing = [field for field in view.definition.fields if field.required and field.name not in shown.columns.values()]
    page = render_template(
        "registrations/import_mapping.html",
        view=view,
        people=view.people,
        table=view.table,
        mapping=shown,
        how=used,
        targets=wording.target_titles(view.definition, targets_of(view.definition)),
        samples=_samples(view),
        source=view.proposal.source if view.proposal and view.people.state == "uploaded" else "",
        missing=[
            wording.label(field) for field in missing if not field.kind.is_consent and field.name != ADDRESS_FIELD
        ],
        statuses=unmapped_statuses(view.table.headings, shown) if view.table is not None else (),
        has_address=ADDRESS_FIELD in shown.columns.values(),
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        languages=LANGUAGE_NAMES,
        fault=fault,
    )
    return personal(make_response(page, status))


def _samples(view: ImportView) -> list[list[str]]:
    """The first non-empty cells of each column."""
    if view.table is None:
        return []
    lines = view.table.lines[:200]
    columns = range(len(view.table.headings))
    return [
        list(dict.fromkeys(line.cells[at][:60] for line in lines if line.cells[at].strip()))[:SAMPLES] for at in columns
    ]


def own_import(context: ImportContext, import_id: UUID) -> PeopleImport:
    """The import with this id; ``not-found`` for a form that the key does not cover."""
    people = context.find(str(import_id))
    require_touch(people.form)
    return people


def own_file(context: ImportContext, import_id: UUID) -> PeopleImport:
    """The same, with a file that the caller may see; ``not-allowed`` for a file that another person uploaded."""
    people = own_import(context, import_id)
    refuse_others(people, holder())
    return people


SHOWN_ROWS, MAX_UNKNOWN = 50, 60
MAX_FIELD_BYTES = 256 * 1024
REFRESH_S = "3"


def add_imports(blueprint: Blueprint, context: ImportContext) -> None:
    """``/console/registrations/imports`` and below."""
    _add_begin(blueprint, context)
    _add_page(blueprint, context)
    add_mapping(blueprint, context)
    _add_steps(blueprint, context)


def _add_begin(blueprint: Blueprint, context: ImportContext) -> None:
    @blueprint.get("/registrations/imports")
    @needs("coordinator")
    def imports_page() -> Response:
        return _begin_page(context, request.args.get("form", ""))

    @blueprint.post("/registrations/imports")
    @needs("coordinator")
    def upload_file() -> AnyResponse:
        form, file = _upload()
        require_touch(form)
        try:
            identity = context.upload(form, file, holder().name)
        except DomainError as refusal:
            if refusal.code != "file-refused":
                raise
            return _begin_page(context, form, refusal.detail, 422)
        return redirect(f"{PATH}/{identity}", 303)


def _upload() -> tuple[str, bytes]:
    """The form's slug and the file of a multipart body, which is kept in memory and never written to disk."""
    options = request.mimetype_params
    parser = FormDataParser(lambda *_args, **_kw: BytesIO(), max_form_memory_size=MAX_FIELD_BYTES, max_form_parts=4)
    _, values, files = parser.parse(request.stream, request.mimetype, request.content_length, options)
    file = files.get("file")
    if not isinstance(file, FileStorage) or "form" not in values:
        raise BadRequest("a form and a file are required")
    return values["form"], file.read()


def _begin_page(context: ImportContext, form: str, fault: str = "", status: int = 200) -> Response:
    forms = {form.slug: form.title for form in list_forms(context.work) if may_touch(form.slug)}
    allowed = holder().forms
    page = render_template(
        "registrations/imports.html",
        forms=forms,
        chosen=form,
        fault=fault,
        imports=context.imports(None if allowed is None else sorted(allowed)),
        wording=wording,
    )
    return personal(make_response(page, status))


def _add_page(blueprint: Blueprint, context: ImportContext) -> None:
    @blueprint.get("/registrations/imports/<uuid:import_id>")
    @needs("coordinator")
    def import_page(import_id: UUID) -> Response:
        people = own_import(context, import_id)
        if people.state == "uploaded" or (people.state == "checked" and request.args.get("step") == "mapping"):
            refuse_others(people, holder())
            return mapping_page(context.view(people.id))
        return _result_page(context, people)

    @blueprint.get("/registrations/imports/<uuid:import_id>/refused.csv")
    @needs_recent_sign_in
    @needs("coordinator")
    def refused_file(import_id: UUID) -> Response:
        people = own_file(context, import_id)
        return personal(csv_answer("refused-rows", *context.refused_rows(people.id, holder().name)))


def _add_steps(blueprint: Blueprint, context: ImportContext) -> None:
    @blueprint.post("/registrations/imports/<uuid:import_id>/confirm")
    @needs("coordinator")
    def confirm_import(import_id: UUID) -> AnyResponse:
        people, form = own_import(context, import_id), request.form
        choice = ImportChoice(
            form.get("seats", ""), form.get("mail") == "yes", form.get("changes") == "yes", form.get("reason", "")[:500]
        )
        try:
            context.confirm(people.id, choice, holder().name, seen_revision())
        except DomainError as refusal:
            if refusal.code not in wording.CONFIRM_REFUSALS:
                raise
            notice = wording.CONFIRM_REFUSALS[refusal.code] or f"{refusal.detail}."
            return _result_page(context, context.find(people.id), notice, choice, 409)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/cancel")
    @needs("coordinator")
    def cancel_import(import_id: UUID) -> AnyResponse:
        people = own_import(context, import_id)
        if request.form.get("go") != "do":
            return _result_page(context, people, asks_cancel=True)
        context.cancel(people.id, holder().name)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/resume")
    @needs("coordinator")
    def resume_import(import_id: UUID) -> AnyResponse:
        context.resume(own_import(context, import_id).id, holder().name)
        return redirect(f"{PATH}/{import_id}", 303)


def _result_page(
    context: ImportContext,
    people: PeopleImport,
    notice: str = "",
    choice: ImportChoice | None = None,
    status: int = 200,
    *,
    asks_cancel: bool = False,
) -> Response:
    view = ImportView(people, *context.form(people.form))
    counts = people.expected if people.state == "checked" else people.counts
    fate = request.args.get("fate", "")
    if fate not in ("", *Fate, SAME_ADDRESS):
        raise BadRequest("unknown fate")
    rows, after = _rows(context, people, fate)
    sees = may_see_file(people, holder())
    page = render_template(
        "registrations/import.html",
        people=people,
        view=view,
        counts=counts,
        fate=fate,
        rows=rows if sees else [replace(row, cells=()) for row in rows],
        after=after,
        sees=sees,
        unknown=_unknown(context, view) if sees and people.state == "checked" and counts.get(Fate.REFUSED) else [],
        labels={field.name: wording.label(field) for field in view.definition.fields},
        wording=wording,
        fates=list(Fate),
        choice=choice or ImportChoice(),
        notice=notice,
        asks_cancel=asks_cancel,
    )
    response = personal(make_response(page, status))
    if people.state == "running" and not asks_cancel:
        response.headers["Refresh"] = REFRESH_S
    return response


def _rows(context: ImportContext, people: PeopleImport, fate: str) -> tuple[list[PreparedRow], str]:
    """A page of rows, and the position of the next one."""
    if people.state == "cancelled":
        return [], ""
    require_recent_beyond_a_page(request.args.get("after", ""), SHOWN_ROWS)
    batch, _, line = request.args.get("after", "0.0").partition(".")
    if not all(part.isascii() and part.isdecimal() and len(part) < 8 for part in (batch, line)):
        raise BadRequest("unknown position")
    found = ((at, row) for at, row in context.rows(people.id, fate, int(batch)) if row.line > int(line))
    some = list(islice(found, SHOWN_ROWS + 1))
    shown = some[:SHOWN_ROWS]
    return [row for _, row in shown], f"{shown[-1][0]}.{shown[-1][1].line}" if len(some) > SHOWN_ROWS else ""


def _unknown(context: ImportContext, view: ImportView) -> list[tuple[Any, str]]:
    """(question, text) of cells, or their parts, that match no choice, each once; the page offers choices for them."""
    mapping = mapping_from_json(view.people.mapping)
    fields = {field.name: field for field in view.definition.fields if has_choices(field)}
    found: dict[tuple[str, str], None] = {}
    for _, row in context.rows(view.people.id, Fate.REFUSED, 0):
        for fault in row.faults:
            name = mapping.columns.get(fault.heading, "") if mapping is not None else ""
            if name in fields:
                found |= {(name, text): None for text in fault.texts}
        if len(found) >= MAX_UNKNOWN:
            break
    return [(fields[name], text) for name, text in islice(found, MAX_UNKNOWN)]
