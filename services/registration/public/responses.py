"""Responses of the public routes: pages with their headers, refusals, closed forms, and redirects."""

from typing import cast

from flask import Response, make_response, redirect, request

from services.registration.embed.pages import (
    ClosedPage,
    ClosedReason,
    PageStyle,
    RefusedCause,
    RefusedPage,
    embed_path,
    render_closed,
    render_refused,
)
from services.registration.forms.service import Partner
from services.registration.intake.form_view import FormView
from services.registration.public.context import PublicContext, event_time, opens_at, page_style_of
from services.registration.public.submitted import language_of
from shared.http.headers import kept_page_policy, personal, revalidated
from shared.http.problems import retry_after_s
from shared.i18n.languages import named_language
from shared.public_forms.theme import theme_css


def busy(shown: Response) -> Response:
    """The form with what was typed, after an outage, with the time after which it can be sent again."""
    shown.headers["Retry-After"] = str(retry_after_s())
    return shown


def see_other(path: str) -> Response:
    """Lead on to ``path`` after a form was sent, so that loading the page again sends nothing (303)."""
    return personal(cast(Response, redirect(path, 303)))


def parent_origin(partner: Partner | None, claimed: str) -> str:
    """The origin that may frame the page and get its messages: the claimed one if it is the partner's, else none."""
    return claimed if partner is not None and claimed in partner.origins else ""


def page(html: str, style: PageStyle, origins: tuple[str, ...] = (), status: int = 200) -> Response:
    """A page for one person, which no cache keeps, and which may be framed by exactly ``origins``."""
    return personal(_page(html, style, origins, status))


def public_page(html: str, style: PageStyle, origins: tuple[str, ...]) -> Response:
    """The same for everyone who asks for this address: it holds neither a key nor anything of who asks."""
    response = _page(html, style, origins, 200)
    if named_language(request.args.get("lang")) is None:
        response.vary.add("Accept-Language")
    return revalidated(response)


def _page(html: str, style: PageStyle, origins: tuple[str, ...], status: int) -> Response:
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = kept_page_policy(theme_css(style.theme), origins)
    response.headers["Content-Language"] = style.language
    return response


def refused_page(cause: RefusedCause, parent: str, slug: str, partner: Partner | None = None) -> Response:
    """The page that reports to the origin ``parent`` why it shows no form. Any page may frame it: it has no data."""
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    style = page_style_of(language, request.args, partner, parent=parent)
    query = {"lang": language, "partner": partner.slug if partner else ""}
    form = "" if cause == "form-unknown" else embed_path(slug, query)
    status = 403 if cause == "origin-not-allowed" else 404
    return page(render_refused(RefusedPage(style, cause, form)), style, ("*",), status)


def closed_html(context: PublicContext, view: FormView, style: PageStyle, reason: str) -> str:
    """The page that states why there is no form."""
    title = view.definition.title.for_reader(style.language)
    query = {"partner": request.values.get("partner", ""), **style.theme.query(), "parent": style.parent}
    path = embed_path(view.stored.slug, query)
    form, known = view.stored, reason_known(reason)
    opens = opens_at(form) if known == "not-open" else None
    contacts = context.organiser, form.controller or "", form.contact or ""
    return render_closed(ClosedPage(style, title, event_time(form), known, path, opens, *contacts))


def reason_known(reason: str) -> ClosedReason:
    """``reason`` if the pages have words for it, else ``closed``."""
    known: dict[str, ClosedReason] = {
        "closed": "closed",
        "full": "full",
        "cancelled": "cancelled",
        "postponed": "postponed",
        "begun": "begun",
        "held": "held",
        "not-open": "not-open",
        "guest-list-closed": "guest-list-closed",
    }
    return known.get(reason, "closed")
