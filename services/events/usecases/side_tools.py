"""What routes and pages of side events work with."""

from dataclasses import dataclass

from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.clock import Clock
from shared.public_forms.proof_of_work import ProofKeys
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SideTools:
    """Attributes:
    work: transactions on the service's database.
    clock: of the project.
    keys: close who proposed a side event.
    proof_keys: of challenges; None if the proposal form asks for no proof of work.
    """

    work: UnitOfWork
    clock: Clock
    keys: ProposalKeys
    proof_keys: ProofKeys | None = None
