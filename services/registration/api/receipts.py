"""The receipt of a submission, for programs."""

from typing import Any

from flask import Response, jsonify

from services.registration.api.cross_origin import allow, preflight, with_preflight
from services.registration.api.schemas import ReceiptStateSchema
from services.registration.api.submissions import receipt_content
from services.registration.api.tools import Tools
from services.registration.usecases.look_up import every_origin
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
