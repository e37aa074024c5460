"""``python -m deploy.operations.audit [watch | rights]``: once with sums, or every five minutes with metrics."""

import os
import sys

import click
import psycopg

from deploy.operations.audit.printing import print_audit
from deploy.operations.audit.reading import open_sources
from deploy.operations.audit.reconcile import reconcile
from deploy.operations.audit.settings import AuditSettings, read_settings
from deploy.operations.audit.watching import watch as watch_until
from deploy.servers.audit_role import READABLE, written_rights
from shared.core.errors import SettingsError, Unavailable
from shared.core.logs import configure_logs
from shared.process.runner import run

DIFFERENCES, NOT_ASKED = 1, 2
"""Exit codes."""


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Compare what the databases hold; exit 1 on any difference, 2 if it could not be asked."""
    if context.invoked_subcommand is None:
        sys.exit(_once(_settings()))


@main.command()
def watch() -> None:
    """Compare every five minutes, with metrics, until SIGTERM."""
    configure_logs("operations", "audit")
    settings = _settings()
    sys.exit(run(lambda stop: watch_until(settings, stop), probes=settings.probes, ready=lambda: ()))


@main.command()
@click.argument("database", type=click.Choice(sorted(READABLE)))
def rights(database: str) -> None:
    """Print the statements that let the audit's login read a DATABASE, for an administrator to run in it."""
    print(written_rights(database))


def _settings() -> AuditSettings:
    try:
        return read_settings(os.environ)
    except SettingsError as error:
        click.echo("\n".join(error.problems), err=True)
        sys.exit(NOT_ASKED)


def _once(settings: AuditSettings) -> int:
    try:
        with open_sources(settings.urls, settings.given(), grace_s=settings.grace_s) as sources:
            found = reconcile(sources)
            print_audit(sources, found, settings.where)
    except (psycopg.Error, Unavailable) as error:
        click.echo(f"Could not be read ({settings.where}): {type(error).__name__}", err=True)
        return NOT_ASKED
    return DIFFERENCES if found else 0


if __name__ == "__main__":
    main()
