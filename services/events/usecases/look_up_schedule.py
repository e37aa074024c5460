"""Look at published timetables."""

from services.events.domain.schedule_diff import Difference, difference
from services.events.store import schedule_versions
from services.events.store.schedule_versions import Version
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork


def newest_version(work: UnitOfWork) -> Version | None:
    """The timetable in force; None before the first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return schedule_versions.newest(connection)


def show_version(work: UnitOfWork, number: int) -> Version:
    """One version.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        version = schedule_versions.find(connection, number)
    if version is None:
        raise DomainError("not-found", f"there is no version {number}")
    return version


def compare_versions(work: UnitOfWork, old: int, new: int) -> Difference:
    """What changes from version ``old`` to version ``new``.

    Raises:
        DomainError: ``not-found``, one of them is not there.
        Unavailable: the database is away.
    """
    return difference(show_version(work, old).entries, show_version(work, new).entries)
