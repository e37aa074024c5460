"""The application for gunicorn: ``services.registration.wsgi:application()``, made in each worker after the fork.

``application("forms")``, ``application("own")`` and ``application("desk")`` are its parts, for a process each.
"""

from flask import Flask

from services.registration.key_stores import keys_engine
from services.registration.rights import WEB
from services.registration.settings import read_settings
from services.registration.web import build_app, open_intake_engine
from services.registration.wiring import NAME
from shared.cli.settings import open_web_engine
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing


def application(process: str = WEB) -> Flask:
    """The application with its own engines.

    Args:
        process: the kind of process, see :mod:`services.registration.rights`.
    """
    configure_logs(NAME, process)
    settings = read_settings(process)
    start_tracing(NAME, process, settings.common.otlp_url)
    intake = open_intake_engine(settings.common.database_url)
    return build_app(settings, open_web_engine(settings.common), intake, keys_database=keys_engine(settings))
