"""List what stands around events: series, working groups, consultations, forms, partners; what is not translated."""

from collections.abc import Mapping

from services.events.domain.form import Form
from services.events.domain.network import Consultation, Series, WorkingGroup
from services.events.store import forms, network, partner_copies, translations
from services.events.store.translations import Untranslated
from shared.store.unit_of_work import UnitOfWork


def list_series(work: UnitOfWork) -> list[Series]:
    """Every series, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return network.all_series(connection)


def list_working_groups(work: UnitOfWork) -> list[WorkingGroup]:
    """Every working group, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return network.all_working_groups(connection)


def list_consultations(work: UnitOfWork) -> list[Consultation]:
    """Every consultation, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return network.all_consultations(connection)


def list_forms(work: UnitOfWork) -> list[Form]:
    """Every published form, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return forms.all_forms(connection)


def list_partner_names(work: UnitOfWork) -> Mapping[str, str]:
    """Names of the partners by slug, as far as registration has published them.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return partner_copies.partner_names(connection)


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
