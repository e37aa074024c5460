"""``rekey``: closes what a service keeps closed by its newest key, while all its processes go on."""

import time
from collections.abc import Mapping, Sequence

import click

from shared.core.key_checks import HeldKey, KeyRule
from shared.process.operator_command import operator_work
from shared.process.settings import CommonSettings
from shared.store.checked_clock import read_database_time
from shared.store.engine import open_engine
from shared.store.key_checks import KeyChecks, retire_older
from shared.store.reclosing import ClosedRows, Reclosing
from shared.store.unit_of_work import UnitOfWork


def rekey(
    settings: CommonSettings, tables: Mapping[str, ClosedRows], keys: Sequence[bytes], checked: Sequence[HeldKey]
) -> None:
    """Close rows anew and say how many there were; exit code 1 if some open by none of the keys.

    Args:
        settings: of the process.
        tables: in the service's database, by what their rows are, for people.
        keys: newest first; the older ones still open.
        checked: keys of the process, compared first. Afterwards no data needs their older ones.
    """
    engine = open_engine(settings.database_url, application=f"troika-{settings.service}-{settings.process}")
    try:
        work = operator_work(engine, settings.service)
        require_fit(KeyChecks(work, checked, settings.service))
        for what, rows in tables.items():
            _close_anew(Reclosing(work, rows, keys, time.sleep), what)
        retire(work, checked)
    finally:
        engine.dispose()
    click.echo("All of them open by the newest key alone.")


def require_fit(checks: KeyChecks) -> None:
    """Do nothing if the keys of a command are those of the database.

    Raises:
        ClickException: one is not; it says which and what to do.
    """
    if faults := checks.faults():
        raise click.ClickException("\n".join(faults.values()))


def retire(work: UnitOfWork, checked: Sequence[HeldKey]) -> None:
    """Of the keys that close data only the newest are needed from now on."""
    with work.transaction() as connection:
        for held in checked:
            if held.kind.rule is KeyRule.DATA:
                retire_older(connection, held, read_database_time(connection))


def _close_anew(run: Reclosing, what: str) -> None:
    run.run()
    click.echo(f"{run.changed} {what} re-encrypted.")
    if run.unopened:
        raise click.ClickException(f"{len(run.unopened)} open by none of the keys, and were left as they are.")
