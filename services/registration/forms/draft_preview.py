"""Preview of a draft: the form as people see it, in each language, without anything that sends it."""

import re
from base64 import b64encode
from hashlib import sha256

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import BadRequest

from services.registration.embed.pages import FramePage, PageStyle, render_frame, sheet
from services.registration.forms.drafts import DraftsContext
from services.registration.forms.service import working_group_texts
from services.registration.forms.standard_forms import with_working_groups
from shared.http.access import needs, require_touch
from shared.http.headers import personal
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.definition import parse_definition
from shared.runtime.errors import DomainError

STYLE_LINK = re.compile(r'<link rel="stylesheet"[^>]*>')
PARTS_WITHOUT = re.compile(r"<script\b[^>]*></script>|<nav class=\"languages\".*?</nav>", re.DOTALL)
"""Scripts, and the choice of a language, which sends the form."""


def add_preview(blueprint: Blueprint, context: DraftsContext) -> None:
    """``/console/registrations/form-drafts/<slug>/preview``, in each language."""

    @blueprint.get("/registrations/form-drafts/<slug>/preview")
    @needs("coordinator")
    def preview(slug: str) -> Response:
        require_touch(slug)
        language = request.args.get("lang", "en")
        if language not in LANGUAGE_NAMES:
            raise BadRequest("unknown language")
        content = context.draft(slug).content
        own = {name: content[name] for name in ("kind", "title", "intro", "fields") if name in content}
        try:
            definition = parse_definition({"slug": slug, "version": 1, **own})
        except ValueError as fault:
            raise DomainError("form-incomplete", f"the draft cannot be shown yet: {fault}") from None
        shown = with_working_groups(definition, working_group_texts(context.work)).first_step
        return _without_acts(render_frame(FramePage(PageStyle(language), shown, None, "", "")), language)


def _without_acts(html: str, language: str) -> Response:
    """The page of a form that no one can send: no script, and its style in it, which another host serves otherwise."""
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
