"""A partner's page: what to paste into their own pages, and how many came through it. Never who."""

from collections.abc import Collection

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.embed.snippets import ELEMENT, WAYS, Choice, snippet_of
from services.registration.forms import wording as form_words
from services.registration.forms.service import list_partners
from services.registration.partners.service import PartnerView, show_partner
from shared.core.clock import Clock
from shared.i18n.languages import LANGUAGE_NAMES
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs, require_partner
from shared.web.console.frame import OF_PARTNERS
from shared.web.headers import personal

STATUSES = ("confirmed", "waitlisted", "cancelled")
"""In the order of the table."""


def add_partners(blueprint: Blueprint, work: UnitOfWork, clock: Clock, public_url: str) -> None:
    """``/console/registrations/partners`` and ``/console/registrations/partners/<slug>``; people see ``public_url``."""

    @blueprint.get("/registrations/partners")
    @needs("coordinator", "partner")
    def partners_page() -> AnyResponse:
        own = holder().partner
        if own is not None:
            return redirect(f"{OF_PARTNERS}/{own}", 303)
        partners = list_partners(work, holder().forms)
        return personal(make_response(render_template("registrations/partners.html", partners=partners)))

    @blueprint.get("/registrations/partners/<slug>")
    @needs("coordinator", "partner")
    def partner_page(slug: str) -> Response:
        require_partner(slug)
        view = show_partner(work, clock, slug, may_touch)
        choice = _choice(view)
        page = render_template(
            "registrations/partner.html",
            view=view,
            statuses=STATUSES,
            form_words=form_words,
            languages=LANGUAGE_NAMES,
            ways=WAYS,
            choice=choice,
            choices=[(form.slug, form.title.in_language("en")) for form in view.forms if form.shown],
            snippet=snippet_of(choice, public_url) if choice else None,
            own=holder().partner is not None,
            public_url=public_url,
        )
        return personal(make_response(page))


def _choice(view: PartnerView) -> Choice | None:
    """What the web editor has chosen, or the first that there is; None if the partner has no form to show."""
    shown = {form.slug: form for form in view.forms if form.shown}
    if not shown:
        return None
    form = shown[_one_of("form", shown, next(iter(shown)))]
    language = _one_of("lang", {"", *LANGUAGE_NAMES}, "")
    spoken = language or view.partner.language
    return Choice(form.definition, view.partner.slug, language, spoken, _one_of("way", WAYS, ELEMENT))


def _one_of(name: str, known: Collection[str], first: str) -> str:
    value = request.args.get(name, first)
    if value not in known:
        raise BadRequest("unknown choice")
    return value
