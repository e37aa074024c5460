"""The application for gunicorn: ``services.registration.wsgi:application()``, made in each worker after the fork."""

from flask import Flask

from services.registration.settings import read_settings
from services.registration.web import build_app, open_intake_engine
from services.registration.wiring import NAME
from shared.core.logs import configure_logs
from shared.process.web_engine import open_web_engine


def application() -> Flask:
    """The application on engines of its own."""
    configure_logs(NAME, "web")
    settings = read_settings()
    intake = open_intake_engine(settings.common.database_url)
    return build_app(settings, open_web_engine(settings.common), intake)
