"""Whether a database can be used by this code. Without Alembic, which only ``migrate`` needs."""

from pathlib import Path

from sqlalchemy import Connection, text

from shared.store.session_limits import limit_problems
from shared.store.unit_of_work import UnitOfWork

OLDEST_SERVER = 16
"""The oldest PostgreSQL with which the tests have passed."""

STANDBY = "database: this server is a standby, which stores nothing; name the primary, or all servers in one address"
_SERVER = text("SELECT current_setting('server_version_num'), pg_is_in_recovery()")


def newest_revision(migrations: Path) -> str:
    """The newest revision in a service's ``migrations`` folder: its files are numbered, ``0007_what_it_does.py``."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def database_problem(work: UnitOfWork, newest: str) -> str:
    """Why this database cannot be used (PostgreSQL or schema too old, a standby, no time limits); empty if it can.

    A later schema than ``newest`` does: migrations only add what the code before them can do without,
    so that the processes of a running system go on while the next version is rolled out.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if problem := server_problem(connection):
            return problem
        limits = limit_problems(connection.connection.driver_connection)  # type: ignore[arg-type]  # psycopg's
        return "\n".join(filter(None, [*limits, _schema_problem(connection, newest)]))


def server_problem(connection: Connection) -> str:
    """Why nothing can be stored on this server: it is too old, or a standby; empty if it can."""
    number, standby = connection.execute(_SERVER).one()
    found = int(number) // 10_000
    if found < OLDEST_SERVER:
        return f"database: PostgreSQL {found} is too old, {OLDEST_SERVER} is the oldest"
    return STANDBY if standby else ""


def _schema_problem(connection: Connection, newest: str) -> str:
    if not connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar():
        return f"schema: there is none, this program needs {newest}; run migrate"
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and str(found) >= newest:
        return ""
    return f"schema: at {found}, this program needs {newest}; run migrate"
