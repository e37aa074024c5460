"""The form as a page: in a partner's frame, or on its own where there is no script or no frame, and what it answers."""

from dataclasses import replace
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from services.registration.embed.pages import (
    SCRIPT,
    SCRIPTS,
    SHEET,
    FramePage,
    Notice,
    OwnForm,
    PageStyle,
    SelftestPage,
    Verification,
    pinned_script,
    render_frame,
    render_selftest,
    script,
    sheet,
)
from services.registration.embed.receipt_pages import ReceivedPage, render_received
from services.registration.forms.service import Partner, find_partner
from services.registration.forms.store import PublicForm
from services.registration.intake.form_view import FormView
from services.registration.public.context import (
    PublicContext,
    counted_lookup,
    event_time,
    guest_list_closes,
    page_style_of,
)
from services.registration.public.responses import busy, closed_html, page, parent_origin, public_page, refused_page
from services.registration.public.submissions import SubmissionRefused, challenge_path, take
from services.registration.public.submitted import SubmittedForm, language_of, read_submitted
from services.registration.telemetry import intake_requests_total
from shared.http.access import public
from shared.http.headers import conditional, origin_in
from shared.http.request_data import require_form
from shared.http.stylesheets import serve_sheet
from shared.public_forms.definition import ADDRESS_FIELD
from shared.public_forms.validation import Answers
from shared.runtime.errors import DomainError, Unavailable
from shared.security.csrf import check_csrf_unless_from
from shared.security.rate_limits import limited
from shared.vocabulary.form_kinds import FORM_KINDS


def submit(context: PublicContext, view: FormView, submitted: SubmittedForm) -> Response:
    """Take a plain form and answer with a page: that it is stored, the form with its faults, or why it is closed."""
    partner = view.partner(submitted.partner)
    language = language_of(submitted.beside, partner.language if partner else None)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    style = page_style_of(language, submitted.beside, partner, parent=parent)
    origins = partner.origins if partner else ()
    try:
        accepted = take(context, view, submitted)
    except SubmissionRefused as refused:
        return again(context, view, submitted, style, answers=refused.answers, status=422)
    except DomainError as refusal:
        if refusal.code == "form-closed":
            return page(closed_html(context, view, style, refusal.detail), style, origins, 409)
        return again(context, view, submitted, style, notice="failed", status=422)
    except Unavailable:
        return busy(again(context, view, submitted, style, notice="busy", status=503))
    shown = ReceivedPage(
        style=style,
        title=view.definition.title.for_reader(language),
        event_time=event_time(view.stored),
        receipt=accepted.receipt,
        code=accepted.code,
        address=str(submitted.answers.get(ADDRESS_FIELD, "")),
    )
    return page(render_received(shown), style, origins, 202)


def in_language(context: PublicContext, view: FormView, submitted: SubmittedForm, language: str) -> Response:
    """The form in another language, with what was typed so far; nothing is checked, and nothing is stored."""
    partner = view.partner(submitted.partner)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    style = page_style_of(language, submitted.beside, partner, parent=parent)
    follows = view.definition.initial_answers(str(submitted.beside.get("lang")))
    kept = {name: value for name, value in submitted.answers.items() if follows.get(name, ...) != value}
    return again(context, view, replace(submitted, answers=kept), style, status=200)


def again(
    context: PublicContext,
    view: FormView,
    submitted: SubmittedForm,
    style: PageStyle,
    *,
    status: int,
    answers: Answers | None = None,
    notice: Notice | None = None,
    own: OwnForm | None = None,
) -> Response:
    """The form again, filled with what was sent. A key is kept while the content may still be the same."""
    partner = view.partner(submitted.partner)
    parent = parent_origin(partner, str(submitted.beside.get("parent") or ""))
    values = {**submitted.answers, **(answers.values | answers.sealed if answers else {})}
    key = submitted.key if notice == "busy" else ""
    empty = form_page(context, view, partner, style, parent, key)
    shown = replace(empty, values=values, errors=answers.errors if answers else (), notice=notice, own=own)
    return page(render_frame(shown), style, partner.origins if partner else (), status)


def form_page(
    context: PublicContext, view: FormView, partner: Partner | None, style: PageStyle, parent: str, key: str = ""
) -> FramePage:
    """The empty form."""
    return FramePage(
        style=style,
        definition=view.definition,
        event_time=event_time(view.stored),
        partner=partner.slug if partner else "",
        parent_origin=parent,
        idempotency_key=key,
        seats="waiting-list" if view.stored.seats.word == "waiting-list" else "open",
        promotion_mode=view.stored.seats.mode,
        organiser=context.organiser,
        begun=FORM_KINDS[view.stored.kind].is_way_in and view.stored.opening.is_on(context.clock()),
        controller=view.stored.controller or "",
        contact=view.stored.contact or "",
        guest_list=guest_list_closes(view.stored),
        challenge=challenge_path(view.stored.slug),
        verification=cast(Verification, view.stored.verification),
        calendar=_can_add_at_once(view.stored),
    )


def _can_add_at_once(form: PublicForm) -> bool:
    """Whether a person may get a seat without a mail, at an event that a calendar can hold."""
    return form.verification == "none" and FORM_KINDS[form.kind].attends and form.starts_at is not None


SCRIPT_KEPT_S = 300
"""The script's address is in partners' pages and never changes: a mended one must reach them within minutes."""

FILE_KEPT_S = 31_536_000
"""Other files carry the mark of their content in their address."""


def embed_blueprint(context: PublicContext) -> Blueprint:
    """Routes below ``/embed``."""
    blueprint = Blueprint("embed", __name__, url_prefix="/embed")
    serve_sheet(blueprint, f"/static/{SHEET}", sheet())

    @blueprint.get("/<slug>")
    @public
    def form(slug: str) -> Response:
        claimed = origin_in(request.args.get("parent", ""))
        try:
            with counted_lookup():
                view = context.form_view(slug)
        except DomainError:
            return refused_page("form-unknown", claimed, slug)
        partner = view.partner(request.args.get("partner", ""))
        parent = parent_origin(partner, claimed)
        if claimed and not parent:
            return refused_page("origin-not-allowed" if partner else "partner-unknown", claimed, slug, partner)
        language = language_of(request.args.to_dict(), partner.language if partner else None)
        style = page_style_of(language, request.args, partner, parent=parent)
        origins = partner.origins if partner else ()
        if reason := view.refusal(context.clock()):
            intake_requests_total.labels("closed").inc()
            return public_page(closed_html(context, view, style, reason), style, origins)
        return public_page(render_frame(form_page(context, view, partner, style, parent)), style, origins)

    @blueprint.get("/selftest")
    @public
    def selftest() -> Response:
        return selftest_page(context)

    _add_language_change(blueprint, context)
    _serve_files(blueprint)
    return blueprint


def _add_language_change(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.post("/<slug>")
    @public
    @limited("link")
    def form_in_language(slug: str) -> Response:
        with counted_lookup():
            view = context.form_view(slug)
        require_form()
        check_csrf_unless_from(view.origins)
        submitted = read_submitted(view.definition)
        language = language_of(request.args.to_dict(), None)
        return in_language(context, view, submitted, language)


def _serve_files(blueprint: Blueprint) -> None:
    @blueprint.get(f"/{SCRIPT}")
    @public
    def element() -> Response:
        return _script(SCRIPT, SCRIPT_KEPT_S)

    @blueprint.get("/troika-<mark>.js")
    @public
    def element_of_one_version(mark: str) -> Response:
        if pinned_script()[0] != f"/embed/troika-{mark}.js":
            raise NotFound
        return _script(SCRIPT, FILE_KEPT_S)

    @blueprint.get("/static/<name>")
    @public
    def static_file(name: str) -> Response:
        if name not in SCRIPTS:
            raise NotFound
        return _script(name, FILE_KEPT_S if "v" in request.args else SCRIPT_KEPT_S)


def _script(name: str, kept_s: int) -> Response:
    """A public script. Module scripts are fetched with CORS, so any page may read it; nothing in it is secret."""
    response = Response(script(name).text, mimetype="text/javascript")
    response.cache_control.public, response.cache_control.max_age = True, kept_s
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return conditional(response)


def selftest_page(context: PublicContext) -> Response:
    """The page for the partner that the request names; in a frame it is a list of what works there."""
    partner = find_partner(context.work, request.args.get("partner", ""))
    framed = bool(request.args.get("parent")) or request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    style = page_style_of(language, request.args, partner, framed=framed)
    status = 404 if request.args.get("partner") and not partner else 200
    return page(render_selftest(_made(context, style, partner)), style, ("*",) if partner else (), status)


def _made(context: PublicContext, style: PageStyle, partner: Partner | None) -> SelftestPage:
    return SelftestPage(
        style=style,
        home=context.public_url,
        partner=partner.slug if partner else "",
        origins=partner.origins if partner else (),
        parent=origin_in(request.args.get("parent", "")),
        came_from=origin_in(_origin_of(request.headers.get("Referer", ""))),
    )


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
