"""What routes and pages of side events work with."""

from dataclasses import dataclass

from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SideTools:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    keys: of proposals.
    """

    work: UnitOfWork
    clock: Clock
    keys: ProposalKeys
