"""``python -m services.registration submissions list | replay | drop | keys``: what waits and what is parked.

What it needs is imported where it is used: no worker needs it, and each of them reads this module.
"""

from datetime import UTC, datetime

import click

from shared.process.aligned import aligned
from shared.process.recovery import recovery
from shared.process.service import Service
from shared.process.settings import RECOVER

HEADINGS = ("number", "kind", "form", "received", "attempts", "reason")


def add_submission_commands(group: click.Group, service: Service) -> None:
    """Add the group of commands to the command line of ``service``."""
    submissions = click.Group("submissions", help="Submissions that wait for a decision, and those that are parked.")
    group.add_command(submissions)
    _add_reading(submissions, service)
    _add_deciding(submissions, service)
    _add_keys(submissions, service)


def _add_reading(group: click.Group, service: Service) -> None:
    @group.command("list")
    def list_them() -> None:
        """List what is parked, and say how much is undecided and since when."""
        from services.registration.intake.queue import backlog, parked_submissions

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            undecided, oldest, _ = backlog(connection)
            parked = parked_submissions(connection)
        rows = [
            (str(one.number), one.kind, one.form, _moment(one.received_at), str(one.attempts), one.reason)
            for one in parked
        ]
        if rows:
            click.echo("\n".join(aligned([HEADINGS, *rows])))
        since = f", the oldest since {_moment(oldest)}" if oldest else ""
        click.echo(f"{len(rows)} parked, {undecided} undecided{since}", err=True)


def _add_deciding(group: click.Group, service: Service) -> None:
    @group.command("replay")
    @click.argument("number", type=int, required=False)
    @click.option("--all", "every", is_flag=True, help="All that are parked.")
    def replay(number: int | None, *, every: bool) -> None:
        """Let the decider try the parked submission NUMBER again: it keeps its place and its receipt."""
        from services.registration.intake.queue import replay_parked
        from shared.store.deeds import note_deed

        if every == (number is not None):
            raise click.UsageError("name one NUMBER, or --all")
        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            numbers = replay_parked(connection, number)
            for each in numbers:
                note_deed(connection, tools.entry("submission-replayed", "submission", str(each)), tools.clock())
        click.echo(f"{len(numbers)} replayed")

    @group.command("drop")
    @click.argument("number", type=int)
    @click.option("--reason", required=True, help="Why, for the audit log; names nobody.")
    def drop(number: int, reason: str) -> None:
        """Delete the parked submission NUMBER for good, with its receipt."""
        from services.registration.intake.queue import drop_parked
        from shared.store.deeds import note_deed

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            dropped = drop_parked(connection, number)
            if dropped:
                entry = tools.entry("submission-dropped", "submission", str(number), reason=reason)
                note_deed(connection, entry, tools.clock())
        if not dropped:
            raise click.ClickException(f"no submission {number} is parked")
        click.echo("1 dropped")


def _add_keys(group: click.Group, service: Service) -> None:
    @group.command("keys")
    @click.option("--retire", is_flag=True, help="Forget the keys that are not the newest and that nothing needs.")
    def keys(*, retire: bool) -> None:
        """List the decider's published keys, and how many submissions can be opened by each alone."""
        from services.registration.intake.queue import published_keys, retire_keys
        from shared.store.deeds import note_deed

        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            for key in retire_keys(connection) if retire else ():
                note_deed(connection, tools.entry("decider-key-retired", "key", key), tools.clock())
                click.echo(f"{key}: retired; its private half may leave the decider's key file")
            for published in published_keys(connection):
                click.echo(f"{published.id}: published {_moment(published.at)}, needed by {published.needed_by}")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
