"""Pages on which a coordinator brings a file of people, maps its columns, reads the dry run, and confirms."""

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
from services.registration.importing.exports import mapping_from_json
from services.registration.importing.mapping_pages import (
    PATH,
    add_mapping,
    mapping_page,
    own_file,
    own_import,
    seen_revision,
)
from services.registration.importing.model import Fate, ImportChoice, PeopleImport, PreparedRow
from services.registration.importing.rules import may_see_file, refuse_others
from services.registration.importing.service import ImportDesk, ImportView
from services.registration.importing.values import has_choices
from shared.core.errors import DomainError
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.browser_session import needs_recent_sign_in
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal

SHOWN_ROWS, MAX_UNKNOWN = 50, 60
MAX_FIELD_BYTES = 256 * 1024
REFRESH_S = "3"


def add_imports(blueprint: Blueprint, desk: ImportDesk) -> None:
    """``/console/registrations/imports`` and below."""
    _add_begin(blueprint, desk)
    _add_page(blueprint, desk)
    add_mapping(blueprint, desk)
    _add_steps(blueprint, desk)


def _add_begin(blueprint: Blueprint, desk: ImportDesk) -> None:
    @blueprint.get("/registrations/imports")
    @needs("coordinator")
    def imports_page() -> Response:
        return _begin_page(desk, request.args.get("form", ""))

    @blueprint.post("/registrations/imports")
    @needs("coordinator")
    def upload_file() -> AnyResponse:
        form, file = _upload()
        require_touch(form)
        try:
            identity = desk.upload(form, file, holder().name)
        except DomainError as refusal:
            if refusal.code != "file-refused":
                raise
            return _begin_page(desk, form, refusal.detail, 422)
        return redirect(f"{PATH}/{identity}", 303)


def _upload() -> tuple[str, bytes]:
    """The form's slug and the file of a multipart body, which is kept in memory: no part of it lies on a disk."""
    options = request.mimetype_params
    parser = FormDataParser(lambda *_args, **_kw: BytesIO(), max_form_memory_size=MAX_FIELD_BYTES, max_form_parts=4)
    _, values, files = parser.parse(request.stream, request.mimetype, request.content_length, options)
    file = files.get("file")
    if not isinstance(file, FileStorage) or "form" not in values:
        raise BadRequest("a form and a file are required")
    return values["form"], file.read()


def _begin_page(desk: ImportDesk, form: str, fault: str = "", status: int = 200) -> Response:
    forms = {one.slug: one.title for one in list_forms(desk.work) if may_touch(one.slug)}
    allowed = holder().forms
    page = render_template(
        "registrations/imports.html",
        forms=forms,
        chosen=form,
        fault=fault,
        imports=desk.imports(None if allowed is None else sorted(allowed)),
        wording=wording,
    )
    return personal(make_response(page, status))


def _add_page(blueprint: Blueprint, desk: ImportDesk) -> None:
    @blueprint.get("/registrations/imports/<uuid:import_id>")
    @needs("coordinator")
    def import_page(import_id: UUID) -> Response:
        people = own_import(desk, import_id)
        if people.state == "uploaded" or (people.state == "checked" and request.args.get("step") == "mapping"):
            refuse_others(people, holder())
            return mapping_page(desk.view(people.id))
        return _result_page(desk, people)

    @blueprint.get("/registrations/imports/<uuid:import_id>/refused.csv")
    @needs_recent_sign_in
    @needs("coordinator")
    def refused_file(import_id: UUID) -> Response:
        people = own_file(desk, import_id)
        return personal(csv_answer("refused-rows", *desk.refused_rows(people.id, holder().name)))


def _add_steps(blueprint: Blueprint, desk: ImportDesk) -> None:
    @blueprint.post("/registrations/imports/<uuid:import_id>/confirm")
    @needs("coordinator")
    def confirm_import(import_id: UUID) -> AnyResponse:
        people, form = own_import(desk, import_id), request.form
        choice = ImportChoice(
            form.get("seats", ""), form.get("mail") == "yes", form.get("changes") == "yes", form.get("reason", "")[:500]
        )
        try:
            desk.confirm(people.id, choice, holder().name, seen_revision())
        except DomainError as refusal:
            if refusal.code not in wording.CONFIRM_REFUSALS:
                raise
            notice = wording.CONFIRM_REFUSALS[refusal.code] or f"{refusal.detail}."
            return _result_page(desk, desk.find(people.id), notice, choice, 409)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/cancel")
    @needs("coordinator")
    def cancel_import(import_id: UUID) -> AnyResponse:
        people = own_import(desk, import_id)
        if request.form.get("go") != "do":
            return _result_page(desk, people, asks_cancel=True)
        desk.cancel(people.id, holder().name)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/resume")
    @needs("coordinator")
    def resume_import(import_id: UUID) -> AnyResponse:
        desk.resume(own_import(desk, import_id).id, holder().name)
        return redirect(f"{PATH}/{import_id}", 303)


def _result_page(
    desk: ImportDesk,
    people: PeopleImport,
    notice: str = "",
    choice: ImportChoice | None = None,
    status: int = 200,
    *,
    asks_cancel: bool = False,
) -> Response:
    view = ImportView(people, *desk.form(people.form))
    counts = people.expected if people.state == "checked" else people.counts
    fate = request.args.get("fate", "")
    if fate not in ("", *Fate):
        raise BadRequest("unknown fate")
    rows, after = _rows(desk, people, fate)
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
        unknown=_unknown(desk, view) if sees and people.state == "checked" and counts.get(Fate.REFUSED) else [],
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


def _rows(desk: ImportDesk, people: PeopleImport, fate: str) -> tuple[list[PreparedRow], str]:
    """A page of rows, and the position of the next one."""
    if people.state == "cancelled":
        return [], ""
    batch, _, line = request.args.get("after", "0.0").partition(".")
    if not all(part.isascii() and part.isdecimal() and len(part) < 8 for part in (batch, line)):
        raise BadRequest("unknown position")
    found = ((at, row) for at, row in desk.rows(people.id, fate, int(batch)) if row.line > int(line))
    some = list(islice(found, SHOWN_ROWS + 1))
    shown = some[:SHOWN_ROWS]
    return [row for _, row in shown], f"{shown[-1][0]}.{shown[-1][1].line}" if len(some) > SHOWN_ROWS else ""


def _unknown(desk: ImportDesk, view: ImportView) -> list[tuple[Any, str]]:
    """(question, text) of cells that are none of its choices, each once: they can be given one on the page."""
    mapping = mapping_from_json(view.people.mapping)
    fields = {field.name: field for field in view.definition.fields if has_choices(field)}
    found: dict[tuple[str, str], None] = {}
    for _, row in desk.rows(view.people.id, Fate.REFUSED, 0):
        for fault in row.faults:
            name = mapping.columns.get(fault.heading, "") if mapping is not None else ""
            if fault.text and name in fields:
                found[name, fault.text] = None
        if len(found) >= MAX_UNKNOWN:
            break
    return [(fields[name], text) for name, text in found]
