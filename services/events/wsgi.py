"""The application for gunicorn: ``services.events.wsgi:application()``, made in each worker after the fork."""

from flask import Flask

from services.events.settings import read_settings
from services.events.web import build_app
from services.events.wiring import NAME
from shared.cli.settings import open_web_engine
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing


def application() -> Flask:
    """The application on its own engine."""
    configure_logs(NAME, "web")
    settings = read_settings()
    start_tracing(NAME, "web", settings.common.otlp_url)
    return build_app(settings, open_web_engine(settings.common))
