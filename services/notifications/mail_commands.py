"""``python -m services.notifications mails list | send-again``: people who were not notified, and sending again.

What it needs is imported where it is used: no worker needs it, and each of them reads this module.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from services.notifications.settings import read_settings
from shared.cli.keys import aligned
from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.recovery import operator_name
from shared.cli.settings import RECOVER

if TYPE_CHECKING:
    from services.notifications.rules.model import UndeliveredMail
    from services.notifications.tracking.service import ResendPreview
    from services.notifications.tracking.store import MailSelection
    from shared.db.unit_of_work import UnitOfWork

HEADINGS = ("mail", "given up", "state", "kind", "event", "person", "why", "sent again?")
DAY = click.DateTime(["%Y-%m-%d"])
Command = Callable[..., None]


def selecting(command: Command) -> Command:
    """Options that choose mails; a mail must fit all that are given."""
    for option in (
        click.option("--kind", default="", help="Only this kind of mail."),
        click.option("--reason", default="", help="Only mails given up for exactly this reason."),
        click.option("--until", type=DAY, help="Given up on this day (UTC) or before."),
        click.option("--since", type=DAY, help="Given up on this day (UTC) or after."),
        click.option("--id", "ids", multiple=True, type=click.UUID, help="Only this mail; may be repeated."),
    ):
        command = option(command)
    return command


@click.group(cls=OperatorGroup)
def mails() -> None:
    """Mails that failed, were missed or left unknown: list them, send them again."""


@mails.command("list", in_quarantine=InQuarantine.READS)
@selecting
def list_mails(**chosen: Any) -> None:
    """List mails that failed, were missed or left unknown, and whether they can be sent again."""
    from services.notifications.tracking.service import preview_resend
    from shared.runtime.clock import system_clock

    with _work() as work:
        preview = preview_resend(work, system_clock, _selection(**chosen))
    lines = [(mail, "yes") for mail in preview.mails] + [(mail, f"no: {why}") for mail, why in preview.left]
    rows = [_row(mail, again) for mail, again in sorted(lines, key=lambda line: line[0].ended_at)]
    for line in aligned([HEADINGS, *rows]):
        click.echo(line)
    click.echo(f"{_people(preview.people)} can be notified by sending {len(preview.mails)} of {len(rows)} mails again.")


@mails.command("send-again", in_quarantine=InQuarantine.REFUSED)
@selecting
@click.option("--everything", is_flag=True, help="All of them, if nothing else is chosen.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def send_again_command(*, everything: bool, yes: bool, **chosen: Any) -> None:
    """Send mails again, after showing how many people that reaches.

    Mails that are no longer true, not wanted or about a past event are skipped; running it twice sends nothing twice.
    """
    from services.notifications.tracking.service import ResendOrder, preview_resend, send_again
    from shared.runtime.clock import system_clock

    if not everything and not any(chosen.values()):
        raise click.UsageError("choose mails by --id, --since, --until, --reason or --kind, or say --everything")
    selection = _selection(**chosen)
    with _work() as work:
        preview = preview_resend(work, system_clock, selection)
        _show(preview)
        if not preview.mails or not _confirmed(yes=yes):
            return
        order = ResendOrder(operator_name(), selection, preview.mark)
        click.echo(f"{send_again(work, system_clock, order)} queued again.")


def _row(mail: "UndeliveredMail", again: str) -> tuple[str, ...]:
    ended, person = f"{mail.ended_at:%Y-%m-%d %H:%M}", mail.recipient[:10]
    return mail.id, ended, mail.state, mail.kind, mail.event or "-", person, mail.reason, again


def _show(preview: "ResendPreview") -> None:
    click.echo(f"{len(preview.mails)} mails to {_people(preview.people)} would be sent again.")
    for kind, number in preview.kinds.items():
        click.echo(f"  {kind}: {number}")
    for reason, number in preview.left_by_reason.items():
        click.echo(f"  not sent again because {reason}: {number}")


def _confirmed(*, yes: bool) -> bool:
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    return yes or click.confirm("Send them again?")


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _selection(
    ids: tuple[Any, ...], since: datetime | None, until: datetime | None, reason: str, kind: str
) -> "MailSelection":
    from services.notifications.tracking.store import MailSelection
    from shared.runtime.clock import lower_bound, upper_bound

    return MailSelection(
        ids=[str(mail_id) for mail_id in ids] or None,
        since=lower_bound(since and since.date()),
        until=upper_bound(until and until.date()),
        reason=reason,
        kind=kind,
    )


@contextmanager
def _work() -> "Iterator[UnitOfWork]":
    from shared.db.engine import open_engine

    engine = open_engine(read_settings(process=RECOVER).common.database_url)
    try:
        yield operator_work(engine, "notifications")
    finally:
        engine.dispose()
