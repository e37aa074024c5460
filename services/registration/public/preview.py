"""A draft of a form as people would see it, for the coordinator who works on it."""

import re
from base64 import b64encode
from hashlib import sha256

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import BadRequest

from services.registration.embed.assets import sheet
from services.registration.embed.pages import FramePage, Look, render_frame
from services.registration.forms.drafts import DraftDesk
from services.registration.forms.service import working_group_texts
from shared.core.errors import DomainError
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.definition import parse_definition
from shared.public_forms.standard import with_working_groups
from shared.web.access import needs, require_touch
from shared.web.headers import personal

STYLE_LINK = re.compile(r'<link rel="stylesheet"[^>]*>')
PARTS_WITHOUT = re.compile(r"<script\b[^>]*></script>|<nav class=\"languages\".*?</nav>", re.DOTALL)
"""Scripts, and the choice of a language, which sends the form."""


def add_preview(blueprint: Blueprint, desk: DraftDesk) -> None:
    """``/console/registrations/form-drafts/<slug>/preview``, in each language."""

    @blueprint.get("/registrations/form-drafts/<slug>/preview")
    @needs("coordinator")
    def preview(slug: str) -> Response:
        require_touch(slug)
        language = request.args.get("lang", "en")
        if language not in LANGUAGE_NAMES:
            raise BadRequest("unknown language")
        content = desk.draft(slug).content
        own = {name: content[name] for name in ("kind", "title", "intro", "fields") if name in content}
        try:
            definition = parse_definition({"slug": slug, "version": 1, **own})
        except ValueError as fault:
            raise DomainError("form-incomplete", f"the draft cannot be shown yet: {fault}") from None
        shown = with_working_groups(definition, working_group_texts(desk.work)).first_step
        return _without_acts(render_frame(FramePage(Look(language), shown, None, "", "")), language)


def _without_acts(html: str, language: str) -> Response:
    """The page of a form that nobody can send: no script, and its style in it, which another host serves otherwise."""
    style = sheet().text
    page = PARTS_WITHOUT.sub("", STYLE_LINK.sub(lambda _: f"<style>{style}</style>", html))
    digest = b64encode(sha256(style.encode()).digest()).decode()
    response = personal(make_response(page))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'"
    )
    response.headers["Content-Language"] = language
    return response
