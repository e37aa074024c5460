"""``python -m services.events retention``: how many proposals are kept, until when, and what is due."""

from datetime import UTC, datetime

import click

from services.events.settings import read_settings
from services.events.usecases.retain_proposals import Kept, survey
from shared.process.aligned import aligned
from shared.process.settings import OPERATOR
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork

HEADINGS = ("proposals", "what", "days", "kept", "first goes on", "due", "overdue")


@click.command()
def retention() -> None:
    """List what goes of proposals and when: answers with days of their own, and the person with everything else."""
    engine = open_engine(read_settings(process=OPERATOR).common.database_url)
    try:
        lines = [_line(kept) for kept in survey(UnitOfWork(engine, "events"), datetime.now(UTC))]
    finally:
        engine.dispose()
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


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
