"""A service's application for gunicorn, with the orders followed in each worker."""

import importlib
from pathlib import Path

from flask import Flask

from tests.support.launching.calls import file_beside, note_calls
from tests.support.launching.hook import install
from tests.support.launching.orders import parts_of
from tests.support.launching.parts import replace


def application(service: str, orders: str) -> Flask:
    """The application of ``service``, a package with a module ``web``; made after the fork."""
    install(Path(orders))
    note_calls(file_beside(Path(orders)))
    replace(parts_of(Path(orders)))
    made: Flask = importlib.import_module(f"{service}.web").application()
    return made
