"""``python -m deploy.local.partner --port 8001 --troika http://127.0.0.1:8000 --form … --partner …``.

With ``--pasted FILE`` in place of the last two it is a site with one page, into which its editor pastes the lines.
"""

import signal
import sys
from pathlib import Path
from types import FrameType

import click
from flask import Flask, Response, make_response, render_template
from werkzeug.serving import make_server

from deploy.local.partner.pasting import make_pasted_site
from deploy.local.partner.policy import protect


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
        return protect(make_response(render_template(template, troika=troika, form=form, partner=partner)), troika)

    return site


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--troika", required=True)
@click.option("--form", default="")
@click.option("--partner", default="")
@click.option("--pasted", type=click.Path(path_type=Path, dir_okay=False))
def serve(port: int, troika: str, form: str, partner: str, pasted: Path | None) -> None:
    """Serve the partner's site on loopback until SIGTERM."""
    site = make_pasted_site(troika, pasted) if pasted else make_site(troika, form, partner)
    server = make_server("127.0.0.1", port, site, threaded=True)

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()


if __name__ == "__main__":
    serve()
