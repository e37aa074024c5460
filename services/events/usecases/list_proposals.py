"""Look at proposals, with the names of their speakers and what is suggested."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from services.events.domain.form import Form
from services.events.domain.proposal import PROPOSAL, Proposal
from services.events.domain.proposal_history import Change, Revision, changes_to
from services.events.store import forms, proposal_lists, proposals
from services.events.store.grouping import CountedGroup
from services.events.store.proposal_lists import ProposalFilter
from services.events.usecases.proposal_keys import ProposalKeys
from shared.core.errors import DomainError
from shared.core.sealing import Unsealable
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """What the registration of an accepted proposal has said since; ``revision`` is the registration's.

    In ``changes``, speakers are named.
    """

    revision: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal as coordinators see it.

    Attributes:
        proposal: as it is.
        speakers: names; None if no key opens them.
        suggestion: that waits for a decision; None without.
    """

    proposal: Proposal
    speakers: tuple[str, ...] | None
    suggestion: ShownSuggestion | None


def list_proposals(work: UnitOfWork, keys: ProposalKeys, wanted: ProposalFilter) -> list[ShownProposal]:
    """Proposals in the order that is asked for.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = proposal_lists.select(connection, wanted)
    return [shown_proposal(keys, proposal) for proposal in found]


def count_proposals(work: UnitOfWork, wanted: ProposalFilter) -> int:
    """How many proposals fit, on all pages.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return proposal_lists.count(connection, wanted)


def group_proposals(
    work: UnitOfWork, wanted: ProposalFilter, names: Sequence[str], at_least: int
) -> list[CountedGroup]:
    """How many proposals have the same values of ``names``, the largest groups first.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return proposal_lists.count_groups(connection, wanted, names, at_least)


def list_suggestions(keys: ProposalKeys, accepted: Iterable[Proposal]) -> list[ShownProposal]:
    """Those of some proposals of which a suggestion waits for a decision."""
    return [shown_proposal(keys, proposal) for proposal in accepted if proposal.suggested]


def show_proposal(work: UnitOfWork, keys: ProposalKeys, proposal_id: str) -> ShownProposal:
    """One proposal.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        proposal = proposals.find(connection, proposal_id)
    if proposal is None:
        raise DomainError("not-found", "there is no such proposal")
    return shown_proposal(keys, proposal)


def shown_proposal(keys: ProposalKeys, proposal: Proposal) -> ShownProposal:
    """A proposal with what is encrypted of it opened."""
    speakers = _names(keys, proposal.speaker_names, proposal.id)
    suggested = proposal.suggested
    if proposal.suggestion is None or not suggested:
        return ShownProposal(proposal, speakers, None)
    named = _names(keys, proposal.suggestion.speaker_names, proposal.id)
    changes = (
        replace(one, before=_listed(speakers), after=_listed(named)) if one.field == "speakers" else one
        for one in changes_to(proposal, suggested)
    )
    return ShownProposal(proposal, speakers, ShownSuggestion(proposal.suggestion.revision, tuple(changes)))


def _names(keys: ProposalKeys, encrypted: bytes | None, proposal_id: str) -> tuple[str, ...] | None:
    try:
        return keys.names(encrypted, proposal_id)
    except Unsealable:
        return None


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def show_history(work: UnitOfWork, proposal_id: str) -> list[Revision]:
    """Every revision of a proposal, from the first on.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = proposals.history(connection, proposal_id)
    if not found:
        raise DomainError("not-found", "there is no such proposal")
    return found


def list_sent_again(work: UnitOfWork, proposal_ids: Collection[str]) -> dict[str, Revision]:
    """When each of these was last submitted again, and what that changed.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return proposals.sent_again(connection, proposal_ids)


def list_proposal_forms(work: UnitOfWork) -> list[Form]:
    """The forms by which side events can be proposed, open or not.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return forms.forms_of_kind(connection, PROPOSAL)
