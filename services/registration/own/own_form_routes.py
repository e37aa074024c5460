"""The form that the owner of an address can fill behind a confirmation link."""

from dataclasses import replace

from flask import Blueprint, Response, request

from services.registration.embed.pages import OwnForm, render_frame
from services.registration.intake.form_view import FormView
from services.registration.own.commands import wait_for_outcome
from services.registration.own.confirmation_page import back_to_list, confirmation_gone
from services.registration.own.service import WaitingForOwner, show_waiting
from services.registration.public.context import PublicContext, page_style_of
from services.registration.public.form_pages import again, form_page
from services.registration.public.responses import busy, closed_html, page
from services.registration.public.submissions import SubmissionRefused, take
from services.registration.public.submitted import language_of, own_language, read_submitted
from shared.http.access import by_link
from shared.http.request_data import require_form
from shared.public_forms.definition import ADDRESS_FIELD
from shared.runtime.errors import DomainError, Unavailable
from shared.security.rate_limits import limited


def add_own_form(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/c/<token>/forms/<slug>")
    @by_link
    @limited("link")
    def show_form(token: str, slug: str) -> Response:
        try:
            waiting, view = show_waiting(context.work, token, context.clock()), context.form_view(slug)
        except DomainError:
            return confirmation_gone()
        style = page_style_of(own_language(request.args.to_dict(), waiting.link.language), {}, None)
        if reason := view.refusal(context.clock()):
            return page(closed_html(context, view, style, reason), style)
        shown = replace(form_page(context, view, None, style, ""), own=_own_form(token, slug, waiting))
        return page(render_frame(shown), style)

    @blueprint.post("/c/<token>/forms/<slug>")
    @by_link
    @limited("command")
    def enter(token: str, slug: str) -> Response:
        require_form()
        try:
            waiting, view = show_waiting(context.work, token, context.clock()), context.form_view(slug)
        except DomainError:
            return confirmation_gone()
        return _enter(context, token, waiting, view)


def _own_form(token: str, slug: str, waiting: WaitingForOwner) -> OwnForm:
    return OwnForm(path=f"/c/{token}/forms/{slug}", back_path=f"/c/{token}", address=waiting.link.email)


def _enter(context: PublicContext, token: str, waiting: WaitingForOwner, view: FormView) -> Response:
    """Store the owner's own answers with the address of the link; an address in the request is ignored."""
    submitted = read_submitted(view.definition)
    submitted = replace(submitted, answers={**submitted.answers, ADDRESS_FIELD: waiting.link.email})
    own = _own_form(token, view.stored.slug, waiting)
    shown_in = request.form.get("show_in", "")
    style = page_style_of(own_language(request.form.to_dict(), waiting.link.language), {}, None)
    if shown_in:
        style = page_style_of(language_of({"lang": shown_in}, None), {}, None)
        return again(context, view, submitted, style, status=200, own=own)
    try:
        accepted = take(context, view, submitted, waiting.token_hash)
    except SubmissionRefused as refused:
        return again(context, view, submitted, style, answers=refused.answers, status=422, own=own)
    except DomainError as refusal:
        return page(closed_html(context, view, style, refusal.detail), style, status=409)
    except Unavailable:
        return busy(again(context, view, submitted, style, notice="busy", status=503, own=own))
    wait_for_outcome(context.intake, accepted.receipt)
    return back_to_list(token)
