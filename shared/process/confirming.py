"""What ``retention confirm`` does in every service: compares the clock, says what waits, and asks."""

import sys
from collections.abc import Mapping
from datetime import datetime

import click

from shared.core.clock import system_clock
from shared.store.checked_clock import CheckedClock, read_database_time
from shared.store.unit_of_work import UnitOfWork


def checked_now(work: UnitOfWork, service: str) -> datetime:
    """The time, where it agrees with the database's.

    Raises:
        ClickException: it does not.
    """
    clock = CheckedClock(system_clock, work, service, read_database_time)
    now = clock.final_now("retention-confirm")
    if now is None:
        raise click.ClickException(clock.problem())
    return now


def confirmed_by(waiting: Mapping[str, int], form: str, *, yes: bool) -> bool:
    """Whether what waits is to go: ``yes``, or the answer of whoever is there to be asked; False if nothing waits.

    Raises:
        UsageError: nobody can be asked.
        Abort: the answer is no.
    """
    if not waiting:
        click.echo(f"{form}: nothing waits.")
        return False
    counts = ", ".join(f"{count} {step}" for step, count in waiting.items())
    click.echo(f"{form}: {counts} are due and were not announced. Look first whether a clock has jumped.")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    return yes or click.confirm("They cannot be brought back. Let them go?", abort=True)
