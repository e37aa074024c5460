"""``rekey``: closes what a service keeps closed by its newest key, while all its processes go on."""

import time
from collections.abc import Sequence

import click

from shared.process.settings import CommonSettings
from shared.store.engine import open_engine
from shared.store.reclosing import ClosedRows, Reclosing
from shared.store.unit_of_work import UnitOfWork


def rekey(settings: CommonSettings, rows: ClosedRows, keys: Sequence[bytes], what: str) -> None:
    """Close ``rows`` anew and say how many there were; exit code 1 if some open by none of the keys.

    Args:
        settings: of the process.
        rows: of a table in the service's database.
        keys: newest first; the older ones still open.
        what: the rows are, for people.
    """
    engine = open_engine(settings.database_url, application=f"troika-{settings.service}-{settings.process}")
    run = Reclosing(UnitOfWork(engine, settings.service), rows, keys, time.sleep)
    try:
        run.run()
    finally:
        engine.dispose()
    click.echo(f"{run.changed} {what} closed anew.")
    if run.unopened:
        raise click.ClickException(f"{len(run.unopened)} open by none of the keys, and were left as they are.")
    click.echo("All of them open by the newest key alone.")
