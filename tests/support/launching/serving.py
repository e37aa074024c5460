"""A service's application for gunicorn, with the plan followed and parts replaced in each worker."""

import importlib
from pathlib import Path

from flask import Flask

from tests.support.launching.hook import install
from tests.support.launching.parts import replace


def application(service: str, plan: str, parts: tuple[str, ...]) -> Flask:
    """The application of ``service``, a package with a module ``wsgi``; made after the fork."""
    install(Path(plan))
    replace(parts)
    made: Flask = importlib.import_module(f"{service}.wsgi").application()
    return made
