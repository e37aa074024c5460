"""``python -m deploy.operations.audit [watch | rights]``: once with sums, or every five minutes with metrics."""

import sys
import time
from dataclasses import replace
from typing import Any

import click
import psycopg

from deploy.operations.audit.printing import print_audit
from deploy.operations.audit.reading import GRACE_S, open_sources
from deploy.operations.audit.readings import Head, parse_head
from deploy.operations.audit.reconcile import AuditOutcome, judge, overall
from deploy.operations.audit.settings import AuditSettings, read_settings
from deploy.operations.audit.watching import EVERY_S
from deploy.operations.audit.watching import watch as watch_until
from deploy.servers.audit_role import READABLE, written_rights
from shared.runtime.errors import SettingsError, Unavailable
from shared.runtime.logs import configure_logs
from shared.runtime.runner import run

NOT_ASKED = 2
EXIT_CODES = {
    AuditOutcome.HOLDS: 0,
    AuditOutcome.BROKEN: 1,
    AuditOutcome.NOT_ASKED: NOT_ASKED,
    AuditOutcome.NOT_YET_DECIDABLE: 3,
}

AGAIN_EVERY_S = 2.0


@click.group(invoke_without_command=True)
@click.option("--wait", "wait_s", default=0, help="Seconds to look again and again until everything is decidable.")
@click.option(
    "--grace-s", default=GRACE_S, help="Seconds after which a message must have arrived; 15 times that unseen."
)
@click.option("--head", type=parse_head, metavar="HEAD", help="Of the log of readings, as an earlier audit printed it.")
@click.pass_context
def main(context: click.Context, wait_s: int, grace_s: float, head: Head | None) -> None:
    """Compare what databases and broker hold; exit 0: holds, 1: broken, 3: not yet decidable, 2: nothing was asked or a
    database could not be read.
    """
    context.obj = {"grace_s": grace_s, "head": head or Head()}
    if context.invoked_subcommand is None:
        sys.exit(_compare_until_decided(_settings(**context.obj), wait_s))


@main.command()
@click.option("--pace", default=1, help="How many times more often than every five minutes.")
@click.pass_obj
def watch(given: dict[str, Any], pace: int) -> None:
    """Compare every five minutes, with metrics, until SIGTERM."""
    configure_logs("operations", "audit")
    settings = _settings(**given)
    rounds = {"audit": lambda stop: watch_until(settings, EVERY_S / pace, stop)}
    sys.exit(run(rounds, probes=settings.probes, ready=lambda: ()))


@main.command()
@click.argument("database", type=click.Choice(sorted(READABLE)))
def rights(database: str) -> None:
    """Print the statements that let the audit's login read a DATABASE, for an administrator to run in it."""
    print(written_rights(database))


def _settings(*, grace_s: float, head: Head) -> AuditSettings:
    try:
        return replace(read_settings(), grace_s=grace_s, head=head)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(NOT_ASKED)


def _compare_until_decided(settings: AuditSettings, wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    while True:
        is_last = time.monotonic() >= deadline
        code = _once(settings, only_decided=not is_last)
        if is_last or code != EXIT_CODES[AuditOutcome.NOT_YET_DECIDABLE]:
            return code
        time.sleep(AGAIN_EVERY_S)  # messages are still on their way; the deadline ends this


def _once(settings: AuditSettings, *, only_decided: bool) -> int:
    """Audit once and print the result, unless ``only_decided`` and something waits; return the exit code.

    If a broker is named and does not answer, the databases are audited, and the whole is undecided at best.
    """
    try:
        given, not_asked = settings.given(), ""
    except Unavailable as error:
        given, not_asked = replace(settings, broker_url="").given(), error.reason
    try:
        with open_sources(settings.urls, given, grace_s=settings.grace_s) as sources:
            judgements = judge(sources)
            outcome = overall(judgements)
            if not_asked and outcome is AuditOutcome.HOLDS:
                outcome = AuditOutcome.NOT_YET_DECIDABLE
            if not (only_decided and outcome is AuditOutcome.NOT_YET_DECIDABLE):
                print_audit(sources, judgements, outcome, settings.where, not_asked)
    except psycopg.Error as error:
        click.echo(f"Could not be read ({settings.where}): {type(error).__name__}", err=True)
        return NOT_ASKED
    return EXIT_CODES[outcome]


if __name__ == "__main__":
    main()
