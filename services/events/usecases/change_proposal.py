"""Change what a proposal says: its title, how many are expected, its days. Nobody is told; its status stays."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.events.domain.proposal import Proposal
from services.events.domain.proposal_changes import changes_between
from services.events.store import proposals
from services.events.usecases.decide_proposal import found_for_change
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

CHANGEABLE = frozenset(
    {"title", "summary", "working_group", "organisation", "attendance", "preferred_on", "unavailable_on"}
)


def change_proposal(
    work: UnitOfWork, clock: Clock, proposal_id: str, seen: int, changes: Mapping[str, Any], by: str
) -> Proposal:
    """The proposal with ``changes``, one revision on; unchanged if they change nothing.

    Args:
        proposal_id: UUID text.
        seen: the revision that was looked at.
        changes: by field, of ``CHANGEABLE``.
        by: who changed it, for the record.

    Raises:
        DomainError: ``not-found``; ``changed-meanwhile``, it has another revision by now.
        RulesBroken: with every rule that a change breaks.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        old = found_for_change(connection, proposal_id)
        if old.revision != seen:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        new = replace(old, **{name: value for name, value in changes.items() if name in CHANGEABLE})
        if new == old:
            return old
        revised = replace(new, revision=old.revision + 1)
        proposals.save(connection, revised, by, clock(), changes_between(old, revised))
    return revised
