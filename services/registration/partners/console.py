"""Pages about partners: what to paste, how many came through, and how partners are added and changed."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.console_pages import OF_PARTNERS
from services.console_words import changed_since_opened, changed_since_typed
from services.registration.embed.snippets import ELEMENT, WAYS, SnippetChoice, snippet_of
from services.registration.forms import wording as form_words
from services.registration.forms.service import MAX_ORIGINS, Partner, find_partner, list_forms, list_partners
from services.registration.partners.schemas import MAX_NAME, MAX_ORIGIN
from services.registration.partners.service import PartnersContext, PartnerView, show_partner
from shared.http.access import holder, may_touch, needs, needs_all_forms, require_partner
from shared.http.headers import personal
from shared.i18n.languages import LANGUAGE_NAMES
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.definition import parse_definition
from shared.public_forms.theme import THEME_NAMES, origin, origin_of, theme_values
from shared.runtime.errors import DomainError
from shared.runtime.ids import slug_from

DONE = {
    "added": "The partner is added. Next, tick the partner in each form that its pages may show.",
    "changed": "Done.",
    "asked": "A coordinator will look at the address. Until then no page there can show a form.",
    "allowed-before": "This address is already allowed: its pages can show your forms.",
    "allowed": "Allowed: pages there can show a form within seconds.",
    "declined": "Declined. The request is removed.",
}
"""The notices to show after a change."""

STATUSES = ("confirmed", "waitlisted", "cancelled")
"""In the order of the table."""


def add_partners(blueprint: Blueprint, context: PartnersContext) -> None:
    """``/console/registrations/partners`` and ``/console/registrations/partners/<slug>``."""

    @blueprint.get("/registrations/partners")
    @needs("coordinator", "partner")
    def partners_page() -> AnyResponse:
        own = holder().partner
        if own is not None:
            return redirect(f"{OF_PARTNERS}/{own}", 303)
        partners, may_change = list_partners(context.work, holder().forms), holder().forms is None
        shown = render_template("registrations/partners.html", partners=partners, may_change=may_change)
        return personal(make_response(shown))

    @blueprint.get("/registrations/partners/<slug>")
    @needs("coordinator", "partner")
    def partner_page(slug: str) -> Response:
        require_partner(slug)
        return partner_response(context, slug, OriginAsked())


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


def partner_response(context: PartnersContext, slug: str, asked: OriginAsked, status: int = 200) -> Response:
    """The page of a partner, with what was ``asked`` for."""
    view = show_partner(context.work, context.clock, slug, may_touch)
    choice = _choice(view)
    page = render_template(
        "registrations/partner.html",
        view=view,
        statuses=STATUSES,
        form_words=form_words,
        languages=LANGUAGE_NAMES,
        ways=WAYS,
        choice=choice,
        unticked=_unticked(context, view),
        choices=[(form.slug, form.title.in_language("en")) for form in view.forms if form.shown],
        snippet=snippet_of(choice, context.public_url) if choice else None,
        own=holder().partner is not None,
        may_change="coordinator" in holder().roles and holder().forms is None,
        done=DONE.get(request.args.get("done", ""), ""),
        public_url=context.public_url,
        asked=asked,
    )
    return personal(make_response(page, status))


def _unticked(context: PartnersContext, view: PartnerView) -> list[tuple[str, str]]:
    """Forms that the caller may change and that the partner may not show: slug and title."""
    if view.partner.slug == holder().partner:
        return []
    shown = {form.slug for form in view.forms if form.shown}
    forms = [form for form in list_forms(context.work) if form.slug not in shown and may_touch(form.slug)]
    return [(form.slug, parse_definition(form.definition).title.in_language("en")) for form in forms]


def _choice(view: PartnerView) -> SnippetChoice | None:
    """What the web editor has chosen, or the first that there is; None if the partner has no form to show."""
    shown = {form.slug: form for form in view.forms if form.shown}
    if not shown:
        return None
    form = shown[_one_of("form", shown, next(iter(shown)))]
    language = _one_of("lang", {"", *LANGUAGE_NAMES}, "")
    text_language = language or view.partner.language
    return SnippetChoice(form.definition, view.partner.slug, language, text_language, _one_of("way", WAYS, ELEMENT))


def _one_of(name: str, known: Collection[str], first: str) -> str:
    value = request.args.get(name, first)
    if value not in known:
        raise BadRequest("unknown choice")
    return value


MAX_ADDRESS = 2000
"""Characters of the address of a page."""

NO_ADDRESS = "That is not the address of a site. Enter one that begins with https://, such as https://www.example.org."
TOO_MANY = "Too many addresses are already waiting for a decision. Contact a coordinator."
FIELDS = ("name", "slug", "origins", "language", *THEME_NAMES)
FIELD_TITLES = {
    "name": "Name",
    "origins": "Addresses of their sites",
    "language": "Language",
    "accent": "Colour of the button",
    "radius": "Round corners",
    "font": "Fonts",
}
ADD_PATH = "/registrations/new-partner"


@dataclass(frozen=True, slots=True)
class FilledPartner:
    """What was typed, the faults by field, and the partner that it describes; None with faults."""

    values: Mapping[str, str]
    faults: Mapping[str, str]
    wanted: Partner | None


def add_partner_changes(blueprint: Blueprint, context: PartnersContext) -> None:
    """``/console/registrations/new-partner``, and below each partner ``/edit``, ``/ask`` and ``/decide``."""
    _add_new(blueprint, context)
    _add_edit(blueprint, context)
    _add_origins(blueprint, context)


def _add_new(blueprint: Blueprint, context: PartnersContext) -> None:
    @blueprint.get(ADD_PATH)
    @needs_all_forms("coordinator")
    def new_partner() -> Response:
        return _page(None, FilledPartner(_values(None), {}, None))

    @blueprint.post(ADD_PATH)
    @needs_all_forms("coordinator")
    def add_partner() -> AnyResponse:
        filled = _read(None, request.form)
        if filled.wanted is None:
            return _page(None, filled, 422)
        try:
            context.add(filled.wanted, holder().name)
        except DomainError as refusal:
            if refusal.code != "already-exists":
                raise
            taken = {"slug": "There is already a partner with this short name."}
            return _page(None, FilledPartner(filled.values, taken, None), 409)
        return redirect(f"{OF_PARTNERS}/{filled.wanted.slug}?done=added", 303)


def _add_edit(blueprint: Blueprint, context: PartnersContext) -> None:
    @blueprint.get("/registrations/partners/<slug>/edit")
    @needs_all_forms("coordinator")
    def edit_partner(slug: str) -> Response:
        partner = _partner(context, slug)
        return _page(partner, FilledPartner(_values(partner), {}, None))

    @blueprint.post("/registrations/partners/<slug>/edit")
    @needs_all_forms("coordinator")
    def change_partner(slug: str) -> AnyResponse:
        partner = _partner(context, slug)
        filled = _read(partner, request.form)
        if request.form.get("seen") != str(partner.revision):
            return _conflict(partner, filled)
        if filled.wanted is None:
            return _page(partner, filled, 422)
        if request.form.get("go") == "back":
            return _page(partner, filled)
        gone = [origin for origin in partner.origins if origin not in filled.wanted.origins]
        if gone and request.form.get("go") != "do":
            return _page(partner, filled, gone=gone)
        try:
            return _changed(context, filled.wanted, "changed")
        except DomainError as refusal:
            if refusal.code != "edit-conflict":
                raise
            return _conflict(_partner(context, slug), filled)


def _conflict(partner: Partner, filled: FilledPartner) -> Response:
    """The page with what was typed, for the partner as it is now."""
    notice = changed_since_typed("partner", filled.values, _values(partner), FIELD_TITLES)
    return _page(partner, filled, 412, notice=notice)


def _add_origins(blueprint: Blueprint, context: PartnersContext) -> None:
    @blueprint.post("/registrations/partners/<slug>/ask")
    @needs("coordinator", "partner")
    def ask_for_origin(slug: str) -> AnyResponse:
        require_partner(slug)
        return _ask(context, slug, request.form.get("origin", "").strip()[:MAX_ADDRESS])

    @blueprint.post("/registrations/partners/<slug>/decide")
    @needs_all_forms("coordinator")
    def decide_on_origin(slug: str) -> AnyResponse:
        partner, asked = _partner(context, slug), request.form.get("origin", "")
        decision = request.form.get("go")
        if decision not in ("allow", "decline"):
            raise BadRequest("unknown decision")
        if asked not in partner.requested_origins:
            return redirect(f"{OF_PARTNERS}/{slug}#where", 303)
        rest = tuple(origin for origin in partner.requested_origins if origin != asked)
        origins = (*partner.origins, asked) if decision == "allow" else partner.origins
        decided = replace(partner, origins=origins, requested_origins=rest)
        try:
            return _changed(context, decided, "allowed" if decision == "allow" else "declined", "#where")
        except DomainError as refusal:
            if refusal.code != "edit-conflict":
                raise
            now, notice = _partner(context, slug), changed_since_opened("partner")
            return _page(now, FilledPartner(_values(now), {}, None), 412, notice=notice)


def _ask(context: PartnersContext, slug: str, typed: str) -> AnyResponse:
    """Request the origin that was typed; the origin of a page's address is shown for confirmation first."""
    try:
        wanted = origin_of(typed)
    except ValueError:
        wanted = ""
    if not wanted or len(wanted) > MAX_ORIGIN:
        return partner_response(context, slug, OriginAsked(typed, fault=NO_ADDRESS), 422)
    if wanted not in _partner(context, slug).origins and wanted != typed.rstrip("/").lower():
        return partner_response(context, slug, OriginAsked(typed, site=wanted))
    try:
        partner = context.request_origin(slug, wanted, holder().name)
    except DomainError as refusal:
        if refusal.code != "too-many-origins":
            raise
        return partner_response(context, slug, OriginAsked(typed, fault=TOO_MANY), 422)
    done = "allowed-before" if wanted in partner.origins else "asked"
    return redirect(f"{OF_PARTNERS}/{slug}?done={done}#where", 303)


def _changed(context: PartnersContext, wanted: Partner, done: str, place: str = "") -> AnyResponse:
    context.change(wanted, holder().name)
    return redirect(f"{OF_PARTNERS}/{wanted.slug}?done={done}{place}", 303)


def _partner(context: PartnersContext, slug: str) -> Partner:
    partner = find_partner(context.work, slug)
    if partner is None:
        raise DomainError("not-found", "there is no such partner")
    return partner


def _values(partner: Partner | None) -> dict[str, str]:
    if partner is None:
        return dict.fromkeys(FIELDS, "") | {"language": "en"}
    themes = {name: str(partner.theme.get(name, "")) for name in THEME_NAMES}
    lines = "\n".join(partner.origins)
    return {"name": partner.name, "slug": partner.slug, "origins": lines, "language": partner.language, **themes}


def _read(partner: Partner | None, given: Mapping[str, str]) -> FilledPartner:
    """What was typed as a partner; ``partner`` is the one that is changed, None for a new one."""
    values = {name: given.get(name, "").strip() for name in FIELDS}
    values["slug"] = values["slug"] or slug_from(values["name"])
    faults: dict[str, str] = {}
    slug = partner.slug if partner else values["slug"]
    if not values["name"] or len(values["name"]) > MAX_NAME or not values["name"].isprintable():
        faults["name"] = f"Enter a name of at most {MAX_NAME} characters."
    if len(slug) > 80 or not re.fullmatch(SLUG, slug):
        faults["slug"] = "Use lower-case letters, digits and single hyphens, at most 80."
    origins = tuple(dict.fromkeys(line.rstrip("/") for line in values["origins"].split()))
    wrong = [origin for origin in origins if not _is_origin(origin)]
    if wrong:
        faults["origins"] = f"Not an address such as https://www.example.org: {', '.join(wrong)[:MAX_ORIGIN]}"
    elif len(origins) > MAX_ORIGINS:
        faults["origins"] = f"At most {MAX_ORIGINS} addresses are possible."
    if values["language"] not in LANGUAGE_NAMES:
        faults["language"] = "Choose one of the languages."
    theme = {name: values[name] for name in THEME_NAMES if values[name]}
    for name, value in theme.items():
        if not _is_theme({name: value}):
            faults[name] = THEME_FAULTS[name]
    values["origins"] = "\n".join(origins)
    if faults:
        return FilledPartner(values, faults, None)
    described: dict[str, Any] = {
        "name": values["name"], "origins": origins, "language": values["language"], "theme": theme,
    }  # fmt: skip
    return FilledPartner(values, {}, replace(partner, **described) if partner else Partner(slug=slug, **described))


THEME_FAULTS = {
    "accent": "Enter a colour such as #0b6bcb.",
    "radius": "Enter a number of pixels, such as 8.",
    "font": "Enter names of fonts, separated by commas.",
}


def _is_origin(text: str) -> bool:
    try:
        return len(text) <= MAX_ORIGIN and bool(origin(text))
    except ValueError:
        return False


def _is_theme(values: dict[str, str]) -> bool:
    try:
        return bool(theme_values(values))
    except ValueError:
        return False


def _page(partner: Partner | None, filled: FilledPartner, status: int = 200, **more: Any) -> Response:
    page = render_template(
        "registrations/partner_edit.html", partner=partner, filled=filled, languages=LANGUAGE_NAMES, **more
    )
    return personal(make_response(page, status))
