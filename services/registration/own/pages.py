"""What pages behind links share: templates, texts, the page of a managing link, ended links, and redirects.

Texts and parts that all public pages have come from ``embed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from flask import Response, request
from jinja2 import ChoiceLoader, Environment, PackageLoader

from services.registration.embed.pages import PageStyle, embed_path, make_environment, render_page
from services.registration.embed.receipt_pages import next_reload
from services.registration.embed.strings import EventTime, page_texts
from services.registration.forms.opening import closed_reason
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.service import ended_by
from services.registration.own.store import OwnRegistration
from services.registration.public.context import PublicContext, page_style_of, title_of
from services.registration.public.responses import page, see_other
from services.registration.public.submitted import language_of
from shared.calendar.entries import CalendarLinks
from shared.i18n.catalogue import Catalogue
from shared.i18n.languages import Title
from shared.i18n.when import period
from shared.runtime.errors import DomainError

TEXTS = Catalogue(Path(__file__).parent / "translations")


def own_text(key: str, language: str, **places: object) -> str:
    """Return a text of these pages, or one that all pages have. Raises as ``Catalogue.text``."""
    return (TEXTS if TEXTS.has(key) else page_texts()).text(key, language, **places)


def _isolated(text: str) -> str:
    """Return user input wrapped in Unicode isolates: its direction does not affect the text around it (UAX 9)."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"


def kind_key(key: str, form_kind: str) -> str:
    """Return the key of the text that is true for a kind of form: its own where there is one, else ``key``."""
    own = f"{key}.{form_kind}"
    return own if TEXTS.has(own) or page_texts().has(own) else key


def render_own(template: str, style: PageStyle, path: str = "?", *, form_kind: str = "", **values: Any) -> str:
    """Return a page of these templates; see :func:`render_page`. ``path`` contains no token.

    With ``form_kind`` each text is the one specific to this kind of form, where there is one.
    """

    def text_of(key: str, language: str, **places: object) -> str:
        return own_text(kind_key(key, form_kind), language, **places)

    return render_page(template, style, path, environment=_environment, text_of=text_of, **values)


@cache
def _environment() -> Environment:
    packages = ("services.registration.own", "services.registration.embed")
    made = make_environment(ChoiceLoader([PackageLoader(package) for package in packages]))
    made.globals.update(isolated=_isolated, kind_key=kind_key)
    return made


AddressRefusal = Literal["", "same-address", "asked-too-often"]


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """The address of a registration, on its own page.

    Attributes:
        email: the address to which mails go.
        change_path: the path of the page that requests a change of address; ``""`` for a cancelled registration.
        asked: the requested address that is not confirmed yet; ``""`` for none.
        code: the code of that request; both pages show it.
        refused: why the last request was refused; ``""`` if it was not.
    """

    email: str
    change_path: str
    asked: str = ""
    code: str = ""
    refused: AddressRefusal = ""


ResourceKind = Literal["recording", "slides", "brief"]
Asking = Literal["", "cancel", "erase"]
Refusal = Literal[
    "",
    "link.event-over",
    "link.edit-conflict",
    "link.offer-ended",
    "answers.name-taken",
    "answers.option-full",
    "answers.closed.title",
]
"""Key of the text that explains why a command was not done."""
Saved = Literal["", "changed", "kept"]
LinkStatus = Literal["confirmed", "waitlisted", "cancelled"]

ERASED_PATH = "/r/erased"
"""Of the page that confirms an erasure."""


@dataclass(frozen=True, slots=True)
class ResourceLink:
    """A recording, slides or a brief of the event; ``url`` begins with ``https://``, ``language`` is a BCP 47 tag."""

    kind: ResourceKind
    title: Title
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class JoinPart:
    """Joining online, on the own page.

    Attributes:
        state: ``open``, ``early`` or ``no-address``.
        opens: the time from which it is possible; None without a date.
    """

    state: str
    opens: EventTime | None = None


@dataclass(frozen=True, slots=True)
class OfferPart:
    """An offer of a seat, on the own page, valid ``until``; None once the person has declined it or let it expire."""

    until: EventTime | None


@dataclass(frozen=True, slots=True)
class ProposalPart:
    """What became of a proposal, on the own page.

    Attributes:
        status: ``submitted``, ``accepted``, ``scheduled``, ``returned`` or ``declined``.
        note: the note of the coordinators; may be empty.
        place: the room and city of the side event; empty before it has any.
    """

    status: str
    note: str = ""
    place: str = ""

    @property
    def is_suggestion(self) -> bool:
        """Whether a change of the answers is a suggestion to the coordinators, who have accepted the proposal."""
        return self.status in ("accepted", "scheduled")


@dataclass(frozen=True, slots=True)
class LinkPage:
    """The page of a person's own registration.

    Attributes:
        path: the path of this page, ``/r/<token>``.
        form_kind: the kind of the form: joining a group and asking for notice have no seat.
        position: the place on the waiting list, from 1; ``None`` unless waitlisted.
        promotion_mode: the promotion mode of the form: how people who wait get free seats.
        processing: whether a command by this link is not decided yet.
        attempt: how often the page has loaded itself again.
        refused: why the last command was not done, ``""`` if it was.
        muted: whether the person wants no mail about submissions with their address, which can be undone here.
        answers: the (label, answer) pairs in order, see ``answers_for_display``.
        has_sealed: whether there are answers that are not shown.
        saved: the outcome of a change that was just sent: ``changed``, ``kept`` as nothing was different, or ``""``.
        change_path: the path where the answers can be changed; ``""`` when it is too late, or there are none.
        change_until: the time until which that is possible; None for always.
        details_path: the path where to give what is asked for after the confirmation; ``""`` where nothing is, or it is
            too late.
        details_given: the time at which that was given; None if it is missing.
        kept_until: the day on which the registration is erased, in words; ``""`` while that is not known.
        sealed_kept_until: the day on which the sealed answers are deleted, in words; ``""`` if there are none.
        organiser: the organisation that asks.
        controller: the controller of the data.
        contact: the contact for questions about the data.
        address: the part of the page about the address; None for nothing.
        asking: the question to show: whether to cancel, or to be erased; a page that is only read. ``""`` for neither.
        can_cancel: whether the event has not begun yet.
        again_path: the path where to register again after cancelling, ``""`` when that is not possible.
        join: the part of the page about joining online; None for nothing.
        resources: the material that was published about the event.
        calendar: the links that add the event to a calendar; None if there is nothing to add.
        proposal: the outcome of a proposal for a side event; None for every other registration.
        offer: the offer of a seat to this person; None if there was none since they wait.
        keep_until: the time at which the registration ends unless they press a button; None for never.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    path: str
    status: LinkStatus
    revision: int
    form_kind: str
    position: int | None = None
    promotion_mode: str = ""
    processing: bool = False
    attempt: int = 0
    refused: Refusal = ""
    muted: bool = False
    answers: Sequence[tuple[str, str]] = ()
    has_sealed: bool = False
    saved: Saved = ""
    change_path: str = ""
    change_until: EventTime | None = None
    details_path: str = ""
    details_given: EventTime | None = None
    kept_until: str = ""
    sealed_kept_until: str = ""
    organiser: str = ""
    controller: str = ""
    contact: str = ""
    address: OwnAddress | None = None
    asking: Asking = ""
    can_cancel: bool = True
    again_path: str = ""
    join: JoinPart | None = None
    resources: Sequence[ResourceLink] = ()
    calendar: CalendarLinks | None = None
    proposal: ProposalPart | None = None
    offer: OfferPart | None = None
    keep_until: EventTime | None = None


def render_link(page: LinkPage) -> str:
    """A person's registration, or the question whether to cancel or erase it."""
    state, effect = kind_key(f"link.{page.status}", page.promotion_mode), f"link.cancel.{page.status}-effect"
    if page.status == "waitlisted" and page.offer is not None:
        state = "offer.state" if page.offer.until else "offer.passed"
    if page.proposal is not None and page.status != "cancelled":
        state = f"proposal.{page.proposal.status}"
        effect = "proposal.withdraw.scheduled-effect" if page.proposal.status == "scheduled" else effect
    here, kept = f"?{page.path.partition('?')[2]}", {"ask": page.asking}
    reload = next_reload(page.style.language, page.attempt) if page.processing else None
    return render_own(
        "link.html",
        page.style,
        here,
        form_kind=page.form_kind,
        kept=kept,
        page=page,
        title=page.title,
        state=state,
        effect=effect,
        reload=reload,
    )


def render_link_gone(style: PageStyle, again_path: str = "", path: str = "") -> str:
    """The response to a managing link that is not valid; the same for every such link.

    ``path`` is ``?`` and the query of the link; ``again_path`` is where the form is that the link names, ``""`` if it
    names none that is open.
    """
    title = page_texts().text("link.gone.title", style.language)
    return render_own("link_gone.html", style, path, title=title, again_path=again_path)


def render_link_ended(style: PageStyle, result: str, title: Title, again_path: str, form_kind: str) -> str:
    """The answer to a managing link that has ended itself: ``result`` is ``cancelled`` or ``renewed``.

    ``title`` is that of the form, ``again_path`` where to register again, ``""`` for nowhere.
    """
    return render_own("link_ended.html", style, form_kind=form_kind, title=title, result=result, again_path=again_path)


def render_erased(style: PageStyle) -> str:
    """The page that states that a person was erased; it depends on the language only."""
    return render_own("erased.html", style, ERASED_PATH, title=page_texts().text("erased.title", style.language))


def gone(context: PublicContext) -> Response:
    """Return the page for a link that is unknown, mistyped, used up or ended; it is the same for all of them.

    Its link to a form comes from the query string, which the client controls, so it reveals nothing.
    """
    language = language_of(request.values.to_dict(), None)
    style = page_style_of(language, {}, None)
    return page(render_link_gone(style, _form_named(context, language), here()), style, status=404)


def ended(context: PublicContext, token: str) -> Response:
    """Return the page of a managing link whose holder cancelled, erased or asked for new links; else :func:`gone`."""
    act = ended_by(context.work, token)
    if act is None:
        return gone(context)
    result, slug = act
    if result is Result.ERASED:
        return to_erased()
    try:
        view = context.form_view(slug)
    except DomainError:
        return gone(context)
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    title = title_of(view.stored, view.definition, style.language)
    closed = result is not Result.CANCELLED or bool(closed_reason(view.stored.opening, context.clock()))
    again = "" if closed else embed_path(slug, {"lang": style.language})
    return page(render_link_ended(style, result, title, again, view.stored.kind), style)


def here() -> str:
    """``?`` and the form that the link of this page names: its address in another language, without its token."""
    form = request.args.get("form", "")
    return f"?{urlencode({'form': form})}" if form else "?"


def to_erased() -> Response:
    """Redirect to the page that confirms an erasure. It is the same for everyone and needs no link."""
    language = language_of(request.values.to_dict(), None)
    return see_other(f"/r/erased?lang={language}")


def _form_named(context: PublicContext, language: str) -> str:
    slug = request.args.get("form", "")
    try:
        view = context.form_view(slug)
    except DomainError:
        return ""
    return "" if closed_reason(view.stored.opening, context.clock()) else embed_path(slug, {"lang": language})


def revision_seen() -> int | None:
    """Return the revision that the submitted form was rendered from; None if it is missing or invalid."""
    text = request.form.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def own_title(own: OwnRegistration, view: FormView, language: str) -> Title:
    """Return what a registration is called on its own pages: a proposal by its own title, else the event or form."""
    proposed = own.person.answers.get("title") if own.proposal is not None else None
    return str(proposed) if proposed else title_of(view.stored, view.whole, language)


def own_instant(own: OwnRegistration, view: FormView, at: datetime | None) -> EventTime | None:
    """Return an instant in the zone of the person, else of the event; None for none."""
    return None if at is None else EventTime(period(at, None, own.person.time_zone or view.stored.time_zone or "UTC"))
