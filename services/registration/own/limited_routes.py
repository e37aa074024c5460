"""``/v/<token>``, the read-only page of a registration, and ``/j/<token>``, the link to its online meeting.

Mail scanners and recipients of forwarded mails or shared calendars may open both links. A GET changes nothing, and
neither page shows a name.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import BadRequest

from services.registration.embed.pages import PageStyle
from services.registration.embed.strings import EventTime
from services.registration.forms.opening import Joining, JoinState, Meeting, decide_joining
from services.registration.intake.form_view import FormView
from services.registration.own.commands import send_link_by_view, verify
from services.registration.own.pages import JoinPart, own_text, render_own
from services.registration.own.service import OwnPage, show_meeting, show_viewed
from services.registration.own.store import ViewedRegistration
from services.registration.people.model import JOIN, OWN
from services.registration.public.context import PublicContext, event_time, page_style_of, title_of
from services.registration.public.responses import page, see_other
from services.registration.public.submitted import language_of, own_language
from shared.http.access import by_link
from shared.http.headers import personal
from shared.http.request_data import require_form
from shared.i18n.languages import Title
from shared.i18n.when import period
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited

ViewStatus = Literal["confirmed", "waitlisted", "cancelled"]
EventNotice = Literal["", "cancelled", "postponed", "held"]


@dataclass(frozen=True, slots=True)
class ViewPage:
    """A registration as its read-only link shows it: without name, address, answers and position.

    Attributes:
        path: the path of this page, ``/v/<token>``.
        notice: the status of an event that is cancelled, postponed or over; ``""`` for any other.
        sent: whether the managing link was just requested.
        proposal: the status of a proposal that is not withdrawn; ``""`` for every other registration.
        form_kind: the kind of the form.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    path: str
    status: ViewStatus
    notice: EventNotice = ""
    sent: bool = False
    proposal: str = ""
    form_kind: str = ""


@dataclass(frozen=True, slots=True)
class JoinPage:
    """Whether the meeting can be joined now.

    Attributes:
        path: the path of this page, ``/j/<token>``.
        opens: the time from which it can be joined; None without a date.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    path: str
    state: JoinState
    opens: EventTime | None = None


def render_view(page: ViewPage) -> str:
    """The read-only page."""
    return render_own("view.html", page.style, "?", form_kind=page.form_kind, page=page, title=page.title)


def render_join(page: JoinPage) -> str:
    """The button that leads to the meeting, or why there is none."""
    return render_own("join.html", page.style, "?", page=page, title=page.title)


def render_joining(style: PageStyle, title: Title, address: str) -> str:
    """Return a page that opens the meeting at ``address``.

    It is not a redirect, because browsers apply ``form-action 'self'`` to redirects after a POST too.
    """
    return render_own("joining.html", style, "", title=title, address=address)


def render_limited_gone(style: PageStyle) -> str:
    """The response to a read-only or join link that is not valid; the same for every such link."""
    return render_own("limited_gone.html", style, "?", title=own_text("link.gone.title", style.language))


NOTICES = ("cancelled", "postponed", "held")
"""States of an event that the read-only page names."""

ON_OWN_PAGE: dict[JoinState, str] = {
    JoinState.OPEN: "open",
    JoinState.EARLY: "early",
    JoinState.NO_ADDRESS: "no-address",
}
"""States in which the own page has a section about joining."""


def limited_blueprint(context: PublicContext) -> Blueprint:
    """``/v/<token>`` and ``/j/<token>``."""
    blueprint = Blueprint("limited", __name__)
    _add_view(blueprint, context)
    _add_join(blueprint, context)
    return blueprint


def _add_view(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/v/<token>")
    @by_link
    @limited("link")
    def view_page(token: str) -> Response:
        try:
            viewed, form = show_viewed(context.work, token, context.form_view, context.clock())
        except DomainError:
            return _gone()
        style = page_style_of(own_language(request.args.to_dict(), viewed.language), {}, None)
        return page(render_view(_view_page(form, style.language, viewed)), style)

    @blueprint.post("/v/<token>")
    @by_link
    @limited("command")
    def ask_for_link(token: str) -> Response:
        _require_action("send-link")
        try:
            _viewed, form = show_viewed(context.work, token, context.form_view, context.clock())
        except DomainError:
            return _gone()
        send_link_by_view(context.intake, form, token)
        language = language_of(request.form.to_dict(), None)
        return see_other(f"/v/{token}?lang={language}&sent=1")


def _view_page(form: FormView, language: str, viewed: ViewedRegistration) -> ViewPage:
    stored = form.stored
    return ViewPage(
        style=page_style_of(language, {}, None),
        title=title_of(stored, form.definition, language),
        event_time=event_time(stored),
        path=request.path,
        status=cast(ViewStatus, viewed.status),
        notice=cast(EventNotice, stored.event_status if stored.event_status in NOTICES else ""),
        sent="sent" in request.args,
        proposal=viewed.proposal.status if viewed.proposal is not None and viewed.status != "cancelled" else "",
        form_kind=stored.kind,
    )


def _add_join(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.get("/j/<token>")
    @by_link
    @limited("link")
    def join_page(token: str) -> Response:
        try:
            meeting, form = show_meeting(context.work, token, context.form_view, context.clock())
        except DomainError:
            return _gone()
        joining = decide_joining(meeting, context.clock())
        if joining.state is JoinState.OPEN and meeting.verified:
            return personal(cast(Response, redirect(joining.address, 302)))
        return _join_page(meeting, form, joining)

    @blueprint.post("/j/<token>")
    @by_link
    @limited("command")
    def join(token: str) -> Response:
        _require_action("join")
        try:
            meeting, form = show_meeting(context.work, token, context.form_view, context.clock())
        except DomainError:
            return _gone()
        joining = decide_joining(meeting, context.clock())
        if joining.state is JoinState.OPEN:
            return _lead_on(context, token, JOIN, meeting, form, joining)
        return _join_page(meeting, form, joining)


def join_by_own_link(context: PublicContext, token: str) -> Response:
    """Return the response to the join button of the own page: the meeting, or the own page with the reason why not.

    Raises:
        DomainError: ``not-found``: the link opens nothing.
    """
    meeting, form = show_meeting(context.work, token, context.form_view, context.clock(), OWN)
    joining = decide_joining(meeting, context.clock())
    if joining.state is JoinState.OPEN:
        return _lead_on(context, token, OWN, meeting, form, joining)
    language = language_of(request.form.to_dict(), None)
    return see_other(f"/r/{token}?lang={language}")


def join_part(shown: OwnPage, now: datetime) -> JoinPart | None:
    """Return what the own page shows about joining at ``now``; None for nothing."""
    joining = decide_joining(shown.meeting, now)
    state = ON_OWN_PAGE.get(joining.state)
    return None if state is None else JoinPart(state, _opens(shown.form, joining))


def _lead_on(
    context: PublicContext, token: str, purpose: str, meeting: Meeting, form: FormView, joining: Joining
) -> Response:
    """Open the meeting, and verify the address: the button is behind a link that was mailed to it."""
    if not meeting.verified:
        verify(context.intake, form, token, purpose)
    style = page_style_of(own_language(request.form.to_dict(), meeting.language), {}, None)
    return page(render_joining(style, title_of(form.stored, form.definition, style.language), joining.address), style)


def _join_page(meeting: Meeting, form: FormView, joining: Joining) -> Response:
    style = page_style_of(own_language(request.values.to_dict(), meeting.language), {}, None)
    shown = JoinPage(
        style=style,
        title=title_of(form.stored, form.definition, style.language),
        event_time=event_time(form.stored),
        path=request.path,
        state=joining.state,
        opens=_opens(form, joining),
    )
    return page(render_join(shown), style)


def _opens(form: FormView, joining: Joining) -> EventTime | None:
    stored = form.stored
    return (
        EventTime(period(joining.opens_at, None, stored.time_zone or "UTC", stored.city)) if joining.opens_at else None
    )


def _require_action(action: str) -> None:
    require_form()
    if request.form.get("action") != action:
        raise BadRequest("unknown action")


def _gone() -> Response:
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_limited_gone(style), style, status=404)
