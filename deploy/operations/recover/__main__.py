"""``python -m deploy.operations.recover begin | status | plan | people | apply | end``."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.reconcile import Finding, reconcile
from deploy.operations.recover.applying import RecoveryContext, apply
from deploy.operations.recover.databases import APPLIED, SERVICES, ComparedDatabases, open_databases
from deploy.operations.recover.mails import read_sent
from deploy.operations.recover.people import unwritten, write_people
from deploy.operations.recover.planning import PlanRefused, make_plan, read_plan, write_plan
from deploy.operations.recover.settings import VAULT_VARIABLE, RecoverSettings, read_settings
from deploy.operations.recover.settling import settle
from services.registration.people.messages import RegistrationMessages
from shared.cli.recovery import operator_name
from shared.db.engine import waiting_as_command
from shared.db.quarantine import begin_quarantine
from shared.runtime.clock import system_clock
from shared.runtime.errors import SettingsError, Unavailable
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Vault

REFUSED, WRONG_SETTINGS = 1, 2
SHOWN = 20

FILE = click.Path(dir_okay=False, path_type=Path)
SENT = click.option(
    "--sent-mails",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The mail relay's log, or Message-IDs, one on each line: complete since the backup.",
)


@click.group()
def main() -> None:
    """Make databases that were restored from backups agree with each other again."""


@main.command()
@click.option("--reason", required=True, help="Shown to coordinators and in the audit log.")
def begin(reason: str) -> None:
    """Put all three databases into quarantine: forms close, and no mail is sent."""
    with _opened() as (_settings, databases):
        for service in SERVICES:
            with databases.work(service).transaction() as connection:
                if begin_quarantine(connection, reason):
                    record = AuditRecord(databases.operator, "quarantine-begun", "service", service, {"reason": reason})
                    add_audit_record(connection, record, system_clock())
    click.echo("in quarantine")


@main.command()
def status() -> None:
    """Print which databases are in quarantine; exit code 1 if one is."""
    with _opened() as (_settings, databases):
        found = databases.quarantines()
    for service in SERVICES:
        click.echo(f"{service:14} {found.get(service) or 'in use'}")
    sys.exit(1 if found else 0)


@main.command()
@click.option("--out", "path", default="recovery-plan.json", show_default=True, type=FILE, help="File for the plan.")
@SENT
def plan(path: Path, sent_mails: Path | None) -> None:
    """Compare the databases and write the plan. Changes nothing."""
    with _opened() as (_settings, databases):
        made = make_plan(databases, system_clock(), _sent(sent_mails))
    write_plan(made, path)
    click.echo("\n".join(made.lines()))
    click.echo(f"\nThe plan is in {path}. Next: troika recover apply --plan {path}")


@main.command()
@click.option("--plan", "path", required=True, type=FILE)
@click.option("--out", "people", required=True, type=FILE, help="File for names and addresses.")
def people(path: Path, people: Path) -> None:
    """Write a file of the people whose registration is lost. Run it before `apply`, which erases them."""
    with _opened() as (settings, databases):
        if not settings.vault_keys:
            raise click.ClickException(f"{VAULT_VARIABLE} is needed to decrypt the recipients")
        if people.exists():
            raise click.ClickException(f"{people} may be the only list of these people by now: name another file")
        count = write_people(databases, Vault(list(settings.vault_keys)), read_plan(path).lost_people, people)
    click.echo(f"{count} people, in {people}. Delete the file when they have been written to.")


@main.command(name="apply")
@click.option("--plan", "path", required=True, type=FILE)
@click.option("--people", type=FILE, help="The file that `people` has written.")
@click.option("--without-people", is_flag=True, help="Apply without a list of the people whose registration is lost.")
@click.option("--within", "within_s", default=900.0, show_default=True, help="Seconds to wait for messages each time.")
@SENT
def apply_plan(
    path: Path, people: Path | None, within_s: float, sent_mails: Path | None, *, without_people: bool
) -> None:
    """Apply the plan. If it is interrupted, run it again."""
    with _opened() as (settings, databases):
        wanted = read_plan(path)
        if not without_people:
            _require_written(wanted.lost_people, people)
        messages = RegistrationMessages(settings.notifications_key, settings.events_key)
        wait = partial(settle, databases, within_s)
        may_erase = None if without_people else frozenset(wanted.remove)
        tools = RecoveryContext(
            databases, system_clock, messages, settings.mail_domain, wait, _sent(sent_mails), may_erase
        )
        done = apply(tools, wanted)
        click.echo(
            f"{done.taken_back} registrations were taken back, {done.erased} erased again, {done.removed} removed"
        )
        click.echo(
            f"{done.published} messages were published again, {done.mails} mails marked, in {done.passes} passes"
        )
        _print_left(_differences(settings))
    click.echo("The audit is clean. Next: troika recover end")


@main.command()
@click.option("--with-differences", "reason", help="End although the audit finds differences, for this reason.")
def end(reason: str | None) -> None:
    """End the quarantine. This requires an applied plan and a clean audit."""
    with _opened() as (settings, databases):
        quarantines = databases.quarantines()
        if not quarantines:
            raise PlanRefused("no database is in quarantine")
        if not reason:
            if not all(quarantine.plan for quarantine in quarantines.values()):
                raise PlanRefused("no plan was applied: troika recover plan")
            if not all(quarantine.plan.endswith(APPLIED) for quarantine in quarantines.values() if quarantine.plan):
                raise PlanRefused("the plan was not applied to its end, mails may go twice: troika recover apply")
            _print_left(_differences(settings))
        databases.end(system_clock(), {"differences": reason} if reason else {})
    click.echo("The quarantine has ended: forms are open, and mails are sent")
    click.echo("Nothing is deleted, expired or given up for 24 hours. Sooner, if the time is right (check `date -u`):")
    for service in SERVICES:
        click.echo(f"  troika {service} confirm-time")


@contextmanager
def _opened() -> Iterator[tuple[RecoverSettings, ComparedDatabases]]:
    """Open the settings and databases; a refusal or an unavailable database ends the program with one line of text."""
    try:
        settings = read_settings()
        with waiting_as_command(), open_databases(settings.urls, operator_name()) as databases:
            yield settings, databases
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(WRONG_SETTINGS)
    except PlanRefused as error:
        click.echo(f"Refused: {error}", err=True)
        sys.exit(REFUSED)
    except Unavailable as error:
        raise click.ClickException(f"{error.reason}; nothing more was done, run the command again") from None


def _require_written(lost: Sequence[str], people: Path | None) -> None:
    if missing := unwritten(lost, people) if people else lost:
        raise PlanRefused(
            f"{len(missing)} registrations are lost and will be erased elsewhere: run `troika recover people` with "
            "this plan first and name its file with --people, or say --without-people"
        )


def _sent(path: Path | None) -> frozenset[str] | None:
    if path is None:
        return None
    with path.open(encoding="utf-8", errors="replace") as lines:
        return read_sent(lines)


def _differences(settings: RecoverSettings) -> list[Finding]:
    """What the audit finds: no process writes, so every check has a definite result."""
    with open_sources(settings.urls, Given(), grace_s=0) as sources:
        return reconcile(sources)


def _print_left(left: list[Finding]) -> None:
    if left:
        lines = [*map(str, left[:SHOWN]), f"The audit finds {len(left)} differences; the quarantine goes on"]
        raise PlanRefused("\n".join(lines))


if __name__ == "__main__":
    main()
