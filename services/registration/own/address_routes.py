"""``/r/<token>/address`` requests a change of address, ``/r/undo/<token>`` undoes one: routes and pages.

A GET changes nothing, and an undo requires a ticked box: mail scanners follow links and press buttons.
"""

# size: routes that read one link and answer with one of several pages, each from its module

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from flask import Blueprint, Response, request

from services.registration.embed.pages import PageStyle
from services.registration.embed.receipt_pages import next_reload
from services.registration.embed.strings import EventTime
from services.registration.forms.service import first_form
from services.registration.intake.form_view import FormView
from services.registration.intake.model import Result
from services.registration.own.commands import send_address_request, send_address_undo, wait_for_outcome
from services.registration.own.pages import AddressRefusal, OwnAddress, gone, own_text, render_own
from services.registration.own.service import OwnPage, show_own, show_undo
from services.registration.own.store import LinkAct, UndoableChange
from services.registration.public.context import PublicContext, event_time, page_style_of, title_of
from services.registration.public.responses import page, see_other
from services.registration.public.submissions import client_network
from services.registration.public.submitted import attempt_number, language_of, own_language
from shared.http.access import by_link
from shared.http.request_data import require_form
from shared.i18n.languages import Title
from shared.i18n.when import period
from shared.public_forms.addresses import NotAnAddress, address_key, normal_address
from shared.public_forms.fields import engine_texts
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited

AddressError = Literal["", "invalid", "long-local-part", "same-address"]
UndoState = Literal["offered", "processing", "address-restored", "registered-there", "address-full", "gone"]


@dataclass(frozen=True, slots=True)
class AddressPage:
    """The form that requests a change of address.

    Attributes:
        path: the path of this page.
        back_path: the path of the own page.
        address: the current address.
        typed: the submitted value, if it is invalid; else empty.
        error: why it is invalid.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    path: str
    back_path: str
    address: str
    typed: str = ""
    error: AddressError = ""


@dataclass(frozen=True, slots=True)
class UndoPage:
    """The page of an undo link.

    Attributes:
        state: whether the change can be undone, or the outcome of the undo.
        until: when it ends, with ``offered``.
        no_choice: a POST came without the box ticked.
        attempt: how often the page has loaded itself again.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    path: str
    state: UndoState
    until: EventTime | None = None
    no_choice: bool = False
    attempt: int = 0


def render_address(page: AddressPage) -> str:
    """Return the page that asks for another address."""
    language = page.style.language
    prefix = engine_texts().text("error.prefix", language)
    return render_own(
        "address.html", page.style, page=page, title=own_text("address.change", language), error_prefix=prefix
    )


def render_undo(page: UndoPage) -> str:
    """Return the page behind an undo link."""
    language = page.style.language
    return render_own(
        "undo.html",
        page.style,
        page=page,
        title=own_text("undo.title", language),
        reload=next_reload(language, page.attempt) if page.state == "processing" else None,
        error_prefix=engine_texts().text("error.prefix", language),
    )


def render_undo_gone(style: PageStyle) -> str:
    """The response to an undo link that is no longer valid; the same for every such link."""
    return render_own("undo_gone.html", style, title=own_text("link.gone.title", style.language))


_REFUSALS: dict[Result, AddressRefusal] = {
    Result.SAME_ADDRESS: "same-address",
    Result.ASKED_TOO_OFTEN: "asked-too-often",
}


def address_blueprint(context: PublicContext) -> Blueprint:
    """Routes about the address of a registration."""
    blueprint = Blueprint("address", __name__, url_prefix="/r")
    _add_asking(blueprint, context)
    _add_undo(blueprint, context)
    return blueprint


def own_address(token: str, shown: OwnPage) -> OwnAddress:
    """Return what the own page behind the managing link ``token`` shows of the address."""
    asked, act, person = shown.asked, shown.act, shown.own.person
    live = person.registration.status != "cancelled"
    return OwnAddress(
        email=person.email,
        change_path=f"/r/{token}/address" if live else "",
        asked=asked.email if asked is not None and live else "",
        code=asked.code if asked is not None else "",
        refused=_refused(act) if act is not None and act.kind == "change-address" else "",
    )


def _refused(act: LinkAct) -> AddressRefusal:
    return _REFUSALS.get(act.result, "") if act.result is not None else ""


def _add_asking(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/<token>/address")
    @by_link
    @limited("link")
    def ask(token: str) -> Response:
        return _asking(context, token)

    @blueprint.post("/<token>/address")
    @by_link
    @limited("intake")
    def send(token: str) -> Response:
        require_form()
        try:
            own, view = show_own(context.work, token, context.form_view, context.clock())
        except DomainError:
            return gone(context)
        typed = request.form.get("email", "").strip()
        error, email = _read(typed, own.person.email)
        if error:
            return _asking(context, token, typed, error)
        wait_for_outcome(
            context.intake, send_address_request(context.intake, view, token, email, client_network(context))
        )
        language = language_of(request.form.to_dict(), None)
        return see_other(f"/r/{token}?lang={language}&sent=1#address")


def _read(typed: str, present: str) -> tuple[AddressError, str]:
    try:
        email = normal_address(typed)
    except NotAnAddress as error:
        return ("long-local-part" if error.code == "long-local-part" else "invalid"), ""
    return ("same-address", "") if address_key(email) == address_key(present) else ("", email)


def _asking(context: PublicContext, token: str, typed: str = "", error: AddressError = "") -> Response:
    try:
        own, view = show_own(context.work, token, context.form_view, context.clock())
    except DomainError:
        return gone(context)
    if own.person.registration.status == "cancelled":
        return see_other(f"/r/{token}")
    style = page_style_of(own_language(request.values.to_dict(), own.person.registration.language), {}, None)
    shown = AddressPage(
        style=style,
        title=title_of(view.stored, view.definition, style.language),
        event_time=event_time(view.stored),
        path=request.path,
        back_path=f"/r/{token}",
        address=own.person.email,
        typed=typed[:254],
        error=error,
    )
    return page(render_address(shown), style, status=422 if error else 200)


def _add_undo(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/undo/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        return _undo_page(context, token)

    @blueprint.post("/undo/<token>")
    @by_link
    @limited("command")
    def act(token: str) -> Response:
        require_form()
        if request.form.get("undo") != "yes":
            return _undo_page(context, token, no_choice=True)
        try:
            undoable, acts = show_undo(context.work, token, context.clock())
        except DomainError:
            return _undo_gone()
        if undoable is not None and _is_open(acts):
            view = context.form_view(undoable.form)
            wait_for_outcome(context.intake, send_address_undo(context.intake, view, token))
        language = language_of(request.form.to_dict(), None)
        return see_other(f"/r/undo/{token}?lang={language}&sent=1")


def _is_open(acts: Sequence[LinkAct]) -> bool:
    """Return whether all commands that were sent by the link are decided."""
    return all(act.decided_at is not None for act in acts)


def _undo_page(context: PublicContext, token: str, *, no_choice: bool = False) -> Response:
    try:
        undoable, acts = show_undo(context.work, token, context.clock())
    except DomainError:
        return _undo_gone()
    state = _undo_state(undoable, acts)
    view = context.form_view(undoable.form if undoable is not None else _form_of(context, acts))
    style = page_style_of(own_language(request.values.to_dict(), undoable.language if undoable else "en"), {}, None)
    refused = no_choice and state not in ("processing", "address-restored", "gone")
    shown = UndoPage(
        style=style,
        title=title_of(view.stored, view.definition, style.language),
        event_time=event_time(view.stored),
        path=request.path,
        state=state,
        until=_until(undoable, view),
        no_choice=refused,
        attempt=attempt_number(),
    )
    return page(render_undo(shown), style, status=422 if refused else 200)


def _undo_state(undoable: UndoableChange | None, acts: Sequence[LinkAct]) -> UndoState:
    if not _is_open(acts):
        return "processing"
    results = [act.result for act in acts]
    if Result.ADDRESS_RESTORED in results:
        return "address-restored"
    if undoable is None:
        return "gone"
    refused = results[0] if results and ("sent" in request.args or attempt_number()) else ""
    return cast(UndoState, refused) if refused in (Result.REGISTERED_THERE, Result.ADDRESS_FULL) else "offered"


def _until(undoable: UndoableChange | None, view: FormView) -> EventTime | None:
    if undoable is None:
        return None
    return EventTime(period(undoable.expires_at, None, view.stored.time_zone or "UTC"))


def _form_of(context: PublicContext, acts: Sequence[LinkAct]) -> str:
    return acts[0].form if acts else first_form(context.work)


def _undo_gone() -> Response:
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_undo_gone(style), style, status=404)
