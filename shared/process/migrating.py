"""``migrate [--to]``: what the command does; it needs Alembic, which no process loads."""

import sys

import click

from shared.core.rights import by_login
from shared.process.service import Service, SideDatabase
from shared.process.settings import MIGRATE
from shared.store.engine import open_engine
from shared.store.session_limits import written_limits


def migrate_service(service: Service, target: str, *, yes: bool) -> None:
    """Migrate the databases of ``service``, and print where their schemas are.

    Args:
        service: whose.
        target: a revision of the service's own database; empty for the newest of each, with the rights of all logins.
        yes: do not ask before a rollback, which deletes what later revisions have stored.
    """
    own = SideDatabase(service.name, service.settings(MIGRATE).database_url, service.migrations, service.rights)
    if target:
        _confirm(service.name, target, yes=yes)
        _migrate(own, target)
        return
    for each in (own, *service.side_databases()):
        _migrate(each, "")


def _migrate(database: SideDatabase, target: str) -> None:
    from shared.store.migrate import MigrationRefused, migrate, migrate_to  # needs Alembic, which no worker loads

    engine = open_engine(database.url, statement_timeout_ms=0)
    try:
        if target:
            done = migrate_to(engine, database.migrations, target)
        else:
            done = migrate(engine, database.migrations, by_login(database.name, database.rights))
    except MigrationRefused as refused:
        raise click.ClickException(f"{database.name}: {refused}") from refused
    finally:
        engine.dispose()
    click.echo(f"{database.name}: schema {done.revision}")
    if done.missing:
        click.echo(f"No such login on the server, so no rights given to it: {', '.join(done.missing)}", err=True)
    if done.unlimited:
        statements = "\n".join(line for name in done.unlimited for line in written_limits(name))
        click.echo(f"Sessions without limits; as an administrator of PostgreSQL run:\n{statements}", err=True)


def _confirm(service: str, target: str, *, yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    if not yes:
        click.confirm(f"What later revisions of {service} have stored is deleted. Go back to {target}?", abort=True)
