"""``python -m services.registration.serving forms | own | desk``: one web process of registration, under gunicorn.

``python -m services.registration web`` is all three in one process.
"""

import os
import sys

import click

from services.registration.rights import UNITED, WEB
from services.registration.wiring import NAME, describe
from shared.process.commands import GUNICORN_SETTINGS, main


@click.group()
def serving() -> None:
    """The web processes of registration."""


def _add(process: str) -> None:
    @serving.command(process, help=f"Serve the part `{process}` over HTTP with gunicorn.")
    def serve() -> None:
        describe().settings(process)
        application = f"services.{NAME}.wsgi:application({process!r})"
        command = [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), application]
        os.execv(sys.executable, command)  # noqa: S606


for _process in UNITED[WEB]:
    _add(_process)


if __name__ == "__main__":
    main(serving)
