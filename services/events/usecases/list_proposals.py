"""Look at proposals, with the names of their speakers and what is suggested."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.events.domain.form import Form
from services.events.domain.proposal import PROPOSAL, SPEAKER_FIELDS, Proposal, as_list
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
        named: names of those who agree to be named publicly, as things stand; None if no key opens them.
        suggestion: that waits for a decision; None without.
    """

    proposal: Proposal
    speakers: tuple[str, ...] | None
    named: tuple[str, ...] | None
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
    names = opened_names(keys, proposal)
    speakers, named = _listed(names, proposal.speakers), _listed(names, proposal.still_agreed)
    suggested = proposal.suggested
    if proposal.suggestion is None or not suggested:
        return ShownProposal(proposal, speakers, named, None)
    later = _names(keys, proposal.suggestion.speaker_names, proposal.id)
    changes = (_named(one, names, later) for one in changes_to(proposal, suggested))
    return ShownProposal(proposal, speakers, named, ShownSuggestion(proposal.suggestion.revision, tuple(changes)))


def public_names(work: UnitOfWork, keys: ProposalKeys, event_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Who speaks at each of these side events, as far as it is public, by event: of what is published, who agrees.

    Read again for each page and stored nowhere: a name is gone from the pages, which caches keep for a minute, once the
    consent is taken back, the proposal is withdrawn, or its proposer or the names are erased. No calendar and no mail
    holds them, since what was copied there cannot be taken back.

    Args:
        work: on the database of events.
        keys: of proposals.
        event_ids: of side events; those without a named speaker are not in the answer.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        found = proposals.scheduled_for(connection, event_ids)
    named = {
        one.event_id or "": _listed(opened_names(keys, one), one.still_agreed) for one in found if one.still_agreed
    }
    return {event: names for event, names in named.items() if names}


def opened_names(keys: ProposalKeys, proposal: Proposal) -> dict[str, str] | None:
    """The names of a proposal's speakers by reference, in its order; None if no key opens them."""
    return _names(keys, proposal.speaker_names, proposal.id)


def _names(keys: ProposalKeys, encrypted: bytes | None, proposal_id: str) -> dict[str, str] | None:
    try:
        return keys.names(encrypted, proposal_id)
    except Unsealable:
        return None


def _named(change: Change, before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> Change:
    """The change with names in place of references of speakers."""
    if change.field not in SPEAKER_FIELDS:
        return change
    lists = (_listed(before, as_list(change.before)), _listed(after, as_list(change.after)))
    return Change(change.field, *(None if one is None else list(one) for one in lists))


def _listed(names: Mapping[str, str] | None, references: Collection[str]) -> tuple[str, ...] | None:
    """The names of some speakers, in the order of the proposal."""
    return None if names is None else tuple(name for one, name in names.items() if one in references)


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
