"""Console pages of lists of sealed answers, choose, see whom it reaches, open, print, save; and of the reading log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services import console_words as words
from services.registration.forms.service import list_forms, working_group_titles
from services.registration.people.answer_filters import PREFIX
from services.registration.people.filters import DETAILS, YES_OR_NO, address, of_form
from services.registration.sealed_lists.api import log_copy
from services.registration.sealed_lists.approvals import ApprovalsContext
from services.registration.sealed_lists.copies import KINDS, XLSX, file_of, header_of, watermark
from services.registration.sealed_lists.purposes import ALL_ANSWERS, CUSTOM, EVERYTHING, PURPOSES, Names, served_by
from services.registration.sealed_lists.requests import ANY_STATUS, FILTERS, read_request
from services.registration.sealed_lists.service import STATUS, SealedListsContext
from services.registration.sealed_lists.store import Contents, ListEntry, ListPlan
from services.registration.sealing.service import Approval
from shared.http.access import (
    holder,
    may_touch,
    needs,
    needs_recent_sign_in,
    require_touch,
)
from shared.http.headers import personal
from shared.i18n.languages import LANGUAGE_NAMES
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.public_forms.definition import parse_definition
from shared.public_forms.kinds.choices import country_options
from shared.runtime.errors import DomainError
from shared.runtime.logs import EXPORTED, record_security_event

RULE = "/registrations/sealed-lists"
PATH = f"/console{RULE}"
STYLE = Path(__file__).parent / "static" / "sealed_lists.css"
OFFERED = ("status", "working_group", "country", "language", "representative", "details")
"""Filters that the page offers; others come along from the list of registrations."""

NAME_CHOICES = {"": None, "yes": True, "no": False}


def add_sealed_lists(blueprint: Blueprint, context: SealedListsContext, approvals: ApprovalsContext) -> None:
    """``/console/registrations/sealed-lists`` and what is below it."""
    _add_index(blueprint, context, approvals)
    _add_new(blueprint, context)
    _add_one(blueprint, context)
    _add_style(blueprint)


def _add_index(blueprint: Blueprint, context: SealedListsContext, approvals: ApprovalsContext) -> None:
    @blueprint.get(RULE)
    @needs("sealed-reader", "coordinator", "operator")
    def sealed_lists() -> Response:
        reads = "sealed-reader" in holder().roles
        forms = [form for form in list_forms(context.work) if may_touch(form.slug)]
        page = render_template(
            "sealed_lists/index.html",
            reads=reads,
            forms=[form for form in forms if served_by(parse_definition(form.definition))],
            titles={form.slug: form.title for form in forms},
            purposes=PURPOSES,
            lists=context.lists_of(holder().name) if reads else (),
            waiting=approvals.waiting(holder().forms),
            one_reader=context.one_reader,
            may_see_log=bool(holder().roles & {"sealed-reader", "operator"}),
        )
        return personal(make_response(page))


def _add_new(blueprint: Blueprint, context: SealedListsContext) -> None:
    @blueprint.get(f"{RULE}/new")
    @needs_recent_sign_in
    @needs("sealed-reader")
    def new_sealed_list() -> Response:
        return _new_page(context, request.args)

    @blueprint.post(RULE)
    @needs_recent_sign_in
    @needs("sealed-reader")
    def open_sealed_list() -> AnyResponse:
        form, sent = request.form.get("form", ""), request.form
        require_touch(form)
        if sent.get("names", "") not in NAME_CHOICES:
            raise BadRequest("unknown choice of names")
        try:
            wanted = read_request(
                context.work,
                holder(),
                form,
                _filters(sent),
                purpose=sent.get("purpose", ""),
                chosen=sent.getlist("field"),
                names=NAME_CHOICES[sent.get("names", "")],
                reason=sent.get("reason", ""),
            )
            opened = context.open(wanted)
        except DomainError as refusal:
            if refusal.code in ("not-allowed", "form-unknown", "unknown-parameter", "unknown-value"):
                raise
            return _new_page(context, sent, refused=refusal)
        if isinstance(opened, Approval):
            return redirect(f"/console/registrations/sealed-approvals/{opened.id}?asked=yes", 303)
        return redirect(f"{PATH}/{opened.id}", 303)


def _add_one(blueprint: Blueprint, context: SealedListsContext) -> None:
    @blueprint.get(f"{RULE}/<uuid:list_id>")
    @needs_recent_sign_in
    @needs("sealed-reader")
    def show_sealed_list(list_id: UUID) -> Response:
        contents = context.show(str(list_id), holder().name, may_touch)
        page = render_template(
            "sealed_lists/list.html",
            contents=contents,
            header=header_of(contents),
            rows=[(entry, _cells(contents, entry)) for entry in contents.entries],
            mark=watermark(contents, holder().name, context.clock()),
            asked=_in_words(context, contents.opened.filters),
            coordinates="coordinator" in holder().roles,
            allotments=contents.purpose.name == "rooming" and holder().forms is None,
            kinds=KINDS,
            path=f"{PATH}/{list_id}",
            print_style=f"{PATH}/style.css",
        )
        return personal(make_response(page))

    @blueprint.get(f"{RULE}/<uuid:list_id>/<any(csv, xlsx):kind>")
    @needs_recent_sign_in
    @needs("sealed-reader")
    def save_sealed_list(list_id: UUID, kind: str) -> Response:
        contents = context.show(str(list_id), holder().name, may_touch)
        log_copy(context, contents, kind)
        if kind == XLSX:  # the guard notes every CSV by itself
            record_security_event(EXPORTED, holder=holder().name, route=str(request.url_rule))
        return file_of(contents, kind, holder().name, context.clock())


def _add_style(blueprint: Blueprint) -> None:
    @blueprint.get(f"{RULE}/style.css")
    @needs("sealed-reader")
    def sealed_list_style() -> Response:
        return Response(STYLE.read_text(encoding="utf-8"), mimetype="text/css")


def _new_page(context: SealedListsContext, sent: MultiDict[str, str], refused: DomainError | None = None) -> Response:
    forms = [form for form in list_forms(context.work) if may_touch(form.slug)]
    definitions = {form.slug: parse_definition(form.definition) for form in forms}
    served = {slug: found for slug, definition in definitions.items() if (found := served_by(definition))}
    slug = sent.get("form", "")
    if slug:
        require_touch(slug)
    purposes = served.get(slug, [])
    groups, filters = working_group_titles(context.work), of_form(_filters(sent), definitions.get(slug))
    plan = _plan(context, slug, filters) if purposes else None
    page = render_template(
        "sealed_lists/new.html",
        form=slug,
        forms=[(form.slug, form.title) for form in forms if form.slug in served],
        asks=bool(purposes) or not slug,
        purposes=purposes,
        questions={purpose.name: [field.label.in_language("en") for field in purpose.fields_of(definitions[slug])]
                   for purpose in purposes},
        sealed=[field for field in definitions[slug].fields if field.sealed] if purposes else [],
        chosen_fields=sent.getlist("field"),
        custom=CUSTOM,
        everything=EVERYTHING,
        naming=Names,
        given=filters,
        others={name: value for name, value in filters.items() if name not in OFFERED},
        options=_options(groups),
        plan=plan,
        one_reader=context.one_reader,
        purpose=sent.get("purpose", ""),
        names=sent.get("names", ""),
        reason=sent.get("reason", ""),
        refused=refused,
        all_people=address("/console/registrations", {"form": slug, "details": "missing"}),
    )  # fmt: skip
    return personal(make_response(page, 422 if refused else 200))


def _plan(context: SealedListsContext, form: str, filters: Mapping[str, str]) -> ListPlan | None:
    """Whom a list with these filters is about; None where they are too many or the key is gone."""
    try:
        return context.plan(read_request(context.work, holder(), form, filters, purpose=ALL_ANSWERS.name))
    except DomainError as refusal:
        if refusal.code != "too-many-people":
            raise
        return None


def _filters(sent: Mapping[str, str]) -> dict[str, str]:
    names = (*FILTERS, *(name for name in sent if name.startswith(PREFIX)))
    return {"status": STATUS, **{name: value for name in names if (value := sent.get(name, "").strip())}}


def _options(groups: Mapping[str, str]) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """By filter: its label and choices."""
    statuses = [(status, words.SEATS[status][0]) for status in REGISTRATION_STATUSES]
    return {
        "status": ("Status", [*statuses, (ANY_STATUS, "Every status")]),
        "working_group": ("Working group", list(groups.items())),
        "country": ("Country", list(country_options("en"))),
        "language": ("Language", list(LANGUAGE_NAMES.items())),
        "representative": ("Representative", list(YES_OR_NO.items())),
        "details": ("Further details", list(DETAILS.items())),
    }


def _in_words(context: SealedListsContext, filters: Mapping[str, Any]) -> list[str]:
    """The filters of a list, for people."""
    options = _options(working_group_titles(context.work))
    named = {name: dict(choices) for name, (_, choices) in options.items()}
    labels = {name: label for name, (label, _) in options.items()}
    return [
        f"{labels.get(name, name.replace('_', ' ').capitalize())}: {named.get(name, {}).get(str(value), value)}"
        for name, value in filters.items()
        if name != "names"
    ]


def _cells(contents: Contents, entry: ListEntry) -> list[str]:
    answers = entry.answers or {}
    return [
        field.kind.display(field, answers[field.name], "en") if field.name in answers else ""
        for field in contents.fields
    ]
