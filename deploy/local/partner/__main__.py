"""``python -m deploy.local.partner --port 8001 --troika http://127.0.0.1:8000 --form … --partner …``."""

import signal
import sys
from types import FrameType

import click
from flask import Flask, Response, make_response, render_template
from werkzeug.serving import make_server

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "script-src {troika}; frame-src {troika}"
)
"""The two lines a partner adds to a strict policy are the last two; the rest is their own."""


def make_site(troika: str, form: str, partner: str) -> Flask:
    """The partner's site.

    Args:
        troika: public address of Troika.
        form: slug of the form to embed.
        partner: slug under which Troika knows this partner.
    """
    site = Flask(__name__)

    @site.get("/")
    def home() -> Response:
        return page("home.html")

    @site.get("/plain-frame")
    def plain_frame() -> Response:
        return page("plain_frame.html")

    @site.get("/propose")
    def propose() -> Response:
        return page("propose.html")

    def page(template: str) -> Response:
        response = make_response(render_template(template, troika=troika, form=form, partner=partner))
        response.headers["Content-Security-Policy"] = POLICY.format(troika=troika)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return site


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--troika", required=True)
@click.option("--form", required=True)
@click.option("--partner", required=True)
def serve(port: int, troika: str, form: str, partner: str) -> None:
    """Serve the partner's site on loopback until SIGTERM."""
    server = make_server("127.0.0.1", port, make_site(troika, form, partner), threaded=True)

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()


if __name__ == "__main__":
    serve()
