"""How the proposal form looks, and who may frame it."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, make_response, request

from services.events.domain.partner import Partner
from services.events.side_pages.look import Look
from services.events.side_pages.pages import render_refused
from shared.i18n.languages import chosen_language
from shared.public_forms.theme import read_theme
from shared.web.headers import framed_policy, origin_in, personal

THEME_NAMES = ("theme", "accent", "radius", "font")


def page_language(given: Mapping[str, Any], partner: Partner | None = None) -> str:
    """The language asked for, else the browser's, else the partner's, else English."""
    return chosen_language(given.get("lang"), request.accept_languages, partner.language if partner else None)


def look_of(given: Mapping[str, Any], partner: Partner | None) -> Look:
    """The look of the form's pages, with a fresh nonce; values that were given come before the partner's."""
    own = {name: str(value) for name, value in (partner.theme if partner else {}).items()}
    asked = {name: str(given[name]) for name in THEME_NAMES if given.get(name)}
    claimed = given.get("parent")
    return Look(
        language=page_language(given, partner),
        nonce=secrets.token_urlsafe(16),
        theme=read_theme({**own, **asked}),
        partner=partner.slug if partner else "",
        parent=str(claimed) if partner is not None and claimed in partner.origins else "",
    )


def refused_frame(given: Mapping[str, Any], partner: Partner | None) -> Response | None:
    """The page that tells a page around why it cannot show the form; None where nothing forbids it.

    Anybody may frame it: it holds nothing.
    """
    parent = origin_in(str(given.get("parent") or ""))
    if not parent or (partner is not None and parent in partner.origins):
        return None
    look = replace(look_of(given, partner), parent=parent)
    cause, status = ("origin-not-allowed", 403) if partner else ("partner-unknown", 404)
    response = personal(make_response(render_refused(look, cause), status))
    response.headers["Content-Security-Policy"] = framed_policy(look.nonce, ("*",))
    response.headers["Content-Language"] = look.language
    return response


def framed(html: str, status: int, look: Look, partner: Partner | None) -> Response:
    """A page that exactly the partner's origins may frame, and nobody else."""
    response = personal(make_response(html, status))
    response.headers["Content-Security-Policy"] = framed_policy(look.nonce, partner.origins if partner else ())
    response.headers["Content-Language"] = look.language
    return response
