"""List what stands around events: series, working groups, consultations. Each list is short and given whole."""

from services.events.domain.network import Consultation, Series, WorkingGroup
from services.events.store import network
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
