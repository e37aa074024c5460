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

from shared.db.readiness import server_problem
from shared.db.roles import Rights, give, logins_of, roles_without_limits
from shared.runtime.errors import SettingsError

MIGRATION_LOCK = 7240001


class MigrationRefused(Exception):
    """The schema was not changed; the text has the reason."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """Attributes:
    revision: the revision of the schema now.
    missing: logins that the server does not have, and that therefore have no rights.
    unlimited: logins, and the owner, whose sessions lack a limit, so that no process of theirs will be ready.
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
        rights: the verbs by table and login.

    Raises:
        SettingsError: the server is too old.
    """
    scripts = _scripts(folder)
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
        missing = give(owner, rights)
        unlimited = roles_without_limits(owner, [owner.info.user, *logins_of(rights)])
    return Migrated(head, missing, unlimited)


def migrate_to(engine: Engine, folder: Path, target: str) -> Migrated:
    """Migrate the schema to a revision; an earlier one rolls back the later ones. Rights do not change.

    Only the version that made a change can roll it back, so the newer version runs this, once all processes are
    of the older one. That version's ``migrate`` then gives its own rights.

    Args:
        engine: its role must own the database.
        folder: the service's ``migrations`` folder with ``versions`` below it.
        target: a revision of this code.

    Raises:
        MigrationRefused: this code does not have the database's revision, or no path to the target; nothing was
            changed.
        SettingsError: the server is too old.
    """
    scripts = _scripts(folder)
    with engine.begin() as connection, _alone(connection):
        if problem := server_problem(connection):
            raise SettingsError([problem])
        found = MigrationContext.configure(connection).get_current_revision()
        if problem := rollback_problem(scripts, found, target):
            raise MigrationRefused(problem)
        steps = scripts._upgrade_revs if found is not None and target > found else scripts._downgrade_revs
        context = MigrationContext.configure(connection, opts={"fn": lambda rev, _ctx: steps(target, rev)})
        with Operations.context(context):
            context.run_migrations()
    return Migrated(target, [], [])


def rollback_problem(scripts: ScriptDirectory, found: str | None, target: str) -> str:
    """Why a schema cannot be taken from ``found`` to ``target``; empty if it can.

    A migration that cannot be rolled back has the reason in its module, as ``irreversible``.
    """
    known = {script.revision: script for script in scripts.walk_revisions()}
    if found is None:
        return "there is no schema: run migrate"
    if found not in known:
        return f"the schema is at {found}, and this version supports {max(known)} at most: use the version that made it"
    if target not in known:
        return f"there is no revision {target}; there are {', '.join(sorted(known))}"
    for revision in sorted((newer for newer in known if target < newer <= found), reverse=True):
        module = known[revision].module
        if reason := getattr(module, "irreversible", "" if hasattr(module, "downgrade") else "it has no downgrade"):
            return f"{revision} cannot be rolled back: {reason}"
    return ""


def _scripts(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Two deployments at once must not both migrate. The lock ends with the transaction."""
    connection.execute(text("SET LOCAL lock_timeout = '60s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    yield
