"""Brings a database to the newest schema: Alembic without an ini file, one run at a time.

The logins get their rights in the same transaction, so that no table is ever there without them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from shared.core.errors import SettingsError
from shared.core.rights import Rights, give, logins_of
from shared.store.schema_state import server_problem
from shared.store.session_limits import roles_without_limits

MIGRATION_LOCK = 7240001


@dataclass(frozen=True, slots=True)
class Migrated:
    """Attributes:
    revision: that the schema is at now.
    missing: logins that the server does not have, and that were given nothing.
    unlimited: logins whose sessions have no time limits, so that no process of theirs will be ready.
    """

    revision: str
    missing: list[str]
    unlimited: list[str]


def migrate(engine: Engine, folder: Path, rights: Rights) -> Migrated:
    """Apply what is missing, and give each login its rights.

    A schema of a later version is left as it is, with its rights: that version was rolled back. Its changes add only
    what this one can do without.

    Args:
        engine: its role must own the database.
        folder: the service's ``migrations`` folder with ``versions`` below it.
        rights: by table and login.

    Raises:
        SettingsError: the server is too old.
    """
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    head = scripts.get_current_head() or ""
    with engine.begin() as connection, _alone(connection):
        if problem := server_problem(connection):
            raise SettingsError([problem])
        context = MigrationContext.configure(
            connection, opts={"fn": lambda rev, _ctx: scripts._upgrade_revs(head, rev)}
        )
        found = context.get_current_revision()
        if found is not None and found > head:
            return Migrated(found, [], [])
        with Operations.context(context):
            context.run_migrations()
        owner: Any = connection.connection.driver_connection  # psycopg's
        missing, unlimited = give(owner, rights), roles_without_limits(owner, logins_of(rights))
    return Migrated(head, missing, unlimited)


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
