"""Responses that the pages behind links share: ended links, redirects, and the revision of a submitted form."""

from datetime import datetime
from urllib.parse import urlencode

from flask import Response, request

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import embed_path
from services.registration.forms.opening import closed_reason
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.managing_page import render_link_ended, render_link_gone
from services.registration.own.service import ended_by
from services.registration.own.store import OwnRegistration
from services.registration.public.context import PublicContext
from services.registration.public.responses import look_of, page, see_other, title_of
from services.registration.public.submitted import language_of
from shared.core.errors import DomainError
from shared.i18n.content import Title
from shared.i18n.when import period


def gone(context: PublicContext) -> Response:
    """Return the page for a link that is unknown, mistyped, used up or ended; it is the same for all of them.

    Its link to a form comes from the query string, which the client controls, so it reveals nothing.
    """
    language = language_of(request.values.to_dict(), None)
    look = look_of(language, {}, None)
    return page(render_link_gone(look, _form_named(context, language), here()), look, status=404)


def ended(context: PublicContext, token: str) -> Response:
    """What a managing link says by which its holder has cancelled, erased or asked for new links; else :func:`gone`."""
    act = ended_by(context.work, token)
    if act is None:
        return gone(context)
    result, slug = act
    if result is Result.ERASED:
        return to_erased()
    try:
        view = context.form_view(slug)
    except DomainError:
        return gone(context)
    look = look_of(language_of(request.values.to_dict(), None), {}, None)
    title = title_of(view.stored, view.definition, look.language)
    closed = result is not Result.CANCELLED or bool(closed_reason(view.stored.opening, context.clock()))
    again = "" if closed else embed_path(slug, {"lang": look.language})
    return page(render_link_ended(look, result, title, again, view.stored.kind), look)


def here() -> str:
    """``?`` and the form that the link of this page names: its address in another language, without its token."""
    form = request.args.get("form", "")
    return f"?{urlencode({'form': form})}" if form else "?"


def to_erased() -> Response:
    """Leads to the page that says that somebody is erased. It is the same for everybody and behind no link."""
    language = language_of(request.values.to_dict(), None)
    return see_other(f"/r/erased?lang={language}")


def _form_named(context: PublicContext, language: str) -> str:
    slug = request.args.get("form", "")
    try:
        view = context.form_view(slug)
    except DomainError:
        return ""
    return "" if closed_reason(view.stored.opening, context.clock()) else embed_path(slug, {"lang": language})


def revision_seen() -> int | None:
    """Return the revision that the submitted form was rendered from; None if it is missing or invalid."""
    text = request.form.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def own_title(own: OwnRegistration, view: FormView, language: str) -> Title:
    """Return what a registration is called on its own pages: a proposal by its own title, else the event or form."""
    proposed = own.person.answers.get("title") if own.proposal is not None else None
    return str(proposed) if proposed else title_of(view.stored, view.whole, language)


def own_instant(own: OwnRegistration, view: FormView, at: datetime | None) -> EventTime | None:
    """Return an instant in the zone of the person, else of the event; None for none."""
    return None if at is None else EventTime(period(at, None, own.person.time_zone or view.stored.time_zone or "UTC"))
