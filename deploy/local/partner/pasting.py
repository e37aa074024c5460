"""A partner's site with one page, into which its web editor pastes the lines that the console gives.

It represents the content management system of any organisation. The page keeps a strict policy, so that what is pasted
can load nothing but Troika's script and frame.
"""

from pathlib import Path

from flask import Flask, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from deploy.local.partner.policy import protect

MAX_CHARACTERS = 20_000


def make_pasted_site(troika: str, file: Path) -> Flask:
    """The site.

    Args:
        troika: public address of Troika.
        file: the file that keeps the pasted lines; it may be missing.
    """
    site = Flask(__name__)

    @site.get("/")
    def page() -> AnyResponse:
        lines = _lines(file)
        return shown("pasted.html", lines) if lines else redirect("/edit", 303)

    @site.get("/edit")
    def edit() -> Response:
        return shown("edit.html", _lines(file))

    @site.post("/edit")
    def save() -> AnyResponse:
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            abort(403)
        file.write_text(request.form.get("lines", "")[:MAX_CHARACTERS].replace("\r\n", "\n"))
        return redirect("/", 303)

    def shown(template: str, lines: str) -> Response:
        return protect(make_response(render_template(template, lines=lines)), troika)

    return site


def _lines(file: Path) -> str:
    return file.read_text() if file.exists() else ""
