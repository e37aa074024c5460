"""The front of the local installation: the three services' applications behind one port.

A production gateway only routes, since no two services share a path; this does the same inside one process.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, render_template
from flask.typing import ResponseReturnValue

from deploy.local.installation import Content
from deploy.shape import service_for
from services.events.web import application as events
from services.notifications.web import application as notifications
from services.registration.web import application as registration
from shared.http.headers import secure_headers
from shared.http.problems import handle_problems

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application() -> WSGI:
    """The front as a WSGI application."""
    apps: dict[str, WSGI] = {
        "registration": registration().wsgi_app,
        "notifications": notifications().wsgi_app,
        "events": events().wsgi_app,
        "": _first_page().wsgi_app,
    }

    def dispatch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return apps[service_for(environ["PATH_INFO"])](environ, start_response)

    return dispatch


def _first_page() -> Flask:
    app = Flask(__name__, template_folder="templates", static_folder="static")
    secure_headers(app, https=False)
    handle_problems(app, {})

    @app.get("/")
    def start_page() -> ResponseReturnValue:
        return render_template(
            "start_page.html",
            partner_url=os.environ["TROIKA_LOCAL_PARTNER_URL"],
            console_url=os.environ["TROIKA_CONSOLE_URL"],
            inbox_url=os.environ["TROIKA_LOCAL_INBOX_URL"],
            empty=os.environ["TROIKA_LOCAL_CONTENT"] == Content.NOTHING,
        )

    @app.get("/local.css")
    def style() -> ResponseReturnValue:
        return app.send_static_file("local.css")

    return app
