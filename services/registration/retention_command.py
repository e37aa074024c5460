"""``python -m services.registration retention``: what each form keeps, until when, and what is due."""

from datetime import UTC, datetime, timedelta

import click

from services.registration.settings import read_settings
from shared.process.aligned import aligned
from shared.process.settings import OPERATOR

HEADINGS = ("form", "last day", "what", "goes on", "due", "overdue")


@click.command()
def retention() -> None:
    """List each form with its last day and what goes when: sealed answers, answers with days of their own, people."""
    # here alone: no worker needs it
    from services.registration.usecases.retain import survey
    from shared.store.engine import open_engine
    from shared.store.unit_of_work import UnitOfWork

    engine = open_engine(read_settings(OPERATOR).common.database_url)
    try:
        lines = [_line(*row) for row in survey(UnitOfWork(engine, "registration"), datetime.now(UTC))]
    finally:
        engine.dispose()
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


def _line(form: str, last_day: datetime | None, what: str, days: int, due: int, overdue: int) -> tuple[str, ...]:
    goes = f"{last_day + timedelta(days=days):%Y-%m-%d}" if last_day else f"{days} days after"
    return form, f"{last_day:%Y-%m-%d}" if last_day else "none yet", what, goes, str(due), str(overdue)
