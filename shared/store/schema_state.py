"""Whether a database is far enough for this code. Without Alembic, which only ``migrate`` needs."""

from pathlib import Path

from sqlalchemy import Connection, text

from shared.store.unit_of_work import UnitOfWork

OLDEST_SERVER = 16
"""The oldest PostgreSQL with which the tests have passed."""


def newest_revision(migrations: Path) -> str:
    """The newest revision in a service's ``migrations`` folder: its files are numbered, ``0007_what_it_does.py``."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def database_problem(work: UnitOfWork, newest: str) -> str:
    """Why this database cannot be used (PostgreSQL or schema too old); empty if it can.

    A later schema than ``newest`` does: migrations only add what the code before them can do without,
    so that the processes of a running system go on while the next version is rolled out.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        if problem := server_problem(connection):
            return problem
        if not connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar():
            return f"schema: there is none, this program needs {newest}; run migrate"
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return (
        ""
        if found is not None and str(found) >= newest
        else f"schema: at {found}, this program needs {newest}; run migrate"
    )


def server_problem(connection: Connection) -> str:
    """Why the server is too old; empty if it is not."""
    found = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    return "" if found >= OLDEST_SERVER else f"database: PostgreSQL {found} is too old, {OLDEST_SERVER} is the oldest"
