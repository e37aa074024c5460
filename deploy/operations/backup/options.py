"""Options that several commands share, and how their problems are printed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg

from deploy.operations.backup.configuration import DEFAULT_FILE, ConfigurationProblem
from deploy.operations.backup.figures import DEFAULT_FOLDER
from deploy.operations.backup.form_keys import DEFAULT_FOLDER as DEFAULT_FORM_KEYS
from deploy.operations.backup.keys_archive import ArchiveProblem
from deploy.operations.backup.postgres import ServerProblem
from deploy.operations.backup.repository import RepositoryProblem

CONFIG = click.option(
    "--config",
    envvar="TROIKA_BACKUP_CONFIG",
    default=DEFAULT_FILE,
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="pgBackRest's main file.",
)
METRICS = click.option(
    "--metrics",
    envvar="TROIKA_BACKUP_METRICS",
    default=DEFAULT_FOLDER,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that node_exporter's textfile collector reads; none is written where it is missing.",
)

KEY_FILES = click.option(
    "--keys",
    default="/etc/troika/settings/prepare/keys",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the key files, master.key and so on.",
)
FORM_KEYS = click.option(
    "--form-keys",
    envvar="TROIKA_FORM_KEYS",
    show_default=f"{DEFAULT_FORM_KEYS}, unless the settings name a keys database",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the keys of forms.",
)
SETTINGS = click.option(
    "--settings",
    default="/etc/troika/settings",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of settings and keys.",
)


class When(click.ParamType[datetime]):
    """A time with its zone: ``2020-03-02T09:30:00Z``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time in UTC; a time without a zone is refused."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail("a time with its zone is required, 2020-03-02T09:30:00Z", param, ctx)
        return at.astimezone(UTC)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Convert SIGTERM and SIGHUP into SystemExit, once, so that servers are stopped and copies of data deleted."""

    def end(number: int, _frame: object) -> None:
        for signal_number in handled:
            signal.signal(signal_number, signal.SIG_IGN)  # systemd and people send a second one; the clean-up continues
        raise SystemExit(128 + number)

    handled = {signal_number: signal.signal(signal_number, end) for signal_number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signal_number, before in handled.items():
            signal.signal(signal_number, before)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Convert expected errors into exit code 1 and the reason."""
    try:
        yield
    except (ConfigurationProblem, RepositoryProblem, ServerProblem, ArchiveProblem) as error:
        raise click.ClickException(str(error)) from error
    except PermissionError as error:
        raise click.ClickException(f"a file or a folder is closed to the account of PostgreSQL: {error}") from error
    except psycopg.Error as error:
        raise click.ClickException(f"PostgreSQL refused it: {error}") from error
