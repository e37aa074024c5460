"""Whether a database is far enough for this code. Without Alembic, which only ``migrate`` needs."""

from pathlib import Path

from sqlalchemy import text

from shared.core.errors import Unavailable
from shared.store.unit_of_work import UnitOfWork


def newest_revision(migrations: Path) -> str:
    """The newest revision in a service's ``migrations`` folder: its files are numbered, ``0007_what_it_does.py``."""
    return max(file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py"))


def is_far_enough(work: UnitOfWork, newest: str) -> bool:
    """Whether the database answers and has revision ``newest``, or a later one.

    A later one is none of our business: migrations only add what the code before them can do without, so that the
    processes of a running system go on while the next version is rolled out.
    """
    try:
        with work.transaction() as connection:
            if not connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL")).scalar():
                return False
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except Unavailable:
        return False
    return found is not None and str(found) >= newest
