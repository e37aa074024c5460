"""What the service's pages share: their look, their policy, and when their event is."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, request

from services.registration.api.submitted import language_of
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
from services.registration.store.forms import Partner, StoredForm
from services.registration.usecases.look_up import FormView
from shared.forms.definition import FormDefinition
from shared.forms.theme import read_theme
from shared.i18n.when import period
from shared.web.headers import framed_policy, personal


def look_of(
    language: str, values: Mapping[str, Any], partner: Partner | None, *, framed: bool = False, parent: str = ""
) -> Look:
    """The look of a page, with a fresh nonce; the address's values come before the partner's.

    ``parent`` is the origin of the page around that may hear messages.
    """
    own = {name: str(value) for name, value in (partner.theme if partner else {}).items()}
    given = {name: str(values[name]) for name in ("theme", "accent", "radius", "font") if values.get(name)}
    return Look(language, secrets.token_urlsafe(16), read_theme({**own, **given}), framed or bool(parent), parent)


def event_time(form: StoredForm) -> EventTime | None:
    """When the form's event is; None for a form without an event."""
    if form.event_id is None:
        return None
    when = period(form.starts_at, form.ends_at, form.time_zone or "UTC", form.city)
    return EventTime(when, form.event_status == "tentative")


def guest_list_closes(form: StoredForm) -> EventTime | None:
    """When the guest list of the form's event closes; None if it stays open until the start."""
    closes_at = form.opening.guest_list_closes_at
    return EventTime(period(closes_at, None, form.time_zone or "UTC", form.city)) if closes_at is not None else None


def parent_origin(partner: Partner | None, claimed: str) -> str:
    """The origin that may frame the page and hear it: the claimed one if it is the partner's, else none."""
    return claimed if partner is not None and claimed in partner.origins else ""


def page(html: str, look: Look, origins: tuple[str, ...] = (), status: int = 200) -> Response:
    """A page that loads only what is ours and may be framed by exactly ``origins``."""
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = framed_policy(look.nonce, origins)
    response.headers["Content-Language"] = look.language
    return personal(response)


def refused_page(cause: RefusedCause, parent: str, slug: str, partner: Partner | None = None) -> Response:
    """The page that tells ``parent``, an origin, why it cannot show a form. Anybody may frame it: it holds nothing."""
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    look = look_of(language, request.args, partner, parent=parent)
    query = {"lang": language, "partner": partner.slug if partner else ""}
    form = "" if cause == "form-unknown" else embed_path(slug, query)
    status = 403 if cause == "origin-not-allowed" else 404
    return page(render_refused(RefusedPage(look, cause, form)), look, ("*",), status)


def closed_page(view: FormView, look: Look, reason: str, origins: tuple[str, ...], status: int) -> Response:
    """The page that says why there is no form."""
    return page(render_closed(_closed(view.definition, view.stored, look, reason)), look, origins, status)


def _closed(definition: FormDefinition, form: StoredForm, look: Look, reason: str) -> ClosedPage:
    return ClosedPage(look, definition.title.in_language(look.language), event_time(form), reason_known(reason))


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
