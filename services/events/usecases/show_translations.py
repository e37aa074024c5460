"""What is not translated yet, over everything in the programme that people read."""

from collections.abc import Mapping

from services.events.store import translations
from services.events.store.translations import Untranslated
from shared.store.unit_of_work import UnitOfWork


def show_missing(work: UnitOfWork) -> Mapping[str, Mapping[str, int]]:
    """How many events, series, working groups, rooms and resources lack each language, by language and kind.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return translations.count_missing(connection)


def list_missing(work: UnitOfWork, language: str, after: tuple[str, str], limit: int) -> list[Untranslated]:
    """What lacks ``language`` in its title or summary.

    Args:
        work: on the database of events.
        language: one of ours.
        after: kind and id of what stands before the first; empty ones for the beginning.
        limit: most that are returned.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return translations.missing_texts(connection, language, after, limit)
