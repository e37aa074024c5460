"""``python -m services.registration``: ``web forms own desk work decide relay consume tend migrate load keys …``."""

# size: the commands of every feature

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from services.registration.key_commands import keys
from services.registration.rights import DECIDE, TEND
from services.registration.settings import read_settings
from services.registration.wiring import NAME, describe
from shared.cli.commands import Loop, Worker, main, make_command_line
from shared.cli.keys import aligned
from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.recovery import checked_now, confirmed_by, operator_name, recovery
from shared.cli.settings import OPERATOR, RECOVER, Service
from shared.db.engine import open_engine
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.runner import Stop


def command_line() -> OperatorGroup:
    """All commands of the service."""
    group = make_command_line(
        describe(),
        Worker(DECIDE, "Decide submissions. Run as many as you like: one works, the others stand by.", decide),
        Worker(TEND, "Run scheduled work: promotion, retention, expiry.", tend),
    )

    @group.command(in_quarantine=InQuarantine.REFUSED)
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option("--origin", "origins", multiple=True, help="partner=https://origin, replaces the folder's.")
    @click.option("--days-later", default=0, help="Move the days in proposal forms by this many days.")
    def load(folder: Path, origins: tuple[str, ...], days_later: int) -> None:
        """Load forms and partners from FOLDER; a folder with faults changes nothing."""
        # imported here only: keys and the folder reader take 10 MB, and no worker needs them
        from services.registration.key_stores import opened_form_keys
        from services.registration.loading import load_forms
        from shared.cli.keys import require_fit
        from shared.security.keys import KeyChecks

        settings = read_settings(OPERATOR)
        engine = open_engine(settings.common.database_url)
        moved = dict(pair.split("=", 1) for pair in origins)
        try:
            work = operator_work(engine, NAME)
            require_fit(KeyChecks(work, settings.held_keys, NAME))
            with opened_form_keys(settings) as form_keys:
                forms, partners = load_forms(work, form_keys, folder, moved, days_later=days_later)
        finally:
            engine.dispose()
        click.echo(f"{forms} forms, {partners} partners")

    group.add_command(keys)
    group.add_command(retention)
    add_submission_commands(group, describe())
    return group


def decide() -> Loop:
    """Return the loop of the decider."""
    # imported here only, as below: no other process needs it
    from services.registration.workers import run_decider

    settings = read_settings(DECIDE)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        run_decider(settings, unit, clock, stop)

    return work


def tend() -> Loop:
    """Return the loop of scheduled work."""
    from services.registration.people.messages import RegistrationMessages
    from services.registration.workers import Tending

    settings = read_settings(TEND)
    messages = RegistrationMessages(settings.notifications_key, settings.events_key)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        Tending(unit, clock, messages).run(stop)

    return work


SUBMISSION_HEADINGS = ("number", "kind", "form", "received", "attempts", "reason")


def add_submission_commands(group: OperatorGroup, service: Service) -> None:
    """Add the group of commands to the command line of ``service``."""
    submissions = OperatorGroup("submissions", help="Submissions that wait for a decision, and those that are parked.")
    group.add_command(submissions)
    _add_reading(submissions, service)
    _add_deciding(submissions, service)
    _add_keys(submissions, service)


def _add_reading(group: OperatorGroup, service: Service) -> None:
    @group.command("list", in_quarantine=InQuarantine.READS)
    def list_them() -> None:
        """List parked submissions, and print how many submissions are undecided and since when."""
        from services.registration.intake.queue import backlog, parked_submissions

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            undecided, oldest, _ = backlog(connection)
            parked = parked_submissions(connection)
        rows = [
            (
                str(submission.number),
                submission.kind,
                submission.form,
                _utc_text(submission.received_at),
                str(submission.attempts),
                submission.reason,
            )
            for submission in parked
        ]
        if rows:
            click.echo("\n".join(aligned([SUBMISSION_HEADINGS, *rows])))
        since = f", the oldest since {_utc_text(oldest)}" if oldest else ""
        click.echo(f"{len(rows)} parked, {undecided} undecided{since}", err=True)


def _add_deciding(group: OperatorGroup, service: Service) -> None:
    @group.command("replay", in_quarantine=InQuarantine.REFUSED)
    @click.argument("number", type=int, required=False)
    @click.option("--all", "every", is_flag=True, help="All that are parked.")
    def replay(number: int | None, *, every: bool) -> None:
        """Have the decider try the parked submission NUMBER again; it keeps its place and its receipt."""
        from services.registration.intake.queue import replay_parked
        from shared.security.audit_log import add_audit_record

        if every == (number is not None):
            raise click.UsageError("name one NUMBER, or --all")
        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            numbers = replay_parked(connection, number)
            for submission_number in numbers:
                add_audit_record(
                    connection, tools.entry("submission-replayed", "submission", str(submission_number)), tools.clock()
                )
        click.echo(f"{len(numbers)} replayed")

    @group.command("drop", in_quarantine=InQuarantine.REFUSED)
    @click.argument("number", type=int)
    @click.option("--reason", required=True, help="Reason for the audit log; no names.")
    def drop(number: int, reason: str) -> None:
        """Permanently delete the parked submission NUMBER, with its receipt."""
        from services.registration.intake.queue import drop_parked
        from shared.security.audit_log import add_audit_record

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            dropped = drop_parked(connection, number)
            if dropped:
                entry = tools.entry("submission-dropped", "submission", str(number), reason=reason)
                add_audit_record(connection, entry, tools.clock())
        if not dropped:
            raise click.ClickException(f"no submission {number} is parked")
        click.echo("1 dropped")


def _add_keys(group: OperatorGroup, service: Service) -> None:
    @group.command("keys", in_quarantine=InQuarantine.REFUSED)
    @click.option("--retire", is_flag=True, help="Forget all keys that are not needed, except the newest.")
    def keys(*, retire: bool) -> None:
        """List the decider's published keys, and how many submissions only it can decrypt."""
        from services.registration.intake.queue import published_keys, retire_keys
        from shared.security.audit_log import add_audit_record

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            for key in retire_keys(connection) if retire else ():
                add_audit_record(connection, tools.entry("decider-key-retired", "key", key), tools.clock())
                click.echo(f"{key}: retired; remove its private half from the decider's key file")
            for published in published_keys(connection):
                click.echo(f"{published.id}: published {_utc_text(published.at)}, needed by {published.needed_by}")


def _utc_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


RETENTION_HEADINGS = ("form", "last day", "what", "goes on", "due", "overdue")


@click.group(cls=OperatorGroup, invoke_without_command=True)
@click.pass_context
def retention(context: click.Context) -> None:
    """List each form with its last day and what is deleted when: ended registrations, answers, people."""
    if context.invoked_subcommand is not None:
        return
    # imported here only: no worker needs it
    from services.registration.privacy.retention import survey

    with _database() as work:
        lines = [_line(*row) for row in survey(work, datetime.now(UTC))]
    for line in aligned([RETENTION_HEADINGS, *lines]):
        click.echo(line)


@retention.command("confirm", in_quarantine=InQuarantine.REFUSED)
@click.argument("form")
@click.option("--yes", is_flag=True, help="Do not ask.")
def confirm_retention(form: str, *, yes: bool) -> None:
    """Confirm the deletion of records of FORM that are due but were not announced a day before."""
    from services.registration.privacy.retention import confirm_unannounced, unannounced

    with _database() as work:
        now = checked_now(work, "registration")
        waiting = {step: count for (slug, step), count in unannounced(work, now).items() if slug == form}
        if confirmed_by(waiting, form, yes=yes):
            confirmed = confirm_unannounced(work, now, form, operator_name())
            click.echo(f"{form}: {_counted(confirmed)} confirmed; the process tend deletes them within an hour.")


@contextmanager
def _database() -> Iterator[UnitOfWork]:
    from shared.db.engine import open_engine

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


if __name__ == "__main__":
    main(command_line())
