"""The page behind a proposer's own link: see what became of the proposal, change it if it is returned, withdraw it,
take one's data along, be erased; and before all that, where it is asked, confirm one's address.

Reading it changes nothing: mail scanners follow links.
"""

from dataclasses import replace
from json import dumps
from typing import cast
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, request
from werkzeug.exceptions import BadRequest

from services.events.api.own_proposal_editing import NotEditable, OwnLink, can_edit, edit_page, in_language, send_edited
from services.events.api.proposal_looks import page_language
from services.events.domain.proposal import NEXT, ProposalStatus
from services.events.side_pages.pages import OwnPage, render_erased, render_own, render_own_gone, render_unverified
from services.events.side_pages.timetable import place_of
from services.events.usecases.confirm_address import confirm_address, find_unverified
from services.events.usecases.erase_proposal import erase_own_proposal
from services.events.usecases.own_proposal import OwnProposal, show_own_proposal, withdraw_own_proposal
from services.events.usecases.proposal_data import proposal_data
from services.events.usecases.side_tools import SideTools
from shared.core.errors import DomainError
from shared.i18n.languages import LANGUAGES, named_language
from shared.web.access import by_link, public
from shared.web.headers import personal
from shared.web.limits import limited


def own_proposal_pages(tools: SideTools) -> Blueprint:
    """``/p/<token>``."""
    blueprint = Blueprint("own_proposal", __name__, url_prefix="/p")

    @blueprint.get("/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        if request.args.get("ask") == "edit":
            return _edit(tools, token)
        return _page(tools, token, asking=request.args.get("ask", ""))

    _add_own_data(blueprint, tools)

    @blueprint.post("/<token>")
    @by_link
    @limited("link")
    def act(token: str) -> Response:
        if request.args.get("ask") == "edit":
            return _edit_in_language(tools, token)
        action = ACTIONS.get(request.form.get("action", ""))
        if action is None:
            raise BadRequest("unknown action")
        return action(tools, token)

    return blueprint


def _add_own_data(blueprint: Blueprint, tools: SideTools) -> None:
    @blueprint.get("/<token>/my-data.json")
    @by_link
    @limited("link")
    def my_data(token: str) -> Response:
        try:
            held = proposal_data(tools.work, tools.clock, tools.keys, token)
        except DomainError:
            return _other(tools, token)
        response = Response(dumps(held, ensure_ascii=False, indent=2), mimetype="application/json")
        response.headers["Content-Disposition"] = "attachment; filename=my-data.json"
        return personal(response)

    @blueprint.get("/erased")
    @public
    def erased() -> Response:
        return personal(make_response(render_erased(page_language(request.values))))


def _edit(tools: SideTools, token: str) -> Response:
    """The form with which a returned proposal is changed; the plain page where that is not possible."""
    try:
        proposal = show_own_proposal(tools.work, tools.clock, token).proposal
        return edit_page(tools, _link(token, proposal.language))
    except DomainError:
        return _other(tools, token)
    except NotEditable:
        return _page(tools, token)


def _edit_in_language(tools: SideTools, token: str) -> Response:
    try:
        return in_language(tools, replace(_link(token, ""), language=page_language(request.args)))
    except DomainError:
        return _other(tools, token)
    except NotEditable:
        return _page(tools, token, refused="own.edit.too-late")


def _send_again(tools: SideTools, token: str) -> Response:
    try:
        return send_edited(tools, _link(token, "")) or _done(token)
    except DomainError:
        return _other(tools, token)
    except NotEditable:
        return _page(tools, token, refused="own.edit.too-late")


def _withdraw(tools: SideTools, token: str) -> Response:
    try:
        withdraw_own_proposal(tools.work, tools.clock, token)
    except DomainError as refusal:
        return _other(tools, token) if refusal.code == "not-found" else _page(tools, token, refused="own.too-late")
    return _done(token)


def _erase(tools: SideTools, token: str) -> Response:
    """The page that says so is not behind the link: that opens nothing any more."""
    try:
        erase_own_proposal(tools.work, tools.clock, token)
    except DomainError:
        return _other(tools, token)
    return personal(cast(Response, redirect(f"/p/erased?lang={page_language(request.form)}", 303)))


def _confirm(tools: SideTools, token: str) -> Response:
    try:
        confirm_address(tools.work, tools.clock, tools.keys, token)
    except DomainError:
        return _gone(token)
    return _done(token)


ACTIONS = {"confirm": _confirm, "withdraw": _withdraw, "send-again": _send_again, "erase": _erase}
ASKED = ("withdraw", "erase")
"""What is asked before it is done."""


def _done(token: str) -> Response:
    return personal(cast(Response, redirect(f"{_path(token)}?lang={page_language(request.form)}", 303)))


def _page(tools: SideTools, token: str, *, asking: str = "", refused: str = "") -> Response:
    try:
        own = show_own_proposal(tools.work, tools.clock, token)
    except DomainError:
        return _other(tools, token)
    page = _own_page(own, _path(token), asking=asking, refused=refused)
    return personal(make_response(render_own(page), 409 if refused else 200))


def _own_page(own: OwnProposal, path: str, *, asking: str, refused: str) -> OwnPage:
    language = _language(own.proposal.language)
    return OwnPage(
        language=language,
        path=path,
        title=own.proposal.title,
        status=str(own.proposal.status),
        note=own.proposal.note,
        place=place_of(own.entry, language) if own.entry else None,
        can_withdraw=ProposalStatus.WITHDRAWN in NEXT[own.proposal.status],
        can_edit=can_edit(own.proposal),
        asking=asking if asking in ASKED else "",
        refused=refused,
    )


def _link(token: str, own_language: str) -> OwnLink:
    return OwnLink(token, _path(token), _language(own_language))


def _language(own: str) -> str:
    """The language asked for, else the proposal's, else the browser's."""
    asked = named_language(request.values.get("lang"))
    return own if asked is None and own in LANGUAGES else page_language(request.values)


def _path(token: str) -> str:
    return f"/p/{quote(token, safe='')}"


def _other(tools: SideTools, token: str) -> Response:
    """What a link shows that does not open its proposal: the question whose address it is, or that it opens nothing."""
    waiting = find_unverified(tools.work, tools.clock, token)
    if waiting is None:
        return _gone(token)
    return personal(make_response(render_unverified(_language(waiting.language), _path(token))))


def _gone(token: str) -> Response:
    """The same for a link that never was, is mistyped, or has ended."""
    return personal(make_response(render_own_gone(page_language(request.values), _path(token)), 404))
