"""Proposing a side event in a browser, without a script: the form, the form with its faults, the receipt.

On its own or in a partner's page: each of them may be framed by that partner's origins and by nobody else.
"""

from dataclasses import replace

from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import NotFound

from services.events.api.proposal_challenge import challenge_path
from services.events.api.proposal_looks import framed, look_of, page_language, refused_frame
from services.events.api.proposal_submitted import Asked, Refused, following, read_asked
from services.events.side_pages.pages import SCRIPTS, ProposePage, render_propose, render_received, side_sheet
from services.events.usecases.show_proposal_form import show_proposal_form
from services.events.usecases.side_tools import SideTools
from shared.core.ids import new_token
from shared.web.access import public
from shared.web.bodies import require_form
from shared.web.limits import limited
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
        refused = refused_frame(request.args, shown.partner)
        if refused is not None:
            return refused
        look = look_of(request.args, shown.partner)
        page = ProposePage(shown.definition, look, new_token(), challenge=challenge_path(tools))
        return framed(render_propose(page), 200, look, shown.partner)

    @blueprint.post("")
    @public
    @limited("link")
    def form_in_language() -> Response:
        require_form()
        return in_language(read_asked(tools), page_language(request.args))

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
    page = ProposePage(asked.definition, look, new_token(), values, refused.answers.errors, challenge=asked.challenge)
    return framed(render_propose(page), 422, look, asked.partner)


def busy_page(asked: Asked) -> Response:
    """The form once more, with the same key: nobody knows whether the proposal is stored."""
    response = _once_more(asked, asked.key or new_token(), "busy", 503)
    response.headers["Retry-After"] = "5"
    return response


NOTICES = {"idempotency-mismatch": "sent-before", "proof-refused": "unproven"}
"""What the form says when it is shown once more, by the refusal's code."""


def notice_page(asked: Asked, notice: str) -> Response:
    """The form once more, with another key: what came with the first is stored, or nothing is."""
    return _once_more(asked, new_token(), notice, 422)


def received_page(asked: Asked, status: str) -> Response:
    """The receipt; the same for everybody."""
    look = look_of(asked.beside, asked.partner)
    return framed(render_received(look, status, str(asked.answers.get("email", ""))), 201, look, asked.partner)


def in_language(asked: Asked, language: str) -> Response:
    """The form in another language, with what was typed so far; nothing is checked, and nothing is stored."""
    look = replace(look_of(asked.beside, asked.partner), language=language)
    kept = following(asked)
    page = ProposePage(asked.definition, look, new_token(), kept, challenge=asked.challenge)
    return framed(render_propose(page), 200, look, asked.partner)


def _once_more(asked: Asked, key: str, notice: str, status: int) -> Response:
    look = look_of(asked.beside, asked.partner)
    page = ProposePage(asked.definition, look, key, asked.answers, notice=notice, challenge=asked.challenge)
    return framed(render_propose(page), status, look, asked.partner)
