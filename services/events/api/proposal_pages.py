"""Proposing a side event in a browser, without a script: the form, the form with its faults, the receipt."""

from flask import Blueprint, Response, make_response, request

from services.events.api.proposal_submitted import Asked, Refused, page_language
from services.events.side_pages.pages import ProposePage, render_propose, render_received, style
from services.events.usecases.show_proposal_form import show_proposal_form
from services.events.usecases.side_tools import SideTools
from shared.core.ids import new_token
from shared.web.access import public
from shared.web.headers import personal

STYLE_KEPT_S = 31_536_000
"""The stylesheet carries the mark of its content in its address."""


def proposal_pages(tools: SideTools) -> Blueprint:
    """``/propose`` and the stylesheet of the public pages about side events."""
    blueprint = Blueprint("propose", __name__, url_prefix="/propose")

    @blueprint.get("")
    @public
    def form() -> Response:
        definition = show_proposal_form(tools.work)
        return _page(render_propose(ProposePage(definition, page_language(request.args), new_token())), 200)

    @blueprint.get("/side.css")
    @public
    def stylesheet() -> Response:
        response = Response(style(), mimetype="text/css")
        response.cache_control.public, response.cache_control.max_age = True, STYLE_KEPT_S
        return response

    return blueprint


def refused_page(refused: Refused) -> Response:
    """The form once more, filled with what was sent, with its faults."""
    values = {**refused.asked.answers, **refused.answers.values}
    page = ProposePage(refused.asked.definition, refused.asked.language, new_token(), values, refused.answers.errors)
    return _page(render_propose(page), 422)


def busy_page(asked: Asked) -> Response:
    """The form once more, with the same key: nobody knows whether the proposal is stored."""
    page = ProposePage(asked.definition, asked.language, asked.key or new_token(), asked.answers, busy=True)
    response = _page(render_propose(page), 503)
    response.headers["Retry-After"] = "5"
    return response


def received_page(asked: Asked) -> Response:
    """The receipt; the same for everybody."""
    return _page(render_received(asked.language), 201)


def _page(html: str, status: int) -> Response:
    return personal(make_response(html, status))
