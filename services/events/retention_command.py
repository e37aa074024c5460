"""``python -m services.events retention``: how many proposals are kept until when, and that what waits may go."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from services.events.settings import read_settings
from services.events.usecases.retain_proposals import Kept, confirm_unannounced, survey, unannounced
from shared.process.aligned import aligned
from shared.process.confirming import checked_now, confirmed_by
from shared.process.recovery import operator_name
from shared.process.settings import RECOVER
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork

HEADINGS = ("proposals", "what", "days", "kept", "first goes on", "due", "overdue")


@click.group(invoke_without_command=True)
@click.pass_context
def retention(context: click.Context) -> None:
    """List what goes of proposals and when: answers with days of their own, and the person with everything else."""
    if context.invoked_subcommand is not None:
        return
    with _database() as work:
        lines = [_line(kept) for kept in survey(work, datetime.now(UTC))]
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


@retention.command("confirm")
@click.option("--yes", is_flag=True, help="Do not ask.")
def confirm_retention(*, yes: bool) -> None:
    """Let go the proposals that are due and wait, because nothing announced it a day before."""
    with _database() as work:
        now = checked_now(work, "events")
        if confirmed_by(unannounced(work, now), "proposals", yes=yes):
            confirmed = confirm_unannounced(work, now, operator_name())
            counts = ", ".join(f"{count} {step}" for step, count in confirmed.items())
            click.echo(f"{counts} may go; the relay takes them within the hour.")


@contextmanager
def _database() -> Iterator[UnitOfWork]:
    engine = open_engine(read_settings(process=RECOVER).common.database_url)
    try:
        yield UnitOfWork(engine, "events")
    finally:
        engine.dispose()


def _line(kept: Kept) -> tuple[str, ...]:
    step = kept.step
    numbers = map(str, (kept.due, kept.overdue))
    first = f"{kept.first_at:%Y-%m-%d}" if kept.first_at else "none yet"
    return (
        ", ".join(step.statuses),
        ", ".join(step.names) or "person",
        str(step.days),
        str(kept.number),
        first,
        *numbers,
    )
