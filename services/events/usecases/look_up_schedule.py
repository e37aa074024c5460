"""Look at published timetables."""

from collections.abc import Mapping

from services.events.domain.schedule_diff import Difference, difference
from services.events.store import events, schedule_versions
from services.events.store.schedule_versions import Version
from shared.core.errors import DomainError
from shared.i18n.content import Text
from shared.store.unit_of_work import UnitOfWork


def newest_version(work: UnitOfWork) -> Version | None:
    """The timetable in force; None before the first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return schedule_versions.newest(connection)


def newest_with_titles(work: UnitOfWork) -> tuple[Version | None, Mapping[str, Text]]:
    """The timetable in force, and the titles of events as they are now, by id: translations come after a version.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return schedule_versions.newest(connection), events.public_titles(connection)


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
