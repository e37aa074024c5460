"""The service with answers that leave when they are made, and not in steps: what a registration takes by itself."""

from flask import Flask

from services.registration import wsgi
from shared.web import app


def application() -> Flask:
    """The application."""
    vars(app)["InSteps"] = lambda inner: inner
    return wsgi.application()
