"""What the service's pages share: their look, their policy, and when their event is."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Response, make_response, redirect, request

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import (
    ClosedPage,
    ClosedReason,
    Look,
    RefusedCause,
    RefusedPage,
    embed_path,
    render_closed,
    render_refused,
)
from services.registration.forms.partner_store import Partner
from services.registration.forms.store import PublicForm
from services.registration.intake.form_view import FormView
from services.registration.public.submitted import language_of
from shared.i18n.content import Rendering, Text
from shared.i18n.languages import named_language
from shared.i18n.when import period
from shared.public_forms.definition import FormDefinition
from shared.public_forms.theme import read_theme, theme_css
from shared.web.entity_tags import revalidated
from shared.web.headers import kept_page_policy, personal


def look_of(
    language: str, values: Mapping[str, Any], partner: Partner | None, *, framed: bool = False, parent: str = ""
) -> Look:
    """The look of a page; the address's values come before the partner's.

    ``parent`` is the origin of the page around that may hear messages.
    """
    own = {name: str(value) for name, value in (partner.theme if partner else {}).items()}
    given = {name: str(values[name]) for name in ("theme", "accent", "radius", "font") if values.get(name)}
    return Look(language, read_theme({**own, **given}), framed or bool(parent), parent)


def see_other(path: str) -> Response:
    """Lead on to ``path`` after a form was sent, so that loading the page again sends nothing (303)."""
    return personal(cast(Response, redirect(path, 303)))


def event_time(form: PublicForm) -> EventTime | None:
    """When the form's event is; None for a form without an event."""
    if form.event_id is None:
        return None
    when = period(form.starts_at, form.ends_at, form.time_zone or "UTC", form.city)
    return EventTime(when, form.event_status == "tentative")


def guest_list_closes(form: PublicForm) -> EventTime | None:
    """When the guest list of the form's event closes; None if it stays open until the start."""
    closes_at = form.opening.guest_list_closes_at
    return EventTime(period(closes_at, None, form.time_zone or "UTC", form.city)) if closes_at is not None else None


def parent_origin(partner: Partner | None, claimed: str) -> str:
    """The origin that may frame the page and hear it: the claimed one if it is the partner's, else none."""
    return claimed if partner is not None and claimed in partner.origins else ""


def page(html: str, look: Look, origins: tuple[str, ...] = (), status: int = 200) -> Response:
    """A page for one person, which no cache keeps, and which may be framed by exactly ``origins``."""
    return personal(_page(html, look, origins, status))


def public_page(html: str, look: Look, origins: tuple[str, ...]) -> Response:
    """The same for everybody who asks for this address: it holds neither a key nor anything of who asks."""
    response = _page(html, look, origins, 200)
    if named_language(request.args.get("lang")) is None:
        response.vary.add("Accept-Language")
    return revalidated(response)


def _page(html: str, look: Look, origins: tuple[str, ...], status: int) -> Response:
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = kept_page_policy(theme_css(look.theme), origins)
    response.headers["Content-Language"] = look.language
    return response


def refused_page(cause: RefusedCause, parent: str, slug: str, partner: Partner | None = None) -> Response:
    """The page that tells ``parent``, an origin, why it cannot show a form. Anybody may frame it: it holds nothing."""
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    look = look_of(language, request.args, partner, parent=parent)
    query = {"lang": language, "partner": partner.slug if partner else ""}
    form = "" if cause == "form-unknown" else embed_path(slug, query)
    status = 403 if cause == "origin-not-allowed" else 404
    return page(render_refused(RefusedPage(look, cause, form)), look, ("*",), status)


def closed_html(view: FormView, look: Look, reason: str) -> str:
    """The page that says why there is no form."""
    title = view.definition.title.for_reader(look.language)
    query = {"partner": request.values.get("partner", ""), **look.theme.query(), "parent": look.parent}
    path = embed_path(view.stored.slug, query)
    return render_closed(ClosedPage(look, title, event_time(view.stored), reason_known(reason), path))


def reason_known(reason: str) -> ClosedReason:
    """``reason`` if the pages have words for it, else ``closed``."""
    known: dict[str, ClosedReason] = {
        "closed": "closed",
        "full": "full",
        "cancelled": "cancelled",
        "postponed": "postponed",
        "held": "held",
        "not-open": "not-open",
        "guest-list-closed": "guest-list-closed",
    }
    return known.get(reason, "closed")


def attempt_number() -> int:
    """Return how often a page that waits for a decision has loaded itself again, from its address; 0 at first."""
    text = request.args.get("again", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0


WAYS_IN = ("webinar", "attendance")


def title_of(form: PublicForm, definition: FormDefinition, language: str) -> Rendering:
    """The event's own title where the form is the way into the event, else the form's."""
    event = Text.of(form.event_texts or {})
    return (event if event and form.kind in WAYS_IN else definition.title).for_reader(language)
