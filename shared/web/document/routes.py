"""Serves the description below ``/-/<service>``: ``openapi.json`` and ``docs``."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, render_template

from shared.web.access import public
from shared.web.document.making import Document
from shared.web.document.operations import described, with_problem_type

STYLE = Path(__file__).parent / "static" / "document.css"


def document_blueprint(service: str, made: Callable[[], Document]) -> Blueprint:
    """The routes.

    Args:
        service: its name.
        made: gives flask-smorest's document.
    """
    blueprint = Blueprint("document", __name__, url_prefix=f"/-/{service}", template_folder="templates")

    @blueprint.get("/openapi.json")
    @public
    def openapi() -> Document:
        return with_problem_type(made())

    @blueprint.get("/docs")
    @public
    def docs() -> str:
        document = with_problem_type(made())
        return render_template("document/page.html", document=document, groups=described(document))

    @blueprint.get("/docs.css")
    @public
    def style() -> Response:
        return Response(_style(), mimetype="text/css")

    return blueprint


@cache
def _style() -> str:
    return STYLE.read_text()
