"""``python -m tests.support.launching PLAN [--part NAME]… -- MODULE [ARGUMENT]…``: see the package."""

import os
import runpy
import sys
from pathlib import Path

import click

from shared.process.commands import GUNICORN_SETTINGS
from tests.support.launching.hook import install
from tests.support.launching.parts import replace

WEB = "web"


@click.command()
@click.argument("plan", type=click.Path(path_type=Path, exists=True))
@click.option("--part", "parts", multiple=True, help="Replace this part.")
@click.argument("program", nargs=-1, required=True)
def launch(plan: Path, parts: tuple[str, ...], program: tuple[str, ...]) -> None:
    """Run PROGRAM, a module and its arguments, with PLAN followed in each of its processes."""
    module, *arguments = program
    if arguments == [WEB]:
        _serve(module, plan, parts)
    install(plan)
    replace(parts)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _serve(service: str, plan: Path, parts: tuple[str, ...]) -> None:
    """Become gunicorn, whose workers follow the plan, and whose master does nothing of it."""
    application = f"tests.support.launching.serving:application({service!r}, {str(plan)!r}, {parts!r})"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN_SETTINGS), application])


if __name__ == "__main__":
    launch()
