"""What the routes work with, and who sees what."""

from dataclasses import dataclass

from services.events.store.events import Audience
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder_if_any

READERS = ("viewer", "coordinator")
"""Roles that see drafts, meeting links, counts and rosters."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    """

    work: UnitOfWork
    clock: Clock


def audience() -> Audience:
    """For whom a public route answers: coordinators when one of the ``READERS`` calls.

    Raises:
        Unauthorized: a key was sent and nobody holds it.
    """
    return Audience.COORDINATORS if holder_if_any(*READERS) else Audience.PUBLIC
