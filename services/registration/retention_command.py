"""``python -m services.registration retention``: what each form keeps until when, and that what waits may go."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import click

from services.registration.settings import read_settings
from shared.process.aligned import aligned
from shared.process.confirming import checked_now, confirmed_by
from shared.process.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.process.recovery import operator_name
from shared.process.settings import RECOVER
from shared.store.unit_of_work import UnitOfWork

HEADINGS = ("form", "last day", "what", "goes on", "due", "overdue")


@click.group(cls=OperatorGroup, invoke_without_command=True)
@click.pass_context
def retention(context: click.Context) -> None:
    """List each form with its last day and what goes when: ended registrations, answers, people."""
    if context.invoked_subcommand is not None:
        return
    # here alone: no worker needs it
    from services.registration.privacy.retention import survey

    with _database() as work:
        lines = [_line(*row) for row in survey(work, datetime.now(UTC))]
    for line in aligned([HEADINGS, *lines]):
        click.echo(line)


@retention.command("confirm", in_quarantine=InQuarantine.REFUSED)
@click.argument("form")
@click.option("--yes", is_flag=True, help="Do not ask.")
def confirm_retention(form: str, *, yes: bool) -> None:
    """Let go what is due on FORM and waits, because nothing announced it a day before."""
    from services.registration.privacy.retention import confirm_unannounced, unannounced

    with _database() as work:
        now = checked_now(work, "registration")
        waiting = {step: count for (slug, step), count in unannounced(work, now).items() if slug == form}
        if confirmed_by(waiting, form, yes=yes):
            confirmed = confirm_unannounced(work, now, form, operator_name())
            click.echo(f"{form}: {_counted(confirmed)} may go; the process tend takes them within the hour.")


@contextmanager
def _database() -> Iterator[UnitOfWork]:
    from shared.store.engine import open_engine

    engine = open_engine(read_settings(RECOVER).common.database_url)
    try:
        yield operator_work(engine, "registration")
    finally:
        engine.dispose()


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {step}" for step, count in counts.items())


def _line(form: str, last_day: datetime | None, what: str, days: int, due: int, overdue: int) -> tuple[str, ...]:
    if what == "ended":
        goes = f"{days} days after it ended"
    else:
        goes = f"{last_day + timedelta(days=days):%Y-%m-%d}" if last_day else f"{days} days after"
    return form, f"{last_day:%Y-%m-%d}" if last_day else "none yet", what, goes, str(due), str(overdue)
