"""``migrate [--to]``: what the command does; it needs Alembic, which no process loads."""

import sys

import click

from shared.core.rights import by_login
from shared.process.service import Service
from shared.process.settings import MIGRATE
from shared.store.engine import open_engine
from shared.store.migrate import MigrationRefused, migrate, migrate_to
from shared.store.session_limits import written_limits


def migrate_service(service: Service, target: str, *, yes: bool) -> None:
    """Migrate the database of ``service``, and print where its schema is.

    Args:
        service: whose.
        target: a revision; empty for the newest, with the rights of all logins.
        yes: do not ask before a rollback, which deletes what later revisions have stored.
    """
    engine = open_engine(service.settings(MIGRATE).database_url, statement_timeout_ms=0)
    try:
        if not target:
            done = migrate(engine, service.migrations, by_login(service.name, service.rights))
        else:
            _confirm(service.name, target, yes=yes)
            done = migrate_to(engine, service.migrations, target)
    except MigrationRefused as refused:
        raise click.ClickException(f"{service.name}: {refused}") from refused
    finally:
        engine.dispose()
    click.echo(f"{service.name}: schema {done.revision}")
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
