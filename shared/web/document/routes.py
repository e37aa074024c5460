"""Serves the description below ``/-/<service>``: ``openapi.json`` and ``docs``."""

from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template

from shared.web.access import public
from shared.web.document.operations import described, with_problem_type

STYLE = Path(__file__).parent / "static" / "document.css"


def document_blueprint(service: str, api: Any) -> Blueprint:
    """The routes.

    Args:
        service: its name.
        api: flask-smorest's, asked at each request: routes may be added to it later.
    """
    blueprint = Blueprint("document", __name__, url_prefix=f"/-/{service}", template_folder="templates")

    @blueprint.get("/openapi.json")
    @public
    def openapi() -> dict[str, Any]:
        return with_problem_type(api.spec.to_dict())

    @blueprint.get("/docs")
    @public
    def docs() -> str:
        document = with_problem_type(api.spec.to_dict())
        return render_template("document/page.html", document=document, groups=described(document))

    @blueprint.get("/docs.css")
    @public
    def style() -> Response:
        return Response(_style(), mimetype="text/css")

    return blueprint


@cache
def _style() -> str:
    return STYLE.read_text()
