"""The page on which a coordinator says what each column of a file is, and how the file is read."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.importing import wording
from services.registration.importing.exports import mapping_from_json, targets_of
from services.registration.importing.model import ColumnMapping, PeopleImport
from services.registration.importing.rules import check_how, refuse_others
from services.registration.importing.service import ImportDesk, ImportView
from services.registration.importing.table_reading import DELIMITERS, ENCODINGS
from shared.core.errors import DomainError
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.fields import ADDRESS_FIELD
from shared.web.access import holder, needs, require_touch
from shared.web.headers import personal

PATH = "/console/registrations/imports"
SAMPLES = 3


def add_mapping(blueprint: Blueprint, desk: ImportDesk) -> None:
    """Below an import: ``/mapping`` and ``/values``."""

    @blueprint.post("/registrations/imports/<uuid:import_id>/mapping")
    @needs("coordinator")
    def map_columns(import_id: UUID) -> AnyResponse:
        people, how = own_file(desk, import_id), _how()
        view = _read(desk, people, how)
        if isinstance(view, str):
            return mapping_page(desk.view(people.id), fault=view, status=422)
        mapping = _mapping(view)
        if request.form.get("go") == "read":
            return mapping_page(view, mapping=view.proposal.mapping if view.proposal else mapping, how=how)
        try:
            desk.check(people.id, mapping, holder().name, seen_revision(), how)
        except DomainError as refusal:
            if refusal.code != "bad-mapping":
                raise
            fault = f"{refusal.detail[:1].upper()}{refusal.detail[1:]}."
            return mapping_page(view, mapping=mapping, how=how, fault=fault, status=422)
        return redirect(f"{PATH}/{people.id}", 303)

    @blueprint.post("/registrations/imports/<uuid:import_id>/values")
    @needs("coordinator")
    def map_values(import_id: UUID) -> AnyResponse:
        people = own_file(desk, import_id)
        before = mapping_from_json(people.mapping)
        if before is None:
            raise BadRequest("no mapping yet")
        values = {name: dict(table) for name, table in before.values.items()}
        for key, choice in request.form.items():
            kind, _, rest = key.partition(":")
            name, _, text = rest.partition(":")
            if kind == "value" and choice:
                values.setdefault(name, {})[text] = choice
        mapping = ColumnMapping(before.columns, values, before.date_order, before.language)
        desk.check(people.id, mapping, holder().name, seen_revision())
        return redirect(f"{PATH}/{people.id}", 303)


def _read(desk: ImportDesk, people: PeopleImport, how: Mapping[str, str]) -> ImportView | str:
    try:
        return desk.view(people.id, how)
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
    before = mapping_from_json(view.people.mapping)
    values = before.values if before is not None else view.proposal.mapping.values if view.proposal else {}
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
    """The page on which the columns are chosen, with the mapping in hand, that before, or the one proposed."""
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
        missing=[wording.label(one) for one in missing if not one.kind.is_consent and one.name != ADDRESS_FIELD],
        has_address=ADDRESS_FIELD in shown.columns.values(),
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        languages=LANGUAGE_NAMES,
        fault=fault,
    )
    return personal(make_response(page, status))


def _samples(view: ImportView) -> list[list[str]]:
    """The first cells of each column that hold anything."""
    if view.table is None:
        return []
    lines = view.table.lines[:200]
    columns = range(len(view.table.headings))
    return [
        list(dict.fromkeys(line.cells[at][:60] for line in lines if line.cells[at].strip()))[:SAMPLES] for at in columns
    ]


def own_import(desk: ImportDesk, import_id: UUID) -> PeopleImport:
    """The import with this id; ``not-found`` for one into a form that the key is not good for."""
    people = desk.find(str(import_id))
    require_touch(people.form)
    return people


def own_file(desk: ImportDesk, import_id: UUID) -> PeopleImport:
    """The same, with a file that the caller may see; ``not-allowed`` for one that somebody else has brought."""
    people = own_import(desk, import_id)
    refuse_others(people, holder())
    return people


def seen_revision() -> int:
    """The revision that the page showed."""
    seen = request.form.get("seen", "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
        raise BadRequest("unknown state")
    return int(seen)
