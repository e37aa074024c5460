"""The receipt of a submission, as a page and for programs. Whoever has it may know what became of the submission."""

from typing import Any, cast

from flask import Blueprint as PageBlueprint
from flask import Response, jsonify, request

from services.registration.api.cross_origin import allow, preflight, with_preflight
from services.registration.api.link_looks import attempt_number, title_of
from services.registration.api.looks import event_time, look_of, page
from services.registration.api.schemas import ReceiptStateSchema
from services.registration.api.submissions import receipt_content
from services.registration.api.submitted import language_of
from services.registration.api.tools import Tools
from services.registration.embed.receipt_pages import ReceiptPage, ReceiptStatus, render_receipt, render_receipt_gone
from services.registration.usecases.look_up import every_origin
from shared.core.errors import DomainError
from shared.web.access import public
from shared.web.limits import limited
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


def receipts_blueprint(tools: Tools) -> Any:
    """``/v1/receipts/{receipt}``."""
    blueprint = Blueprint("receipts", __name__, url_prefix="/v1/receipts", description="Receipts of submissions")

    @blueprint.route("/<receipt>", methods=["GET"])
    @blueprint.response(200, ReceiptStateSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @public
    @limited("link")
    @with_preflight
    def show(receipt: str) -> Response:
        """What has become of a submission; the receipt is the permission."""
        content = receipt_content(tools, receipt)
        response = jsonify(ReceiptStateSchema().dump(content))
        response.headers["Cache-Control"] = "no-store"
        return allow(response, tools.known_origins(content["form"]))

    @blueprint.route("/<receipt>", methods=["OPTIONS"])
    @blueprint.doc(summary="May another origin read this receipt?")
    @blueprint.response(204)
    @public
    def ask_to_read(receipt: str) -> Response:  # noqa: ARG001 - the path's
        return preflight(every_origin(tools.work), "GET")

    return blueprint


def receipt_pages_blueprint(tools: Tools) -> PageBlueprint:
    """``/receipts/<receipt>``."""
    blueprint = PageBlueprint("receipt_pages", __name__)

    @blueprint.get("/receipts/<receipt>")
    @public
    @limited("link")
    def receipt_page(receipt: str) -> Response:
        look = look_of(language_of(request.args.to_dict(), None), {}, None)
        try:
            content = receipt_content(tools, receipt)
            view = tools.form_view(content["form"])
        except DomainError:
            return page(render_receipt_gone(look), look, status=404)
        shown = ReceiptPage(
            look=look,
            title=title_of(view.stored, view.definition, look.language),
            event_time=event_time(view.stored),
            form_kind=view.stored.kind,
            status=cast(ReceiptStatus, content["status"]),
            code=content["code"],
            attempt=attempt_number(),
        )
        return page(render_receipt(shown), look)

    return blueprint
