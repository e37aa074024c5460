"""What the pages behind links share: their titles, why it is too late, and what a link that opens nothing says."""

from typing import cast
from urllib.parse import urlencode

from flask import Response, redirect, request

from services.registration.api.looks import look_of, page
from services.registration.api.submitted import language_of
from services.registration.api.tools import Tools
from services.registration.domain.opening import closed_reason
from services.registration.embed.link_pages import render_link_gone
from services.registration.embed.pages import embed_path
from services.registration.store.forms import PublicForm
from shared.core.errors import DomainError
from shared.forms.definition import FormDefinition
from shared.web.headers import personal

WAYS_IN = ("webinar", "attendance")


def title_of(form: PublicForm, definition: FormDefinition, language: str) -> str:
    """The event's own title where the form is the way into the event, else the form's."""
    own = definition.title.in_language(language)
    return (form.event_title or own) if form.kind in WAYS_IN else own


def gone(tools: Tools) -> Response:
    """The same for a link that never was, is mistyped, used up or has ended: nobody learns from it which.

    The form that the link names leads on, and says nothing: whoever asks has written it there.
    """
    language = language_of(request.values.to_dict(), None)
    look = look_of(language, {}, None)
    return page(render_link_gone(look, _form_named(tools, language), here()), look, status=404)


def here() -> str:
    """``?`` and the form that the link of this page names: its address in another language, without its token."""
    form = request.args.get("form", "")
    return f"?{urlencode({'form': form})}" if form else "?"


def to_erased() -> Response:
    """Leads to the page that says that somebody is erased. It is the same for everybody and behind no link."""
    language = language_of(request.form.to_dict(), None)
    return personal(cast(Response, redirect(f"/r/erased?lang={language}", 303)))


def _form_named(tools: Tools, language: str) -> str:
    slug = request.args.get("form", "")
    try:
        view = tools.form_view(slug)
    except DomainError:
        return ""
    return "" if closed_reason(view.stored.opening, tools.clock()) else embed_path(slug, {"lang": language})


def attempt_number() -> int:
    """Return how often a page that waits for a decision has loaded itself again, from its address; 0 at first."""
    text = request.args.get("again", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else 0
