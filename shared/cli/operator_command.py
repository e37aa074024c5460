"""Commands of a service's command line: each declares whether it runs while the service's database is in quarantine.

A command that writes to a restored database, or sends or publishes what it holds, makes the databases differ more
before they are compared. So a command is refused in quarantine unless its declaration states why it may run, and one
without a declaration is an error when its module is imported.
"""

from enum import Enum
from typing import Any

import click
import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.db.engine import is_outage, outage_reason, waiting_as_command
from shared.db.quarantine import QuarantineWatch
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Quarantined, Unavailable


class InQuarantine(Enum):
    """What a command does while its service's database is in quarantine."""

    REFUSED = "is refused"
    READS = "runs, since it changes nothing"
    RECOVERS = "runs, since a recovery may need it"
    WAITS = "starts a process, whose transactions wait for the end of the quarantine"


class OperatorCommand(click.Command):
    """A command with its declaration.

    Args:
        in_quarantine: what it does while the database is in quarantine.
        positional: the positional arguments of :class:`click.Command`.
        attributes: the keyword arguments of :class:`click.Command`.
    """

    def __init__(self, *positional: Any, in_quarantine: InQuarantine, **attributes: Any) -> None:
        super().__init__(*positional, **attributes)
        self.in_quarantine = in_quarantine

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a quarantine or an outage ends it with exit code 1 and one line of text."""
        if self.in_quarantine is InQuarantine.WAITS:
            return super().invoke(ctx)
        try:
            with waiting_as_command():
                return super().invoke(ctx)
        except Quarantined as error:
            raise click.ClickException(
                f"the database is in {error.reason}. Nothing more was done: make the databases agree first "
                "(`troika recover status` shows where you are), and run the command again after `troika recover end`"
            ) from None
        except Unavailable as error:
            raise click.ClickException(f"{error.reason}: run the command again later") from error
        except (SQLAlchemyError, psycopg.Error) as error:
            if not is_outage(error):
                raise
            raise click.ClickException(f"the database: {outage_reason(error)}; run the command again later") from error


class OperatorGroup(click.Group):
    """A group whose commands all have a declaration. Run without a command, it only reads."""

    command_class = OperatorCommand
    in_quarantine = InQuarantine.READS

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command or group.

        Raises:
            TypeError: it has no declaration.
        """
        if not isinstance(cmd, OperatorCommand | OperatorGroup):
            raise TypeError(f"{name or cmd.name} does not declare whether it runs in quarantine")
        super().add_command(cmd, name)


def operator_work(engine: Engine, service: str) -> UnitOfWork:
    """The unit of work of the command that runs now, on the database of ``service``.

    That of a command that is refused in quarantine opens no transaction during one, even if it begins while the
    command runs.

    Raises:
        Quarantined: the command is refused.
        Unavailable: the database does not answer; only for a command that is refused in quarantine.
    """
    command, work = click.get_current_context().command, UnitOfWork(engine, service)
    assert isinstance(command, OperatorCommand | OperatorGroup), "add_command accepts no others"
    if command.in_quarantine is not InQuarantine.REFUSED:
        return work
    require_none = QuarantineWatch(work, service).require_none
    require_none()
    return work.gated(require_none)
