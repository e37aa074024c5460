"""A partner's page: what to paste into their own pages, and how many came through it. Never who."""

from collections.abc import Collection
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.embed.snippets import ELEMENT, WAYS, Choice, snippet_of
from services.registration.forms import wording as form_words
from services.registration.forms.service import list_forms, list_partners
from services.registration.partners.changes import PartnerDesk
from services.registration.partners.service import PartnerView, show_partner
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.definition import parse_definition
from shared.web.access import holder, may_touch, needs, require_partner
from shared.web.console.navigation import OF_PARTNERS
from shared.web.headers import personal

DONE = {
    "added": "The partner is added. Choose next which forms its pages may show: tick the partner in each.",
    "changed": "Done.",
    "asked": "A coordinator will look at the address. Until then no page there can show a form.",
    "allowed-before": "This address is allowed already: its pages can show your forms.",
    "allowed": "Allowed: pages there can show a form within seconds.",
    "declined": "Declined. The address is no longer asked for.",
}
"""What to say after a change."""

STATUSES = ("confirmed", "waitlisted", "cancelled")
"""In the order of the table."""


def add_partners(blueprint: Blueprint, desk: PartnerDesk) -> None:
    """``/console/registrations/partners`` and ``/console/registrations/partners/<slug>``."""

    @blueprint.get("/registrations/partners")
    @needs("coordinator", "partner")
    def partners_page() -> AnyResponse:
        own = holder().partner
        if own is not None:
            return redirect(f"{OF_PARTNERS}/{own}", 303)
        partners, may_change = list_partners(desk.work, holder().forms), holder().forms is None
        shown = render_template("registrations/partners.html", partners=partners, may_change=may_change)
        return personal(make_response(shown))

    @blueprint.get("/registrations/partners/<slug>")
    @needs("coordinator", "partner")
    def partner_page(slug: str) -> Response:
        require_partner(slug)
        return partner_response(desk, slug, OriginAsked())


@dataclass(frozen=True, slots=True)
class OriginAsked:
    """What a partner has typed as another address of their site.

    Attributes:
        typed: all of it.
        site: the origin in it, which is still to be confirmed; empty if there is nothing to confirm.
        fault: why it was refused; empty if it was not.
    """

    typed: str = ""
    site: str = ""
    fault: str = ""


def partner_response(desk: PartnerDesk, slug: str, asked: OriginAsked, status: int = 200) -> Response:
    """The page of a partner, with what was ``asked`` for."""
    view = show_partner(desk.work, desk.clock, slug, may_touch)
    choice = _choice(view)
    page = render_template(
        "registrations/partner.html",
        view=view,
        statuses=STATUSES,
        form_words=form_words,
        languages=LANGUAGE_NAMES,
        ways=WAYS,
        choice=choice,
        unticked=_unticked(desk, view),
        choices=[(form.slug, form.title.in_language("en")) for form in view.forms if form.shown],
        snippet=snippet_of(choice, desk.public_url) if choice else None,
        own=holder().partner is not None,
        may_change="coordinator" in holder().roles and holder().forms is None,
        done=DONE.get(request.args.get("done", ""), ""),
        public_url=desk.public_url,
        asked=asked,
    )
    return personal(make_response(page, status))


def _unticked(desk: PartnerDesk, view: PartnerView) -> list[tuple[str, str]]:
    """Forms that the caller may change and that the partner may not show: slug and title."""
    if view.partner.slug == holder().partner:
        return []
    shown = {form.slug for form in view.forms if form.shown}
    forms = [form for form in list_forms(desk.work) if form.slug not in shown and may_touch(form.slug)]
    return [(form.slug, parse_definition(form.definition).title.in_language("en")) for form in forms]


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
