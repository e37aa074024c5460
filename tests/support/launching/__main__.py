"""``python -m tests.support.launching ORDERS -- MODULE [ARGUMENT]…``: see the package."""

import os
import runpy
import sys
from pathlib import Path

import click

from shared.cli.commands import GUNICORN_SETTINGS
from tests.support.launching.calls import file_beside, note_calls
from tests.support.launching.hook import install
from tests.support.launching.orders import parts_of
from tests.support.launching.parts import replace

WEB = "web"


@click.command()
@click.argument("orders", type=click.Path(path_type=Path, exists=True))
@click.argument("program", nargs=-1, required=True)
def launch(orders: Path, program: tuple[str, ...]) -> None:
    """Run PROGRAM, a module and its arguments, with ORDERS followed in each of its processes."""
    module, *arguments = program
    if arguments == [WEB]:
        _serve(module, orders)
    install(orders)
    note_calls(file_beside(orders))
    replace(parts_of(orders))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _serve(service: str, orders: Path) -> None:
    """Become gunicorn, whose workers follow the orders, and whose master does nothing of it."""
    application = f"tests.support.launching.serving:application({service!r}, {str(orders)!r})"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), application])


if __name__ == "__main__":
    launch()
