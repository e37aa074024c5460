"""The application for gunicorn: ``services.notifications.wsgi:application()``, made in each worker after the fork."""

from flask import Flask

from services.notifications.settings import read_settings
from services.notifications.web import build_app
from services.notifications.wiring import NAME
from shared.cli.settings import open_web_engine
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing


def application() -> Flask:
    """The application with its own engine."""
    configure_logs(NAME, "web")
    settings = read_settings()
    start_tracing(NAME, "web", settings.common.otlp_url)
    return build_app(settings, open_web_engine(settings.common))
