"""Proposing a side event in a browser, without a script: the form, the form with its faults, the receipt.

On its own or in a partner's page: each of them may be framed by that partner's origins and by nobody else.
"""

from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import NotFound

from services.events.api.proposal_looks import framed, look_of
from services.events.api.proposal_submitted import Asked, Refused
from services.events.side_pages.pages import SCRIPTS, ProposePage, render_propose, render_received, side_sheet
from services.events.usecases.show_proposal_form import show_proposal_form
from services.events.usecases.side_tools import SideTools
from shared.core.ids import new_token
from shared.web.access import public
from shared.web.look.sheets import serve_sheet

SCRIPT_KEPT_S = 300
"""One script loads the other by a name that never changes: a mended one must arrive within minutes."""


def proposal_pages(tools: SideTools) -> Blueprint:
    """``/propose``, and what the public pages about side events load."""
    blueprint = Blueprint("propose", __name__, url_prefix="/propose")
    serve_sheet(blueprint, "/side.css", side_sheet())

    @blueprint.get("")
    @public
    def form() -> Response:
        shown = show_proposal_form(tools.work, request.args.get("partner", ""))
        look = look_of(request.args, shown.partner)
        return framed(render_propose(ProposePage(shown.definition, look, new_token())), 200, look, shown.partner)

    @blueprint.get("/<name>.js")
    @public
    def script(name: str) -> Response:
        file = SCRIPTS.get(f"{name}.js")
        if file is None:
            raise NotFound
        return send_file(file, max_age=SCRIPT_KEPT_S)

    return blueprint


def refused_page(refused: Refused) -> Response:
    """The form once more, filled with what was sent, with its faults."""
    asked, look = refused.asked, look_of(refused.asked.beside, refused.asked.partner)
    values = {**asked.answers, **refused.answers.values}
    page = ProposePage(asked.definition, look, new_token(), values, refused.answers.errors)
    return framed(render_propose(page), 422, look, asked.partner)


def busy_page(asked: Asked) -> Response:
    """The form once more, with the same key: nobody knows whether the proposal is stored."""
    look = look_of(asked.beside, asked.partner)
    page = ProposePage(asked.definition, look, asked.key or new_token(), asked.answers, notice="busy")
    response = framed(render_propose(page), 503, look, asked.partner)
    response.headers["Retry-After"] = "5"
    return response


def sent_before_page(asked: Asked) -> Response:
    """The form once more, with another key: what came with the first is stored, and this is something else."""
    look = look_of(asked.beside, asked.partner)
    page = ProposePage(asked.definition, look, new_token(), asked.answers, notice="sent-before")
    return framed(render_propose(page), 422, look, asked.partner)


def received_page(asked: Asked) -> Response:
    """The receipt; the same for everybody."""
    look = look_of(asked.beside, asked.partner)
    return framed(render_received(look), 201, look, asked.partner)
