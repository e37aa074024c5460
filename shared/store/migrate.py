"""Brings a database to the newest schema: Alembic without an ini file, one run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATION_LOCK = 7240001


def migrate(engine: Engine, folder: Path) -> str:
    """Apply what is missing; returns the revision reached.

    Args:
        engine: its role must own the schema.
        folder: the service's ``migrations`` folder with ``versions`` below it.
    """
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    head = scripts.get_current_head() or ""
    with engine.begin() as connection, _alone(connection):
        context = MigrationContext.configure(
            connection, opts={"fn": lambda rev, _ctx: scripts._upgrade_revs(head, rev)}
        )
        with Operations.context(context):
            context.run_migrations()
    return head


def current_revision(engine: Engine) -> str | None:
    """The revision a database is at; None before its first migration."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Two deployments at once must not both migrate. The lock ends with the transaction."""
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    yield
